internal import ArgumentParser
internal import ExpCore
internal import ExpReport
internal import ExpStore
internal import TrainerProtocol

/// `exp metrics`: the series of a run.
struct MetricsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "metrics",
    abstract: "Print the series of a run; 'entropy' and 'val_score' are the law's H and R.")

  @Argument(help: "The run: an id, a unique beginning of one, @last, or SWEEP/3.")
  var reference: String
  @Flag(help: "CSV, numbers in the shortest form that reads back as the same bits.") var csv = false
  @Flag(help: "JSON: an array of steps and one of values per series.") var json = false
  @OptionGroup var location: LocationOptions

  func run() throws {
    try reportingFailures {
      let table = try RunLog.read(location.folder(of: reference).events).table
      if json {
        Terminal.output(MetricsCommand.document(table).canonicalJSON)
      } else if csv {
        Terminal.output(table.csv)
      } else {
        Terminal.output(MetricsCommand.text(table).rendered(Terminal.current.outputStyle))
        let others = table.columns.map(\.name).filter { !MetricName.leading.contains($0) }.sorted()
        if !others.isEmpty {
          Terminal.message(
            "and \(others.count) more with --csv or --json: \(others.joined(separator: ", "))")
        }
      }
    }
  }

  private static func document(_ table: MetricTable) -> JSONValue {
    var members: [String: JSONValue] = [
      "step": .array(table.steps.map { .number(Double($0)) })
    ]
    for column in table.columns {
      // Not measured is NaN in the table and null in JSON.
      members[column.name] = .array(column.values.map { $0.isNaN ? .null : .number($0) })
    }
    return .object(members)
  }

  /// For people: the evaluations, with the columns that lead.
  private static func text(_ table: MetricTable) -> TextTable {
    let shown = table.columns.filter { MetricName.leading.contains($0.name) }
    let rows = table.steps.indices.filter { row in
      shown.contains { !$0.values[row].isNaN }
    }
    return TextTable(
      columns: [.init("step", .right)] + shown.map { .init($0.name, .right) },
      rows: rows.map { row in
        [.init(String(table.steps[row]))]
          + shown.map {
            .init($0.values[row].isNaN ? "" : NumberText.fixed($0.values[row], decimals: 4))
          }
      }, emptyText: "nothing was measured yet")
  }
}
