public import ExpCore

/// The document of `exp fit --json`: every run's law, the lines across sizes, and the held-out
/// sizes.
///
/// Numbers that do not exist are null, with the reason beside them. Slopes are per natural
/// logarithm of the non-embedding parameters; `intercept` is the value at ln N = 0.
public struct FitReport: Sendable {
  private let fit: SweepFit

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

  private var scaling: JSONValue {
    var members: [String: JSONValue] = [
      "a": FitReport.noLine, "b": FitReport.noLine, "ceiling": FitReport.noLine,
      "sizes": .array([]), "run_count": .number(0), "ceiling_range": .null,
      "leave_largest_out": .null, "leave_one_size_out": .null,
      "naive": .null, "warnings": .array(fit.scalingWarnings.map(JSONValue.string)),
      "held_out": heldOut, "reason": .null,
    ]
    switch fit.scaling {
    case .failure(let none): members["reason"] = .string(none.reason)
    case .success(let lines):
      members["a"] = FitReport.json(lines.a)
      members["b"] = FitReport.json(lines.b)
      members["ceiling"] = FitReport.json(lines.ceiling)
      members["sizes"] = .array(lines.sizes.map(JSONValue.number))
      members["run_count"] = .number(Double(lines.runCount))
      members["ceiling_range"] = lines.ceilingRange.json
      let forecast = lines.forecast(size: lines.sizes[lines.sizes.count - 1])
      members["naive"] = .object([
        "largest_size": forecast.naiveLargest.json, "mean_of_sizes": forecast.naiveMean.json,
      ])
    }
    if let leaveOneOut = fit.leaveOneOut {
      members["leave_largest_out"] = leaveOneOut.largest.json(ceilingRange: fit.ceilingRange)
      members["leave_one_size_out"] = leaveOneOut.json
    }
    return .object(members)
  }

  private var heldOut: JSONValue {
    let runs = fit.runs.filter(\.curve.isHeldOut)
    let without = runs.filter { $0.runLaw == nil }.map { JSONValue.string($0.curve.id) }
    var reason = JSONValue.null
    if runs.isEmpty { reason = "no run is held out" }
    if case .failure(let none) = fit.scaling, !runs.isEmpty { reason = .string(none.reason) }
    return .object([
      "sizes": .array(fit.heldOut.map { $0.json(ceilingRange: fit.ceilingRange) }),
      "runs_without_fit": .array(without), "reason": reason,
    ])
  }

  private static let noLine: JSONValue = ["intercept": nil, "slope": nil]

  private static func json(_ line: ScalingLine) -> JSONValue {
    .object([
      "intercept": .number(line.intercept), "slope": .number(line.slope),
      "intercept_low": .optional(line.interceptInterval?.low),
      "intercept_high": .optional(line.interceptInterval?.high),
      "slope_low": .optional(line.slopeInterval?.low),
      "slope_high": .optional(line.slopeInterval?.high),
      "r2": .number(line.r2), "rmse": .number(line.rmse),
      "size_sd": .optional(line.sizeVariance?.squareRoot()),
      "seed_sd": .optional(line.seedVariance?.squareRoot()),
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

extension SweepFit {
  /// The smallest and the largest ceiling of the runs across sizes; nil without lines.
  var ceilingRange: Interval? {
    guard case .success(let lines) = scaling else { return nil }
    return lines.ceilingRange
  }
}
