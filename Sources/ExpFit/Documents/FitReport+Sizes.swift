internal import ExpCore

extension FitReport {
  var scaling: JSONValue {
    var members: [String: JSONValue] = [
      "a": FitReport.noLine, "b": FitReport.noLine, "ceiling": FitReport.noLine,
      "sizes": .array([]), "run_count": .number(0), "ceiling_range": .null,
      "leave_largest_out": .null, "leave_one_size_out": .null,
      "naive": .null, "power_law": .null, "power_law_reason": .null, "log_linear_weight": .null,
      "warnings": .array(fit.scalingWarnings.map(JSONValue.string)),
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
      members["log_linear_weight"] = .number(lines.logLinearWeight)
      switch lines.powerLaw {
      case .success(let power):
        members["power_law"] = .object([
          "a": FitReport.json(power.a), "b": FitReport.json(power.b),
        ])
      case .failure(let none): members["power_law_reason"] = .string(none.reason)
      }
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
      "sizes": .array(settledSizes),
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
      "base_sd": .optional(line.baseVariance?.squareRoot()),
      "seed_sd": .optional(line.seedVariance?.squareRoot()),
    ])
  }

  private static func json(_ curve: PowerCurve) -> JSONValue {
    .object([
      "factor": .optional(curve.factor), "exponent": .number(curve.exponent),
      "r2": .optional(curve.r2), "rmse": .optional(curve.rmse),
    ])
  }
}

extension SweepFit {
  /// The smallest and the largest ceiling of the runs across sizes; nil without lines.
  var ceilingRange: Interval? {
    guard case .success(let lines) = scaling else { return nil }
    return lines.ceilingRange
  }
}
