internal import GRDB
internal import GRDBSQLite

/// Writes and reads `metric_value`, with SQLite's own calls: a GRDB call a value would cost more than the value.
enum MetricValues {
  /// Applies what a part of a log says to the rows of a run.
  static func apply(_ log: RunLog, run: Int64, _ db: Database) throws {
    if let step = log.firstValidAfter {
      try db.run("DELETE FROM metric_value WHERE run = ? AND step > ?", [run, step])
    }
    guard !log.columns.isEmpty else { return }
    let insert = try db.cachedStatement(
      sql: """
        INSERT INTO metric_value (run, metric, step, value) VALUES (?, ?, ?, ?)
        ON CONFLICT DO UPDATE SET value = excluded.value
        """)
    let numbers = try metricNumbers(log.columns.names, db)
    // Ascending keys make every insertion an append to one leaf page.
    let statement = insert.sqliteStatement
    defer { sqlite3_clear_bindings(statement) }
    for column in log.columns.names.indices.sorted(by: { numbers[$0] < numbers[$1] }) {
      sqlite3_bind_int64(statement, 1, run)
      sqlite3_bind_int64(statement, 2, numbers[column])
      try log.columns.forEachValue(inColumn: column) { step, value in
        sqlite3_bind_int64(statement, 3, Int64(step))
        sqlite3_bind_double(statement, 4, value)
        try db.step(insert)
      }
    }
  }

  /// Reads the series of a run.
  static func table(run: Int64, _ db: Database) throws -> MetricTable {
    let names = try Row.fetchAll(db, sql: "SELECT number, name FROM metric_name")
    let nameOfNumber = Dictionary(
      names.map { ($0["number"] as Int64, $0["name"] as String) },
      uniquingKeysWith: { first, _ in first })
    let select = try db.cachedStatement(
      sql: "SELECT metric, step, value FROM metric_value WHERE run = ? ORDER BY metric, step")
    var columns = MetricColumns()
    var current: (number: Int64, column: Int?) = (-1, nil)
    let statement = select.sqliteStatement
    defer {
      sqlite3_reset(statement)
      sqlite3_clear_bindings(statement)
    }
    sqlite3_bind_int64(statement, 1, run)
    while sqlite3_step(statement) == SQLITE_ROW {
      let number = sqlite3_column_int64(statement, 0)
      if number != current.number {
        current = (number, nameOfNumber[number].flatMap { columns.column($0) })
      }
      guard let column = current.column,
        let row = columns.row(Int(sqlite3_column_int64(statement, 1)))
      else { continue }
      columns.set(sqlite3_column_double(statement, 2), row: row, column: column)
    }
    return columns.table
  }

  private static func metricNumbers(_ names: [String], _ db: Database) throws -> [Int64] {
    let find = try db.cachedStatement(sql: "SELECT number FROM metric_name WHERE name = ?")
    let add = try db.cachedStatement(sql: "INSERT INTO metric_name (name) VALUES (?)")
    return try names.map { name in
      if let known = try Int64.fetchOne(find, arguments: [name]) { return known }
      try add.execute(arguments: [name])
      return db.lastInsertedRowID
    }
  }
}
