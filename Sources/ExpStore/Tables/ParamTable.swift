internal import ExpCore
internal import GRDB
internal import GRDBSQLite

/// Resolved settings of runs: `param_value` holds each distinct value once, `run_param` says who has it.
///
/// One writer serves one transaction and remembers the values it has met: runs of a sweep share nearly all.
final class ParamTable {
  private struct Setting: Hashable {
    var path: String
    var value: JSONValue
  }

  private let db: Database
  private var numbers: [Setting: Int64] = [:]

  init(_ db: Database) { self.db = db }

  /// A setting as it is stored and compared.
  struct Value {
    var path: String
    var kind: String
    var text: String
    var number: Double?

    /// A list of one stands for its element; other lists and empty maps for their canonical JSON.
    init(path: String, _ value: JSONValue) {
      var value = value
      while let elements = value.array, elements.count == 1 { value = elements[0] }
      self.path = path
      switch value {
      case .number(let number) where number.isFinite:
        (kind, text) = ("number", value.canonicalJSON)
        self.number = number
      case .string(let string): (kind, text) = ("text", string)
      case .bool: (kind, text) = ("bool", value.canonicalJSON)
      case .null, .number: (kind, text) = ("null", "null")
      case .array, .object: (kind, text) = ("json", value.canonicalJSON)
      }
    }

    /// The value that filters see.
    static func json(kind: String, text: String, number: Double?) -> JSONValue {
      switch kind {
      case "number": .number(number ?? 0)
      case "bool": .bool(text == "true")
      case "null": .null
      default: .string(text)
      }
    }
  }

  /// Replaces the settings of a run.
  func replace(_ config: JSONValue, run: Int64) throws {
    try db.run("DELETE FROM run_param WHERE run = ?", [run])
    let link = try db.cachedStatement(
      sql: "INSERT OR IGNORE INTO run_param (run, value) VALUES (?, ?)")
    let statement = link.sqliteStatement
    defer { sqlite3_clear_bindings(statement) }
    for setting in ParamTable.settings(of: config) {
      let number = try number(of: setting)
      sqlite3_bind_int64(statement, 1, run)
      sqlite3_bind_int64(statement, 2, number)
      try db.step(link)
    }
  }

  /// Returns every leaf of a configuration, and each map with a `method` as that method under the map's own path.
  private static func settings(of config: JSONValue) -> [Setting] {
    var settings = config.flattened().map { Setting(path: $0.path, value: $0.value) }
    for setting in settings where setting.path.hasSuffix(".method") {
      guard setting.value.string != nil else { continue }
      settings.append(Setting(path: String(setting.path.dropLast(7)), value: setting.value))
    }
    return settings
  }

  private func number(of setting: Setting) throws -> Int64 {
    if let known = numbers[setting] { return known }
    let value = Value(path: setting.path, setting.value)
    let find = try db.cachedStatement(
      sql: "SELECT number FROM param_value WHERE path = ? AND kind = ? AND text = ?")
    var number = try Int64.fetchOne(find, arguments: [value.path, value.kind, value.text])
    if number == nil {
      let add = try db.cachedStatement(
        sql: "INSERT INTO param_value (path, kind, text, number_value) VALUES (?, ?, ?, ?)")
      try add.execute(arguments: [value.path, value.kind, value.text, value.number])
      number = db.lastInsertedRowID
    }
    guard let number else { preconditionFailure("a value was neither found nor inserted") }
    // Values that only one run has, such as seeds, must not fill the memory.
    if numbers.count < 10_000 { numbers[setting] = number }
    return number
  }
}

extension Database {
  /// Runs a statement that the connection compiles once and keeps.
  func run(_ sql: String, _ arguments: StatementArguments) throws {
    try cachedStatement(sql: sql).execute(arguments: arguments)
  }

  /// Returns the first column of a kept query's first row; nil where it has no row.
  func value<Value: DatabaseValueConvertible & StatementColumnConvertible>(
    _ sql: String, _ arguments: StatementArguments
  ) throws -> Value? {
    try Value.fetchOne(cachedStatement(sql: sql), arguments: arguments)
  }

  /// Runs a statement whose arguments were bound by SQLite's own calls, which cost far less than GRDB's.
  func step(_ statement: Statement) throws {
    let code = sqlite3_step(statement.sqliteStatement)
    sqlite3_reset(statement.sqliteStatement)
    guard code == SQLITE_DONE else {
      throw DatabaseError(
        resultCode: ResultCode(rawValue: code & 0xff),
        message: String(cString: sqlite3_errmsg(sqliteConnection)), sql: statement.sql)
    }
  }
}
