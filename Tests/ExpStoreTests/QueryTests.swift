import ExpCore
import ExpStore
import Foundation
import TestSupport
import Testing
import TrainerProtocol

@Suite("SQL from outside")
struct QueryTests {
  private func withStore(_ body: (Store, String) throws -> Void) throws {
    try withTemporaryFolder { folder in
      let maker = RunMaker(folder)
      for number in 1...3 { try maker.succeed(number) }
      let store = try Store.open(at: maker.paths.database, mode: .readWrite, runs: maker.paths)
      try body(store, folder)
      try body(Store.filled(from: maker), folder)
    }
  }

  @Test("views are read by their documented names")
  func reading() throws {
    try withStore { store, _ in
      let result = try store.query(
        sql: """
          SELECT m.step, m.name, m.value FROM metrics m JOIN runs r ON r.id = m.run
          WHERE r.id = '\(RunMaker.id(1))' ORDER BY m.step, m.name -- a comment
          """)
      #expect(result.columns == ["step", "name", "value"])
      #expect(result.rows.count == 7)
      #expect(result.rows.first == [0, "entropy", 1.5])
      #expect(
        try store.query(sql: "SELECT text, number FROM params WHERE path = 'train.entropy_control'")
          .rows.first == ["none", nil])
      #expect(try store.query(sql: "WITH x AS (SELECT 1) SELECT * FROM x;  ;").rows == [[1]])
      #expect(
        try store.query(sql: "SELECT 9007199254740993, x'00ff', 'é', NULL").rows
          == [["9007199254740993", "x'00ff'", "é", nil]])
      #expect(try store.query(sql: "SELECT name FROM pragma_table_info('run')").rows.count > 10)
    }
  }

  @Test("nothing but reading passes")
  func writing() throws {
    let statements = [
      "INSERT INTO tag VALUES (1, 'x')", "DELETE FROM run", "UPDATE run SET status = 'x'",
      "DROP TABLE run", "CREATE TABLE x (y)", "CREATE TEMP TABLE x (y)",
      "CREATE VIEW v AS SELECT 1",
      "ATTACH 'other.sqlite' AS other", "DETACH main", "PRAGMA writable_schema = 1",
      "PRAGMA query_only = 0", "PRAGMA journal_mode = DELETE", "VACUUM INTO 'copy.sqlite'",
      "VACUUM", "REINDEX", "ANALYZE", "UPDATE sqlite_master SET sql = ''",
      "DELETE FROM sqlite_master", "BEGIN IMMEDIATE", "SAVEPOINT x",
      "WITH x AS (SELECT 1) INSERT INTO tag SELECT 1, 'x' FROM x", "SELECT load_extension('x')",
      "INSERT INTO runs VALUES (1) RETURNING *", "REPLACE INTO tag VALUES (1, 'x')",
      "EXPLAIN DELETE FROM run", "SELECT fts3_tokenizer('simple')",
    ]
    try withStore { store, _ in
      for sql in statements {
        let error = #expect(throws: StoreError.self) { try store.query(sql: sql) }
        #expect(error?.code == .query, "\(sql): \(error?.message ?? "")")
      }
      let runs = try store.runs()
      #expect(runs.count == 3)
      #expect(!FileManager.default.fileExists(atPath: "copy.sqlite"))
      #expect(!FileManager.default.fileExists(atPath: "other.sqlite"))
    }
  }

  @Test(
    "what is no single statement is told in words",
    arguments: [
      ("", "the query is empty"), (" -- nothing\n", "the query is empty"),
      (";", "the query is empty"),
      ("SELECT 1; SELECT 2", "only one statement at a time; found more after the first"),
      ("SELECT 1; DROP TABLE run", "only one statement at a time; found more after the first"),
      ("SELECT nowhere", "no such column: nowhere"), ("SELEC 1", "near \"SELEC\": syntax error"),
      ("SELECT * FROM nowhere", "no such table: nowhere"),
      ("SELECT 1\u{0}", "the query holds a NUL"),
    ])
  func malformed(_ sql: String, _ message: String) throws {
    let error = #expect(throws: StoreError.self) { try Store.inMemory().query(sql: sql) }
    #expect(error?.message == message)
  }

  @Test("rows, time and size are limited")
  func limits() throws {
    let store = try Store.inMemory()
    let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n"
    let result = try store.query(sql: endless, rowLimit: 5)
    #expect(result.rows.count == 5)
    #expect(result.isTruncated)
    #expect(!(try store.query(sql: "SELECT 1", rowLimit: 1)).isTruncated)
    let slow = #expect(throws: StoreError.self) {
      try store.query(sql: "SELECT count(*) FROM (\(endless))", seconds: 0.05)
    }
    #expect(slow?.message == "the query took longer than 0.05 seconds")
    #expect(throws: StoreError.self) { try store.query(sql: "SELECT zeroblob(1000000000)") }
  }
}

extension Store {
  /// The same content in memory.
  static func filled(from maker: RunMaker) throws -> Store {
    let store = try Store.inMemory()
    try store.refresh(from: maker.paths)
    return store
  }
}
