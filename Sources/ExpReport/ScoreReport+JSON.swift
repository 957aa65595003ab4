public import ExpCore
internal import ExpFit

extension ScoreReport {
  /// The document of `exp score --json`; numbers that do not exist are null.
  public var json: JSONValue {
    let summary = summary
    return [
      "predictions": .array(entries.map(\.json)),
      "summary": [
        "settled": .number(Double(summary.count)),
        "with_interval": .number(Double(summary.intervalCount)),
        "inside": .number(Double(summary.insideCount)),
        "inside_low": number(summary.insideRange?.low),
        "inside_high": number(summary.insideRange?.high),
        "mean_error": number(summary.meanError), "rmse": number(summary.rmse),
        "naive_rmse": [
          "largest_size": number(summary.naiveLargestRMSE),
          "mean_of_sizes": number(summary.naiveMeanRMSE),
        ],
        "beats_naive": .number(Double(summary.beatsNaiveCount)),
        "withheld": .number(Double(summary.withheldCount)),
        "is_few": .bool(summary.count < ScoreSummary.fewCount),
      ],
    ]
  }
}

private func number(_ value: Double?) -> JSONValue {
  guard let value, value.isFinite else { return .null }
  return .number(value)
}

private func text(_ value: String?) -> JSONValue { value.map(JSONValue.string) ?? .null }

extension ScoreReport.Entry {
  var json: JSONValue {
    var reason: String?
    if case .open(let words) = outcome { reason = words }
    return [
      "sweep": .string(sweep), "size": .string(size), "registered_at": .string(registeredAt),
      "first_run_at": text(firstRunAt), "counts": .bool(discounted == nil),
      "reason_not_counted": text(discounted), "data_unchanged": .bool(dataChange == nil),
      "data_change": text(dataChange), "settled": .bool(scored != nil),
      "reason_not_settled": text(reason), "withheld": .bool(claim.ceiling == nil),
      "predicted": [
        "a": number(claim.a), "b": number(claim.b), "ceiling": number(claim.ceiling),
        "ceiling_low": number(claim.interval?.low), "ceiling_high": number(claim.interval?.high),
        "level": number(claim.level),
      ],
      "measured": scored.map { scored in
        [
          "ceiling": number(scored.measured.value),
          "ceiling_low": number(scored.measured.interval?.low),
          "ceiling_high": number(scored.measured.interval?.high),
          "runs": .number(Double(scored.measured.runCount)),
          "doubtful_runs": .number(Double(scored.measured.doubtfulCount)),
        ]
      } ?? .null,
      "error": number(scored?.error), "inside": scored?.isInside.map(JSONValue.bool) ?? .null,
      "interval_score": number(scored?.intervalScore),
      "naive_errors": [
        "largest_size": number(scored?.naiveLargestError),
        "mean_of_sizes": number(scored?.naiveMeanError),
      ],
      "beats_naive": scored?.beatsNaive.map(JSONValue.bool) ?? .null,
      "curve_rmse": number(scored?.curveRMSE), "notes": .array(notes.map(JSONValue.string)),
    ]
  }
}
