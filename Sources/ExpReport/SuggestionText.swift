public import ExpFit

/// What `exp predict --suggest` tells people: which runs would narrow the interval, and at what cost.
public struct SuggestionText: Sendable, Hashable {
  /// The list of runs.
  public var suggestion: RunSuggestion
  /// Rows for the spec's `include:`, one run each.
  public var rows: [String]
  /// Sentences about the costs.
  public var costNotes: [String]

  /// Makes a report.
  public init(_ suggestion: RunSuggestion, rows: [String], costNotes: [String]) {
    self.suggestion = suggestion
    self.rows = rows
    self.costNotes = costNotes
  }

  /// Returns the whole report.
  public func rendered(_ style: Style = .plain) -> String {
    let budget = NumberText.duration(seconds: suggestion.budget)
    var lines = DisplayText.wrapped(
      "runs that would narrow the ceiling's interval at "
        + "\(NumberText.size(suggestion.target)) most per core-hour, within \(budget) of one core",
      to: style.width
    ).map { style.paint($0, .bold) }
    if let today = suggestion.today {
      lines.append("width today: \(width(today))")
    }
    if !suggestion.steps.isEmpty { lines.append(table.rendered(style)) }
    lines += DisplayText.wrapped(DisplayText.clean(suggestion.ending), to: style.width)
    lines += costNotes.flatMap { DisplayText.wrapped(DisplayText.clean($0), to: style.width) }
    if !rows.isEmpty {
      lines.append("for the spec, then run the sweep again:")
      lines.append("include:")
      lines += rows.map { "  - \(DisplayText.clean($0))" }
    }
    return lines.joined(separator: "\n")
  }

  private var table: TextTable {
    TextTable(
      columns: [
        .init("run"), .init("of", .right), .init("base policy"), .init("core time", .right),
        .init("in all", .right), .init("width after", .right),
      ],
      rows: suggestion.steps.map { step in
        [
          .init(PredictionText.count(step.count, "run")),
          .init(NumberText.size(step.size) + (step.isNewSize ? ", a new size" : "")),
          .init((step.isNewBase ? "new" : "same") + (step.base.map { ", seed \($0)" } ?? "")),
          .init(NumberText.duration(seconds: step.cost)),
          .init(NumberText.duration(seconds: step.totalCost)), .init(width(step.expected)),
        ]
      })
  }

  private func width(_ forecast: ExpectedForecast) -> String {
    NumberText.significant(forecast.width, digits: 2)
  }
}
