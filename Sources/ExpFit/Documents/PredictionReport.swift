public import ExpCore

/// The document of `exp predict --json`, which is also what a registered prediction is stored as.
public struct PredictionReport: Sendable {
  private let prediction: SizePrediction
  private let isForced: Bool

  /// Makes the report; `force` shows a ceiling that the guards would withhold.
  public init(_ prediction: SizePrediction, force: Bool = false) {
    self.prediction = prediction
    isForced = force
  }

  /// The document; numbers that do not exist are null, with `reason` where the ceiling is withheld.
  public var json: JSONValue {
    let forecast = prediction.forecast
    let isWithheld = prediction.withheldReason != nil && !isForced
    var members = forecast.members(ceilingWithheld: isWithheld)
    members["reason"] = prediction.withheldReason.map(JSONValue.string) ?? .null
    members["interval_reason"] =
      forecast.ceiling.interval == nil
      ? .string("an interval needs runs of at least 3 sizes, here are \(prediction.sizes.count)")
      : .null
    members["warnings"] = .array(prediction.warnings.map(JSONValue.string))
    members["sizes"] = .array(prediction.sizes.map(JSONValue.number))
    members["run_count"] = .number(Double(prediction.runCount))
    members["interval_width"] = isWithheld ? .null : .optional(forecast.ceiling.interval?.width)
    members["ceiling_range"] = prediction.ceilingRange.json
    members["leave_largest_out"] =
      prediction.leaveOneOut?.largest.json(ceilingRange: prediction.ceilingRange) ?? .null
    members["leave_one_size_out"] = prediction.leaveOneOut?.json ?? .null
    members["data_sha256"] = .string(prediction.dataHash.hex)
    return .object(members)
  }
}

extension SizeForecast {
  /// Reads a forecast back from a stored `PredictionReport`.
  ///
  /// A withheld ceiling comes back as b - a without an interval.
  /// - Throws: `NoFit` naming the key that is missing or no number.
  public init(stored document: JSONValue) throws(NoFit) {
    func number(_ path: String) throws(NoFit) -> Double {
      guard let value = document[path: path]?.number, value.isFinite else {
        throw NoFit("the stored prediction has no number at '\(path)'")
      }
      return value
    }
    func interval(_ key: String) -> Interval? { Interval(stored: document, key: key) }
    func numbers(_ path: String) throws(NoFit) -> LawNumbers {
      LawNumbers(
        a: try number(path + ".a"), b: try number(path + ".b"),
        ceiling: try number(path + ".ceiling"))
    }
    size = try number("size")
    a = Estimate(value: try number("a"), interval: interval("a"))
    b = Estimate(value: try number("b"), interval: interval("b"))
    let value = document[path: "ceiling"]?.number ?? b.value - a.value
    ceiling = Estimate(value: value, interval: interval("ceiling"))
    level = try number("level")
    form = document[path: "form"]?.string.flatMap(ScalingForm.init) ?? .logLinear
    forms = (document[path: "forms"]?.array ?? []).compactMap(FormForecast.init(stored:))
    decadesExtrapolated = try number("decades_extrapolated")
    naiveLargest = try numbers("naive.largest_size")
    naiveMean = try numbers("naive.mean_of_sizes")
  }
}

extension Interval {
  /// Reads the ends `key_low` and `key_high`; nil unless both are there.
  fileprivate init?(stored document: JSONValue, key: String) {
    guard let low = document[path: key + "_low"]?.number,
      let high = document[path: key + "_high"]?.number
    else { return nil }
    self.init(low: low, high: high)
  }
}

extension FormForecast {
  /// Reads one form's numbers back; nil where one is missing or the form unknown.
  fileprivate init?(stored document: JSONValue) {
    guard let form = document[path: "form"]?.string.flatMap(ScalingForm.init),
      let weight = document[path: "weight"]?.number, let a = document[path: "a"]?.number,
      let b = document[path: "b"]?.number
    else { return nil }
    func estimate(_ value: Double, _ key: String) -> Estimate {
      Estimate(value: value, interval: Interval(stored: document, key: key))
    }
    self.init(
      form: form, weight: weight, a: estimate(a, "a"), b: estimate(b, "b"),
      ceiling: estimate(document[path: "ceiling"]?.number ?? b - a, "ceiling"))
  }
}
