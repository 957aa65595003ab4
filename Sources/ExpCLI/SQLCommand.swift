internal import ArgumentParser
internal import ExpCore
internal import ExpReport
internal import ExpStore

/// `exp sql`: read-only SQL over the documented views.
struct SQLCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sql",
    abstract: "Run one reading SQL statement; the views are runs, params, metrics, fits, attempts.")

  @Argument(help: "The statement.") var query: String
  @Flag(help: "Print the rows as JSON.") var json = false
  @Flag(help: "Print the rows as CSV.") var csv = false
  @OptionGroup var location: LocationOptions

  func run() throws {
    try reportingFailures {
      let result = try asUsage([.query]) { try location.openStore().query(sql: query) }
      if result.isTruncated {
        Terminal.message(
          "only the first \(result.rows.count) rows; use LIMIT and OFFSET for others")
      }
      if json {
        Terminal.output(SQLCommand.document(result).canonicalJSON)
      } else if csv {
        Terminal.output(SQLCommand.csv(result))
      } else {
        Terminal.output(SQLCommand.table(result).rendered(Terminal.current.outputStyle))
      }
    }
  }

  private static func document(_ result: QueryResult) -> JSONValue {
    .array(
      result.rows.map { row in
        .object(Dictionary(zip(result.columns, row), uniquingKeysWith: { first, _ in first }))
      })
  }

  private static func text(_ value: JSONValue) -> String {
    switch value {
    case .null: ""
    case .string(let text): text
    default: value.canonicalJSON
    }
  }

  private static func csv(_ result: QueryResult) -> String {
    func line(_ fields: [String]) -> String {
      fields.map { field in
        field.contains { ",\"\r\n".contains($0) || $0 == "\r\n" }
          ? "\""
            + field.split(separator: "\"", omittingEmptySubsequences: false)
            .joined(separator: "\"\"") + "\"" : field
      }.joined(separator: ",")
    }
    return ([line(result.columns)] + result.rows.map { line($0.map(text)) })
      .joined(separator: "\n")
  }

  private static func table(_ result: QueryResult) -> TextTable {
    let columns = result.columns.enumerated().map { index, name in
      let isNumeric = result.rows.allSatisfy { $0[index].number != nil || $0[index] == .null }
      return TextTable.Column(name, isNumeric ? .right : .left)
    }
    return TextTable(
      columns: columns, rows: result.rows.map { row in row.map { .init(text($0)) } },
      emptyText: "no rows")
  }
}
