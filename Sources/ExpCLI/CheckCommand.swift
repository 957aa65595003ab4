internal import ArgumentParser
internal import ExpCore
internal import ExpPlan

/// `exp check`: every problem of a spec at once.
struct CheckCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check",
    abstract: "Show every problem of a spec, each with its place and the mend.",
    discussion: "Needs no repository and no runs. Leaves with 64 where there is an error.")

  @OptionGroup var arguments: SpecArguments

  func run() throws {
    try reportingFailures {
      let (_, plan) = try arguments.plan()
      Terminal.message(
        "\(arguments.spec) is fine: \(SpecArguments.count(plan.points.count, "point"))")
    }
  }
}
