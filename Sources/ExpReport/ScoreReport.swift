public import ExpFit

/// What `exp score` tells: registered predictions beside what was measured.
public struct ScoreReport: Sendable {
  /// One registered prediction.
  public struct Entry: Sendable {
    /// What has become of it.
    public enum Outcome: Sendable {
      /// The runs of its size are there.
      case settled(ScoredPrediction)
      /// They are not, and why.
      case open(String)
    }

    /// The sweep it was made from.
    public var sweep: String
    /// The size, as it was named.
    public var size: String
    /// What was written down.
    public var claim: ScoredPrediction.Claim
    /// When it was registered, UTC.
    public var registeredAt: String
    /// When the first run of the size began, UTC; nil where none has.
    public var firstRunAt: String?
    /// What has become of it.
    public var outcome: Outcome
    /// Why it is not counted; nil where it is.
    public var discounted: String?
    /// How the data differ now from those it was made from; nil where they are the same.
    public var dataChange: String?
    /// What else a reader has to know.
    public var notes: [String]

    /// Makes an entry.
    public init(
      sweep: String, size: String, claim: ScoredPrediction.Claim, registeredAt: String,
      firstRunAt: String?, outcome: Outcome, discounted: String?, dataChange: String?,
      notes: [String]
    ) {
      self.sweep = sweep
      self.size = size
      self.claim = claim
      self.registeredAt = registeredAt
      self.firstRunAt = firstRunAt
      self.outcome = outcome
      self.discounted = discounted
      self.dataChange = dataChange
      self.notes = notes
    }

    var scored: ScoredPrediction? {
      guard case .settled(let scored) = outcome else { return nil }
      return scored
    }
  }

  /// The predictions, oldest first in each sweep.
  public var entries: [Entry]

  /// Makes a report.
  public init(_ entries: [Entry]) { self.entries = entries }

  /// What the predictions that count say together.
  public var summary: ScoreSummary {
    ScoreSummary(entries.filter { $0.discounted == nil }.compactMap(\.scored))
  }

  /// Returns the report as text.
  public func rendered(_ style: Style = .plain) -> String {
    guard !entries.isEmpty else {
      return DisplayText.wrapped(ScoreReport.emptyWords, to: style.width).joined(separator: "\n")
    }
    var lines = [table.rendered(style)]
    let words =
      "error: predicted less measured ceiling; interval score: width and a penalty for missing, smaller is better "
      + "(Gneiting and Raftery 2007); as largest, as mean: errors of 'same as the largest size run' and 'mean of the "
      + "sizes'; RMSE: of the predicted curve at the measured H; (…): does not count"
    lines += DisplayText.wrapped(words, to: style.width)
    lines += entries.flatMap { entry in
      entry.remarks.flatMap {
        PredictionText.bullet("\(entry.sweep) \(entry.size): \($0)", style)
      }
    }
    let together = summaryWords.flatMap { DisplayText.wrapped($0, to: style.width) }
    return lines.joined(separator: "\n") + "\n\n" + together.joined(separator: "\n")
  }

  private static let emptyWords =
    "no prediction is registered. 'exp predict --size 1m --from SWEEP --register' writes one down before runs of that "
    + "size begin, and a sweep whose spec has 'hold_out' does so by itself"

  private var table: TextTable {
    TextTable(
      columns: [
        .init("sweep, size"), .init("registered"), .init("predicted", .right),
        .init("measured", .right), .init("runs", .right), .init("error", .right),
        .init("inside"), .init("interval score", .right), .init("as largest", .right),
        .init("as mean", .right), .init("RMSE", .right),
      ],
      rows: entries.map(\.cells))
  }

  private var summaryWords: [String] {
    let summary = summary
    let open = entries.count { $0.scored == nil }
    var words: [String] = []
    if open > 0 { words.append("\(PredictionText.count(open, "prediction")) not yet settled") }
    let withheld =
      summary.withheldCount > 0
      ? ["withheld ceilings, not in these numbers: \(summary.withheldCount)"] : []
    guard summary.count > 0 else {
      return words
        + ["no settled prediction with a ceiling counts, so there is nothing to sum up"] + withheld
    }
    words.append(
      "\(PredictionText.count(summary.count, "settled prediction")): \(summary.insideCount) of "
        + "\(summary.intervalCount) inside \(summary.intervalCount == 1 ? "its interval" : "their intervals")"
        + (summary.insideRange.map {
          " (95 % interval of the share: \(ScoreReport.percent($0.low)) to \(ScoreReport.percent($0.high)) %)"
        } ?? ""))
    words.append(
      "mean error \(ScoreReport.signed(summary.meanError)); root mean squared error "
        + "\(NumberText.significant(summary.rmse, digits: 2)), as largest "
        + "\(NumberText.significant(summary.naiveLargestRMSE, digits: 2)), as mean "
        + "\(NumberText.significant(summary.naiveMeanRMSE, digits: 2)); closer than both naive ones: "
        + "\(summary.beatsNaiveCount) of \(summary.count)")
    words += withheld
    if summary.count < ScoreSummary.fewCount {
      words.append(
        "so few predictions prove little: they say neither that the intervals cover as they claim nor that they do not"
      )
    }
    return words
  }

  static func signed(_ value: Double?) -> String {
    let text = NumberText.fixed(value, decimals: 3)
    return value ?? 0 > 0 ? "+\(text)" : text
  }

  private static func percent(_ share: Double) -> String {
    NumberText.fixed(share * 100, decimals: 0)
  }
}

extension ScoreReport.Entry {
  /// The date and time to the minute, for columns that a narrow terminal would cut.
  private var day: String { String(registeredAt.prefix(16)).replacing("T", with: " ") }

  var cells: [TextTable.Cell] {
    let predicted =
      claim.ceiling.map { PredictionText.interval($0, claim.interval) } ?? "withheld"
    let name = discounted == nil ? "\(sweep) \(size)" : "(\(sweep) \(size))"
    guard let scored else {
      return [.init(name), .init(day), .init(predicted), .init("not yet")]
    }
    let inside = scored.isInside.map { $0 ? "yes" : "NO" } ?? NumberText.missing
    return [
      .init(name), .init(day), .init(predicted),
      .init(PredictionText.interval(scored.measured.value, scored.measured.interval)),
      .init(String(scored.measured.runCount)), .init(ScoreReport.signed(scored.error)),
      .init(inside, scored.isInside == false ? .red : nil),
      .init(NumberText.significant(scored.intervalScore, digits: 2)),
      .init(ScoreReport.signed(scored.naiveLargestError)),
      .init(ScoreReport.signed(scored.naiveMeanError)),
      .init(NumberText.significant(scored.curveRMSE, digits: 2)),
    ]
  }

  /// What has to be said beside the numbers.
  var remarks: [String] {
    var words: [String] = []
    if case .open(let reason) = outcome { words.append("not yet settled: \(reason)") }
    if let discounted { words.append("does not count: \(discounted)") }
    if let dataChange { words.append("its data have changed since: \(dataChange)") }
    if claim.ceiling == nil {
      words.append("the ceiling was withheld, so there is no error to score; the curve is")
    }
    if let scored, scored.measured.doubtfulCount > 0 {
      words.append(
        "in \(scored.measured.doubtfulCount) of \(PredictionText.count(scored.measured.runCount, "run")) of this size "
          + "the law does not hold or is not identified, so the measured ceiling is in doubt itself"
      )
    }
    return words + notes
  }
}
