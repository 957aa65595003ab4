internal import ExpCore
internal import GRDBSQLite

/// A connection of its own for SQL from outside: it can read the store and nothing else.
///
/// Three locks, each enough: the file is opened read-only, `query_only` is set, and the authorizer lets reading
/// pass and refuses the rest (writing, attaching, pragmas, loading extensions).
struct ReadOnlyConnection: ~Copyable {
  private let connection: OpaquePointer
  private let path: String

  init(target: String, path: String) throws(StoreError) {
    var handle: OpaquePointer?
    let flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX
    let code = sqlite3_open_v2(target, &handle, flags, nil)
    guard code == SQLITE_OK, let handle else {
      let detail = handle.map { String(cString: sqlite3_errmsg($0)) } ?? "no memory"
      sqlite3_close(handle)
      throw StoreError(resultCode: code & 0xff, detail: detail, path: path, sql: nil)
    }
    connection = handle
    self.path = path
    sqlite3_busy_timeout(handle, 10_000)
    sqlite3_exec(handle, "PRAGMA query_only = 1; PRAGMA trusted_schema = 0", nil, nil, nil)
    sqlite3_limit(handle, SQLITE_LIMIT_LENGTH, 64 << 20)
    sqlite3_limit(handle, SQLITE_LIMIT_SQL_LENGTH, 1 << 20)
    sqlite3_limit(handle, SQLITE_LIMIT_ATTACHED, 0)
    sqlite3_set_authorizer(handle, authorize, nil)
  }

  deinit { sqlite3_close_v2(connection) }

  /// Runs a single statement to its end, the row limit or the deadline.
  func run(_ sql: String, rowLimit: Int, seconds: Double) throws(StoreError) -> QueryResult {
    var deadline = Deadline(after: seconds)
    let statement = try prepare(sql)
    defer { sqlite3_finalize(statement) }
    return try withUnsafeMutablePointer(to: &deadline) { (pointer) throws(StoreError) in
      // Asked every 10,000 instructions of SQLite's machine, which is far less than a millisecond.
      sqlite3_progress_handler(
        connection, 10_000,
        { $0?.assumingMemoryBound(to: Deadline.self).pointee.hasPassed == true ? 1 : 0 }, pointer)
      defer { sqlite3_progress_handler(connection, 0, nil, nil) }
      return try collect(statement, sql, rowLimit, seconds)
    }
  }

  private func collect(
    _ statement: OpaquePointer, _ sql: String, _ rowLimit: Int, _ seconds: Double
  ) throws(StoreError) -> QueryResult {
    let width = sqlite3_column_count(statement)
    var result = QueryResult(
      columns: (0..<width).map {
        sqlite3_column_name(statement, $0).map { String(cString: $0) } ?? ""
      },
      rows: [], isTruncated: false)
    var bytes = 0
    while true {
      switch sqlite3_step(statement) {
      case SQLITE_DONE: return result
      case SQLITE_ROW:
        guard result.rows.count < rowLimit else {
          result.isTruncated = true
          return result
        }
        let row = (0..<width).map { ReadOnlyConnection.value(statement, $0, &bytes) }
        guard bytes <= 256 << 20 else {
          throw StoreError(.query, "the answer is larger than 256 MiB", sql: sql)
        }
        result.rows.append(row)
      case SQLITE_INTERRUPT:
        throw StoreError(.query, "the query took longer than \(seconds) seconds", sql: sql)
      default: throw failure(sql)
      }
    }
  }

  private func prepare(_ sql: String) throws(StoreError) -> OpaquePointer {
    guard !sql.utf8.contains(0) else { throw StoreError(.query, "the query holds a NUL") }
    var statement: OpaquePointer?
    var rest = ""
    let code = sql.withCString { text in
      var tail: UnsafePointer<CChar>?
      let code = sqlite3_prepare_v2(connection, text, -1, &statement, &tail)
      if let tail { rest = String(cString: tail) }
      return code
    }
    guard code == SQLITE_OK else { throw failure(sql) }
    guard let statement else { throw StoreError(.query, "the query is empty", sql: sql) }
    guard isBlank(rest) else {
      sqlite3_finalize(statement)
      throw StoreError(.query, "only one statement at a time; found more after the first", sql: sql)
    }
    guard sqlite3_stmt_readonly(statement) != 0 else {
      sqlite3_finalize(statement)
      throw ReadOnlyConnection.refusal(sql)
    }
    return statement
  }

  /// Whether a text holds no statement: blanks, semicolons and comments.
  private func isBlank(_ text: String) -> Bool {
    var statement: OpaquePointer?
    var rest = text
    while !rest.isEmpty {
      let tail: String? = rest.withCString { start in
        var tail: UnsafePointer<CChar>?
        guard sqlite3_prepare_v2(connection, start, -1, &statement, &tail) == SQLITE_OK else {
          return nil
        }
        return tail.map { String(cString: $0) }
      }
      guard let tail, statement == nil, tail != rest else {
        sqlite3_finalize(statement)
        return false
      }
      rest = tail
    }
    return true
  }

  private func failure(_ sql: String) -> StoreError {
    let code = sqlite3_errcode(connection) & 0xff
    let detail = String(cString: sqlite3_errmsg(connection))
    // What is refused deep inside a statement has another code than SQLITE_AUTH, but the same words.
    if detail.hasPrefix("not authorized") { return ReadOnlyConnection.refusal(sql) }
    switch code {
    case SQLITE_AUTH, SQLITE_READONLY, SQLITE_PERM: return ReadOnlyConnection.refusal(sql)
    case SQLITE_ERROR, SQLITE_TOOBIG, SQLITE_RANGE, SQLITE_MISMATCH, SQLITE_NOMEM:
      return StoreError(.query, detail, sql: sql)
    default: return StoreError(resultCode: code, detail: detail, path: path, sql: sql)
    }
  }

  private static func refusal(_ sql: String) -> StoreError {
    StoreError(.query, "this query does more than read the store, which is refused", sql: sql)
  }

  private static func value(
    _ statement: OpaquePointer, _ column: Int32, _ bytes: inout Int
  ) -> JSONValue {
    bytes += 16
    switch sqlite3_column_type(statement, column) {
    case SQLITE_INTEGER:
      let number = sqlite3_column_int64(statement, column)
      let double = Double(number)
      return Int64(exactly: double) == number && number.magnitude <= 1 << 53
        ? .number(double) : .string(String(number))
    case SQLITE_FLOAT: return .number(sqlite3_column_double(statement, column))
    case SQLITE_TEXT:
      let count = Int(sqlite3_column_bytes(statement, column))
      bytes += count
      guard let text = sqlite3_column_text(statement, column) else { return .string("") }
      return .string(
        String(decoding: UnsafeBufferPointer(start: text, count: count), as: UTF8.self))
    case SQLITE_BLOB:
      let count = Int(sqlite3_column_bytes(statement, column))
      bytes += 2 * count
      let blob = UnsafeRawBufferPointer(
        start: sqlite3_column_blob(statement, column), count: count)
      let digits = Array("0123456789abcdef".utf8)
      let text = blob.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
      return .string("x'" + String(decoding: text, as: UTF8.self) + "'")
    default: return .null
    }
  }
}

/// A moment on the monotonic clock.
private struct Deadline {
  private let end: ContinuousClock.Instant

  init(after seconds: Double) {
    let bounded = seconds.isFinite ? min(max(seconds, 0), 1e6) : 1e6
    end = ContinuousClock.now + .seconds(bounded)
  }

  var hasPassed: Bool { ContinuousClock.now >= end }
}

/// Pragmas that only tell about the schema; their table-valued forms ask here too.
private let harmlessPragmas: Set<String> = [
  "table_info", "table_xinfo", "table_list", "index_list", "index_info", "index_xinfo",
  "foreign_key_list", "function_list", "database_list",
]

/// Lets reading pass and refuses everything else.
private func authorize(
  _ context: UnsafeMutableRawPointer?, _ action: Int32, _ first: UnsafePointer<CChar>?,
  _ second: UnsafePointer<CChar>?, _ schema: UnsafePointer<CChar>?, _ view: UnsafePointer<CChar>?
) -> Int32 {
  switch action {
  case SQLITE_SELECT, SQLITE_READ, SQLITE_RECURSIVE: return SQLITE_OK
  case SQLITE_FUNCTION:
    let name = second.map { String(cString: $0).lowercased() } ?? ""
    return ["load_extension", "fts3_tokenizer"].contains(name) ? SQLITE_DENY : SQLITE_OK
  case SQLITE_PRAGMA:
    let name = first.map { String(cString: $0).lowercased() } ?? ""
    return harmlessPragmas.contains(name) ? SQLITE_OK : SQLITE_DENY
  case SQLITE_UPDATE:
    // Asked when `pragma_table_info` and its kin declare their columns; SQLite itself keeps this table from updates.
    return first.map { String(cString: $0) } == "sqlite_master" ? SQLITE_OK : SQLITE_DENY
  default: return SQLITE_DENY
  }
}
