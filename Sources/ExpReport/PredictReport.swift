public import ExpFit

/// What `exp predict` tells people: the numbers at a size, and everything that says how much to trust them.
public struct PredictReport: Sendable, Hashable {
  /// The prediction.
  public var prediction: SizePrediction
  /// Whether the ceiling is shown though there is a reason to withhold it.
  public var showsWithheld: Bool

  /// Makes a report.
  public init(_ prediction: SizePrediction, showsWithheld: Bool = false) {
    self.prediction = prediction
    self.showsWithheld = showsWithheld
  }

  /// Returns the whole report.
  public func rendered(_ style: Style = .plain) -> String {
    var lines = DisplayText.wrapped(heading, to: style.width).map { style.paint($0, .bold) }
    lines.append(table.rendered(style))
    if let reason = prediction.withheldReason {
      let words = showsWithheld ? "the ceiling should not be read off" : "the ceiling is withheld"
      lines += PredictionText.bullet("\(words): \(reason)", isGrave: true, style)
    }
    let forecast = prediction.forecast
    lines += [PredictionText.formWords(forecast)].compactMap { $0 }
      .flatMap { DisplayText.wrapped($0, to: style.width) }
    if !isWithheld {
      lines += PredictionText.width(
        of: forecast.ceiling.interval, against: prediction.ceilingRange
      ).flatMap { DisplayText.wrapped($0, to: style.width) }
    }
    lines += prediction.warnings.flatMap { PredictionText.bullet($0, style) }
    guard let leaveOneOut = prediction.leaveOneOut else { return lines.joined(separator: "\n") }
    return lines.joined(separator: "\n") + "\n\n"
      + PredictionText.leaveOneOut(leaveOneOut, style)
  }

  private var isWithheld: Bool { prediction.withheldReason != nil && !showsWithheld }

  private var heading: String {
    let size = NumberText.size(prediction.forecast.size)
    let known = prediction.sizes.map(NumberText.size).joined(separator: ", ")
    let decades = prediction.forecast.decadesExtrapolated
    let distance =
      decades > 0
      ? "\(NumberText.significant(decades, digits: 2)) decades outside them" : "between them"
    return "one run of \(size), from \(PredictionText.count(prediction.runCount, "run")) of "
      + "\(known): \(distance)"
  }

  private var table: TextTable {
    let forecast = prediction.forecast
    func naive(_ name: String, _ numbers: LawNumbers) -> [TextTable.Cell] {
      [.init(name)]
        + [numbers.a, numbers.b, numbers.ceiling].map { .init(NumberText.significant($0)) }
    }
    return TextTable(
      columns: PredictionText.columns(level: forecast.level),
      rows: [PredictionText.predicted(forecast, withheld: isWithheld)]
        + PredictionText.formRows(forecast, withheld: isWithheld).map(\.cells) + [
          naive(PredictionText.naiveLargest, forecast.naiveLargest),
          naive(PredictionText.naiveMean, forecast.naiveMean),
        ])
  }
}
