internal import ArgumentParser
internal import ExpCore
internal import ExpPlan
internal import ExpSpec

/// A spec with overrides: what `check`, `plan` and `sweep` take.
struct SpecArguments: ParsableArguments {
  @Argument(help: "The spec, a YAML file.") var spec: String

  @Argument(help: "Overrides such as train.steps=20 or seed=[0,1]; a list replaces an axis.")
  var overrides: [String] = []

  /// Loads the spec and expands it, showing every problem; ends the command where one of them is an error.
  func plan() throws -> (spec: ExperimentSpec, plan: Plan) {
    let (loaded, found) = SpecLoader.load(path: spec, overrides: overrides)
    guard let loaded else {
      show(found)
      throw refusal(found)
    }
    let expansion = Plan.expand(loaded, reported: found)
    let all = found + expansion.diagnostics
    show(all)
    guard let plan = expansion.plan, !all.contains(where: { $0.severity == .error }) else {
      throw refusal(all)
    }
    return (loaded, plan)
  }

  private func refusal(_ diagnostics: [Diagnostic]) -> ExitCode {
    let errors = diagnostics.count { $0.severity == .error }
    Terminal.message(SpecArguments.count(errors, "error") + " in '\(spec)'")
    return ExitStatus.usage
  }

  /// A count with its noun.
  static func count(_ number: Int, _ noun: String) -> String {
    number == 1 ? "1 \(noun)" : "\(number) \(noun)s"
  }
}
