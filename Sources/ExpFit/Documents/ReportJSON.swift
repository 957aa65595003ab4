public import ExpCore

extension JSONValue {
  /// A number, or null where there is none or it is not finite.
  static func optional(_ number: Double?) -> JSONValue {
    guard let number, number.isFinite else { return .null }
    return .number(number)
  }
}

extension Interval {
  /// The ends as `low` and `high`.
  var json: JSONValue { .object(["low": .optional(low), "high": .optional(high)]) }
}

extension LawNumbers {
  /// The three numbers by name.
  var json: JSONValue {
    .object(["a": .optional(a), "b": .optional(b), "ceiling": .optional(ceiling)])
  }
}

extension SizeForecast {
  /// The members that every prediction has, flat: value, ends of the interval, level, distance,
  /// naive predictions.
  func members(ceilingWithheld: Bool = false) -> [String: JSONValue] {
    [
      "size": .number(size), "a": .optional(a.value), "a_low": .optional(a.interval?.low),
      "a_high": .optional(a.interval?.high), "b": .optional(b.value),
      "b_low": .optional(b.interval?.low), "b_high": .optional(b.interval?.high),
      "ceiling": ceilingWithheld ? .null : .optional(ceiling.value),
      "ceiling_low": ceilingWithheld ? .null : .optional(ceiling.interval?.low),
      "ceiling_high": ceilingWithheld ? .null : .optional(ceiling.interval?.high),
      "level": .number(level), "form": .string(form.rawValue),
      "forms": .array(forms.map { $0.json(ceilingWithheld: ceilingWithheld) }),
      "decades_extrapolated": .optional(decadesExtrapolated),
      "naive": .object([
        "largest_size": naiveLargest.json, "mean_of_sizes": naiveMean.json,
      ]),
    ]
  }
}

extension FormForecast {
  /// One form's numbers, shaped as the forecast's own.
  func json(ceilingWithheld: Bool) -> JSONValue {
    .object([
      "form": .string(form.rawValue), "weight": .optional(weight), "a": .optional(a.value),
      "a_low": .optional(a.interval?.low), "a_high": .optional(a.interval?.high),
      "b": .optional(b.value), "b_low": .optional(b.interval?.low),
      "b_high": .optional(b.interval?.high),
      "ceiling": ceilingWithheld ? .null : .optional(ceiling.value),
      "ceiling_low": ceilingWithheld ? .null : .optional(ceiling.interval?.low),
      "ceiling_high": ceilingWithheld ? .null : .optional(ceiling.interval?.high),
    ])
  }
}

extension SizeTest {
  /// The test as a document: prediction, observation, errors, naive errors, and the interval's
  /// width beside the range of ceilings.
  public func json(ceilingRange: Interval?) -> JSONValue {
    let width = forecast.ceiling.interval?.width
    return .object([
      "size": .number(forecast.size), "runs": .number(Double(runCount)),
      "predicted": .object(forecast.members()), "observed": observed.json, "error": error.json,
      "naive_errors": .object([
        "largest_size": naiveLargestError.json, "mean_of_sizes": naiveMeanError.json,
      ]),
      "form_errors": .object(
        Dictionary(uniqueKeysWithValues: formErrors.map { ($0.key.rawValue, $0.value.json) })),
      "ceiling_inside": isCeilingInside.map(JSONValue.bool) ?? .null,
      "beats_naive": .bool(beatsNaive), "curve_rmse": .optional(curveRMSE),
      "predicted_final_score": .optional(predictedFinalScore),
      "last_score": .optional(lastScore), "best_score": .optional(bestScore),
      "interval_width": .optional(width), "ceiling_range": .optional(ceilingRange?.width),
    ])
  }
}

extension LeaveOneSizeOut {
  /// The errors as a document: root mean squares beside the naive ones, and every size's test in
  /// short.
  var json: JSONValue {
    .object([
      "rmse": rmse.json,
      "form_rmse": .object([
        "log_linear": rmse(of: .logLinear)?.json ?? .null,
        "power_law": rmse(of: .powerLaw)?.json ?? .null,
      ]),
      "naive_rmse": .object([
        "largest_size": naiveLargestRMSE.json, "mean_of_sizes": naiveMeanRMSE.json,
      ]),
      "sizes": .array(
        tests.map {
          .object([
            "size": .number($0.forecast.size), "form": .string($0.forecast.form.rawValue),
            "error": $0.error.json,
            "ceiling_inside": $0.isCeilingInside.map(JSONValue.bool) ?? .null,
          ])
        }),
    ])
  }
}
