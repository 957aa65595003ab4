internal import ExpCore

extension LawFit {
  fileprivate static let numberKeys = [
    "a", "b", "ceiling", "r2", "rmse", "a_se", "b_se", "ceiling_se", "a_low", "a_high", "b_low",
    "b_high", "ceiling_low", "ceiling_high", "ab_covariance", "residual_autocorrelation",
    "degrees_of_freedom", "entropy_low", "entropy_high", "extrapolation",
  ]
  fileprivate static let objectKeys = ["method", "influence"]

  /// The members that a law has in a document, flat.
  var jsonMembers: [String: JSONValue] {
    let values = [
      a, b, ceiling, r2, rmse, aStandardError, bStandardError, ceilingStandardError, aInterval.low,
      aInterval.high, bInterval.low, bInterval.high, ceilingInterval.low, ceilingInterval.high,
      covarianceAB, residualAutocorrelation, degreesOfFreedom, entropyRange.low, entropyRange.high,
      extrapolation,
    ]
    var members = Dictionary(
      uniqueKeysWithValues: zip(LawFit.numberKeys, values.map(JSONValue.number)))
    members["points"] = .number(Double(pointCount))
    members["reason"] = .null
    members["method"] = method.json
    members["influence"] = influence.json
    return members
  }
}

extension LawMethod {
  /// The names of estimator and errors.
  var json: JSONValue {
    .object(["estimator": .string(estimator.rawValue), "errors": .string(errors.rawValue)])
  }
}

extension LawInfluence {
  /// Both deletions; null where the rest has no line.
  var json: JSONValue {
    .object(["first_point": first?.json ?? .null, "first_tenth": firstTenth?.json ?? .null])
  }
}

extension LawInfluence.Deletion {
  fileprivate var json: JSONValue {
    .object([
      "points": .number(Double(count)), "ceiling_change": .optional(change),
      "ceiling_change_in_se": .optional(inStandardErrors),
    ])
  }
}

extension NoFit {
  /// The members of a law that there is none of: null, with the reason beside them.
  func jsonMembers(of run: RunFit) -> [String: JSONValue] {
    var members = Dictionary(
      uniqueKeysWithValues: (LawFit.numberKeys + LawFit.objectKeys).map { ($0, JSONValue.null) })
    members["points"] = .number(Double(run.curve.usablePoints.count))
    members["reason"] = .string(reason)
    return members
  }
}
