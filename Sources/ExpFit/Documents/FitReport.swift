public import ExpCore

/// The document of `exp fit --json`: every run's law, the lines across sizes, and the held-out
/// sizes.
///
/// Numbers that do not exist are null, with the reason beside them. Slopes are per natural
/// logarithm of the non-embedding parameters; `intercept` is the value at ln N = 0.
public struct FitReport: Sendable {
  let fit: SweepFit

  /// Makes the report of a sweep's fits.
  public init(_ fit: SweepFit) { self.fit = fit }

  /// The document.
  public var json: JSONValue {
    .object([
      "runs": .array(fit.runs.map(FitReport.json)),
      "scaling": scaling,
      "level": .number(fit.level),
      "data_sha256": .string(fit.dataHash.hex),
    ])
  }
}

extension FitReport {
  private static func json(_ run: RunFit) -> JSONValue {
    var members: [String: JSONValue] = [
      "id": .string(run.curve.id), "model_params": .number(run.curve.modelParams),
      "seed": .optional(run.curve.seed.map(Double.init)),
      "base_seed": .optional(run.curve.baseSeed.map(Double.init)),
      "held_out": .bool(run.curve.isHeldOut),
      "labels": .object(run.curve.labels.mapValues(JSONValue.string)),
      "warnings": .array(run.warnings.map { .string($0.message) }),
      "law_holds": .bool(run.lawHolds), "rivals": run.rivals?.json ?? .null,
    ]
    switch run.law {
    case .success(let law): members.merge(json(law)) { _, new in new }
    case .failure(let none): members.merge(noLaw(run, none)) { _, new in new }
    }
    return .object(members)
  }

  private static let lawKeys = [
    "a", "b", "ceiling", "r2", "rmse", "a_se", "b_se", "ceiling_se", "a_low", "a_high", "b_low",
    "b_high", "ceiling_low", "ceiling_high", "ab_covariance", "residual_autocorrelation",
    "degrees_of_freedom", "entropy_low", "entropy_high", "extrapolation",
  ]

  private static func noLaw(_ run: RunFit, _ none: NoFit) -> [String: JSONValue] {
    var members = Dictionary(uniqueKeysWithValues: lawKeys.map { ($0, JSONValue.null) })
    members["points"] = .number(Double(run.curve.usablePoints.count))
    members["reason"] = .string(none.reason)
    return members
  }

  private static func json(_ law: LawFit) -> [String: JSONValue] {
    let values = [
      law.a, law.b, law.ceiling, law.r2, law.rmse, law.aStandardError, law.bStandardError,
      law.ceilingStandardError, law.aInterval.low, law.aInterval.high, law.bInterval.low,
      law.bInterval.high, law.ceilingInterval.low, law.ceilingInterval.high, law.covarianceAB,
      law.residualAutocorrelation, law.degreesOfFreedom, law.entropyRange.low,
      law.entropyRange.high, law.extrapolation,
    ]
    var members = Dictionary(
      uniqueKeysWithValues: zip(lawKeys, values.map(JSONValue.number)))
    members["points"] = .number(Double(law.pointCount))
    members["reason"] = .null
    return members
  }
}
