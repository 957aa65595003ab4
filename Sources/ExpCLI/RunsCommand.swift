internal import ArgumentParser
internal import ExpCore
internal import ExpReport
internal import ExpStore

/// `exp runs`: all runs that a filter lets pass.
struct RunsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "runs", abstract: "List runs.",
    discussion: """
      A filter compares dotted paths of the configuration and columns such as status, sweep, ceiling, val_score: \
      'train.algorithm = grpo and model.params < 1e6 and status = succeeded'. Operators: = != < <= > >= in ~ \
      and or not.
      """)

  @Argument(help: "The filter; without one, all runs.") var filter: String?
  @Option(help: "Only the runs of this sweep, in the order of its plan.") var sweep: String?
  @Option(
    parsing: .unconditional,
    help: "Columns to sort by, separated by commas; '-' before one for descending.")
  var sort: String?
  @Flag(help: "Print everything as JSON.") var json = false
  @OptionGroup var location: LocationOptions

  func run() throws {
    try reportingFailures {
      let expression = try filter.map(RunsCommand.parse)
      let rows = try asUsage([.query, .notFound]) {
        try location.openStore().runs(matching: expression, sweep: sweep, sort: sort)
      }
      Terminal.output(
        json
          ? JSONValue.array(rows.map(\.document)).prettyJSON
          : RunsCommand.table(rows).rendered(Terminal.current.outputStyle))
    }
  }

  private static func parse(_ text: String) throws -> Expression {
    do {
      return try Expression.parse(text)
    } catch {
      let caret = String(repeating: " ", count: max(error.column - 1, 0)) + "^"
      throw Failure("\(error.message)\n  \(text)\n  \(caret)", code: ExitStatus.usage)
    }
  }

  /// Why a run is what it is has a column only where somebody said so.
  private static func table(_ rows: [RunRow]) -> TextTable {
    var table = numbers(of: rows)
    guard rows.contains(where: { $0.reason != nil }) else { return table }
    table.columns.append(.init("reason"))
    for (index, row) in rows.enumerated() { table.rows[index].append(.init(row.reason ?? "")) }
    return table
  }

  private static func numbers(of rows: [RunRow]) -> TextTable {
    TextTable(
      columns: [
        .init("run", .right), .init("sweep"), .init("point"), .init("status"),
        .init("N", .right), .init("step", .right), .init("entropy", .right),
        .init("score", .right), .init("ceiling", .right), .init("R²", .right),
      ],
      rows: rows.map { row in
        [
          .init(String(row.id.text.prefix(8))), .init(row.sweeps.joined(separator: " ")),
          .init(row.label), .init(row.status.rawValue),
          .init(NumberText.size(row.modelParams.map(Double.init))),
          .init(row.step.map(String.init) ?? NumberText.missing),
          .init(NumberText.fixed(row.lastEntropy, decimals: 3)),
          .init(NumberText.fixed(row.lastValScore, decimals: 3)),
          .init(NumberText.fixed(row.ceiling, decimals: 3)),
          .init(NumberText.fixed(row.r2, decimals: 3)),
        ]
      }, emptyText: "no runs")
  }
}

extension RunRow {
  /// The run as `exp runs --json` shows it.
  var document: JSONValue {
    func number(_ value: Double?) -> JSONValue { value.map(JSONValue.number) ?? .null }
    func text(_ value: String?) -> JSONValue { value.map(JSONValue.string) ?? .null }
    func texts(_ values: [String]) -> JSONValue { .array(values.map(JSONValue.string)) }
    return [
      "id": .string(id.text), "sweep": text(sweeps.first), "sweeps": texts(sweeps),
      "label": .string(label), "status": .string(status.rawValue), "reason": text(reason),
      "config_hash": .string(configHash), "commit": text(commit), "snapshot": .bool(snapshot),
      "base": text(base), "params": .object(flatParams), "tags": texts(tags),
      "series_sha256": text(seriesSHA256), "created_at": text(createdAt),
      "started_at": text(startedAt), "finished_at": text(finishedAt),
      "wall_seconds": number(wallSeconds),
      "summary": [
        "step": number(step.map(Double.init)), "last_val_score": number(lastValScore),
        "best_val_score": number(bestValScore), "last_entropy": number(lastEntropy),
        "a": number(a), "b": number(b), "ceiling": number(ceiling), "r2": number(r2),
      ],
    ]
  }

  private var flatParams: [String: JSONValue] {
    var members = Dictionary(
      params.flattened().map { ($0.path, $0.value) }, uniquingKeysWith: { first, _ in first })
    members["model.size"] = modelSize.map(JSONValue.string)
    return members
  }
}
