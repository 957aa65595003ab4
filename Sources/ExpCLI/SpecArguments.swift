internal import ArgumentParser
internal import ExpCore
internal import ExpPlan
internal import ExpSpec

/// A spec with overrides: what `check`, `plan` and `sweep` take.
struct SpecArguments: ParsableArguments {
  @Argument(help: "The spec, a YAML file.") var spec: String

  @Argument(help: "Overrides such as train.steps=20 or seed=[0,1]; a list replaces an axis.")
  var overrides: [String] = []

  @Option(
    help: "What exp-trainer computes on: cpu or cuda (default: the spec's 'resources.device').")
  var device: String?

  func validate() throws {
    if let device, ExperimentSpec.Resources.Device(rawValue: device) == nil {
      throw ValidationError("--device is cpu or cuda, not '\(device)'")
    }
  }

  /// Loads the spec and expands it, showing every problem; ends the command where one of them is an error.
  func plan() throws -> (spec: ExperimentSpec, plan: Plan) {
    let (spec, found) = try load()
    return (spec, try expand(spec, found))
  }

  /// Binds the plan to the trainer that the spec names, or to the one beside this program.
  ///
  /// The trainer is asked what it is while the plan is written out; that it cannot be asked is told of after all that
  /// is wrong with the spec.
  func session() throws -> SweepSession {
    let (spec, found) = try load()
    let compute = TrainerProbe.compute(for: spec.resources)
    let asked = Result { try TrainerInquiry(command: spec.trainerCommand, compute: compute) }
    let plan = try expand(spec, found)
    return try SweepSession(
      spec: spec, plan: plan, trainer: asked.get().answer(), compute: compute)
  }

  /// Without GPUs none are wanted, whatever the spec says of them.
  private var deviceOverrides: [String] {
    guard let device else { return [] }
    return ["resources.device=\(device)"] + (device == "cpu" ? ["resources.gpus=0"] : [])
  }

  private func load() throws -> (ExperimentSpec, [Diagnostic]) {
    let (loaded, found) = SpecLoader.load(
      path: spec, overrides: overrides + deviceOverrides)
    guard let loaded else {
      show(found)
      throw refusal(found)
    }
    return (loaded, found)
  }

  private func expand(_ spec: ExperimentSpec, _ found: [Diagnostic]) throws -> Plan {
    let expansion = Plan.expand(spec, reported: found)
    let all = found + expansion.diagnostics
    show(all)
    guard let plan = expansion.plan, !all.contains(where: { $0.severity == .error }) else {
      throw refusal(all)
    }
    return plan
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
