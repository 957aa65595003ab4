internal import ArgumentParser
internal import ExpPlan
internal import ExpStore

/// `exp why`: which key made a point new.
struct WhyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "why",
    abstract: "Say which keys set a point apart from the runs there are.")

  @Argument(help: "The point: its label, or a beginning of its config hash.") var point: String
  @OptionGroup var arguments: SpecArguments
  @OptionGroup var location: LocationOptions

  func run() throws {
    try reportingFailures {
      let (_, plan) = try arguments.plan()
      guard let wanted = plan.point(named: point) else {
        throw Failure(
          "the plan of '\(arguments.spec)' has no point '\(point)'; 'exp plan \(arguments.spec)' lists them",
          code: ExitStatus.usage)
      }
      let known = try location.openStore().runs().map {
        KnownConfig(name: "\($0.label) (\($0.id))", config: $0.params)
      }
      Terminal.output(Plan.why(wanted, against: known).description)
    }
  }
}
