public import ExpCore

/// The document of `exp fit --json`: every run's law, the rivals, the lines across sizes, and the
/// held-out sizes.
///
/// Numbers that do not exist are null, with the reason beside them. Slopes are per natural
/// logarithm of the non-embedding parameters; `intercept` is the value at ln N = 0. Members that
/// end in `_se` are standard errors, those in `_low` and `_high` the ends of intervals of coverage
/// `level`.
public struct FitReport: Sendable {
  /// A held-out size settled by its runs.
  public struct HeldOut: Sendable {
    let test: SizeTest
    let registeredAt: String?

    /// Makes a settled size; `registeredAt` is nil where the prediction is made only now.
    public init(_ test: SizeTest, registeredAt: String?) {
      self.test = test
      self.registeredAt = registeredAt
    }
  }

  let fit: SweepFit
  /// The held-out sizes, by registered predictions where there are any.
  public var settled: [HeldOut]
  /// Which H stands beside which R; nil for a log whose definition says it.
  public var pairing: LawPairing?
  /// Runs that have not ended well.
  public var unfinished: [UnfinishedRun] = []
  /// How well the first points foretell the rest; nil where nobody asked.
  public var early: EarlyPrediction?

  /// Makes the report of a sweep's fits, its held-out sizes by predictions made only now.
  public init(_ fit: SweepFit) {
    self.fit = fit
    settled = fit.heldOut.map { HeldOut($0, registeredAt: nil) }
  }

  /// The document.
  public var json: JSONValue {
    var members: [String: JSONValue] = [
      "runs": .array(fit.runs.map(FitReport.json)), "rivals": RivalSummary(fit.runs).json,
      "scaling": scaling, "level": .number(fit.level), "data_sha256": .string(fit.dataHash.hex),
      "pairing": pairing.map { .string($0.rawValue) } ?? .null,
      "definitions": .array(DefinitionGroups(fit.runs.map(\.curve)).groups.map(FitReport.json)),
      "unfinished_runs": .array(unfinished.map(FitReport.json)),
    ]
    if let early { members["early_prediction"] = early.json }
    return .object(members)
  }
}

extension FitReport {
  private static func json(_ run: RunFit) -> JSONValue {
    var members: [String: JSONValue] = [
      "id": .string(run.curve.id), "model_params": .optional(run.curve.modelParams),
      "seed": .optional(run.curve.seed.map(Double.init)),
      "base_seed": .optional(run.curve.baseSeed.map(Double.init)),
      "held_out": .bool(run.curve.isHeldOut),
      "labels": .object(run.curve.labels.mapValues(JSONValue.string)),
      "prompts": .optional(run.curve.promptCount.map(Double.init)),
      "warnings": .array(run.warnings.map { .string($0.message) }),
      "law_holds": .bool(run.lawHolds), "rivals": run.rivals?.json ?? .null,
    ]
    switch run.law {
    case .success(let law): members.merge(law.jsonMembers) { _, new in new }
    case .failure(let none): members.merge(none.jsonMembers(of: run)) { _, new in new }
    }
    return .object(members)
  }

  private static func json(_ unfinished: UnfinishedRun) -> JSONValue {
    .object([
      "state": .string(unfinished.state), "step": .number(Double(unfinished.step)),
      "steps": .optional(unfinished.plannedSteps.map(Double.init)), "run": json(unfinished.run),
    ])
  }

  private static func json(_ group: DefinitionGroups.Group) -> JSONValue {
    .object([
      "definition": .string(group.definition), "runs": .array(group.runs.map(JSONValue.string)),
    ])
  }

  /// The settled sizes, each with the time of its registration, null where there was none.
  var settledSizes: [JSONValue] {
    settled.map { size in
      var members = size.test.json(ceilingRange: fit.ceilingRange).object ?? [:]
      members["registered_at"] = size.registeredAt.map(JSONValue.string) ?? .null
      return .object(members)
    }
  }
}
