internal import ExpCore
internal import GRDB
public import TrainerProtocol

extension Store {
  /// Looks for damage inside the database file: pages, indexes, constraints, references, definitions.
  ///
  /// - Returns: what SQLite found, at most 100 sentences; none where all is well.
  /// - Throws: `StoreError` where the file is too damaged to be looked at.
  public func damage() throws(StoreError) -> [String] {
    try read { db in
      let found = try String.fetchAll(db, sql: "PRAGMA integrity_check(100)").filter { $0 != "ok" }
      let dangling = try Row.fetchAll(db, sql: "PRAGMA foreign_key_check").prefix(100).map { row in
        "row \(row[1] as Int64? ?? 0) of '\(row[0] as String)' refers to nothing in '\(row[2] as String)'"
      }
      return Array((found + dangling).prefix(100))
    } + misshapen()
  }

  /// Tables, indexes, views and triggers that are not defined as this version defines them.
  private func misshapen() throws(StoreError) -> [String] {
    let (own, right) = (try shape(), try Store.inMemory().shape())
    return Set(own.keys).union(right.keys).sorted().filter { own[$0] != right[$0] }.map { name in
      own[name] == nil
        ? "'\(name)' is missing" : "'\(name)' is not defined as this version of exp defines it"
    }
  }

  private func shape() throws(StoreError) -> [String: String] {
    try read { db in
      let sql =
        "SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%'"
      let rows = try Row.fetchAll(db, sql: sql).map { row in
        (row[0] as String? ?? "", row[1] as String? ?? "")
      }
      return Dictionary(rows, uniquingKeysWith: { first, _ in first })
    }
  }

  /// Returns the runs and base policies whose folder the store has read and that is not there any
  /// more; a refresh forgets them.
  ///
  /// - Throws: `StoreError` where the store cannot be read.
  public func vanishedFolders(below paths: RunPaths) throws(StoreError) -> [String] {
    let known = try read { db in
      try Row.fetchAll(db, sql: "SELECT id, kind, status FROM run WHERE has_folder = 1 ORDER BY id")
        .map {
          (id: $0["id"] as String, kind: $0["kind"] as String, status: $0["status"] as String)
        }
    }
    return known.compactMap { run in
      let folder = run.kind == "base" ? "\(paths.root)/bases/\(run.id)" : "\(paths.root)/\(run.id)"
      return RecordFile.exists(folder)
        ? nil : "\(run.kind == "base" ? "base policy" : "run") \(run.id), \(run.status)"
    }
  }

  /// Compares what two stores know, such as one that was kept and one made anew from the files.
  ///
  /// Rows of runs, attempts, fits, plans and predictions are compared value by value, series and
  /// settings by their number, sum (to 10 digits, for its rounding depends on the order) and last step
  /// per run.
  /// - Returns: a sentence for each row that differs, at most `limit`, and how many more there are.
  /// - Throws: `StoreError` where one of them cannot be read.
  public func differences(
    from other: Store, limit: Int = 50
  ) throws(StoreError) -> (shown: [String], more: Int) {
    var sentences: [String] = []
    for view in Store.comparedViews {
      let (own, others) = (try rows(of: view), try other.rows(of: view))
      for key in Set(own.keys).union(others.keys).sorted() {
        guard own[key] != others[key] else { continue }
        let words = Store.words(own[key], others[key])
        sentences.append("\(view.name) \(key): \(words)")
      }
    }
    return (Array(sentences.prefix(limit)), max(0, sentences.count - limit))
  }

  private struct ComparedView {
    var name: String
    /// Gives the key of a row first.
    var sql: String
  }

  private static let comparedViews = [
    ComparedView(name: "run", sql: "SELECT id, * FROM runs"),
    ComparedView(name: "base", sql: "SELECT id, * FROM bases"),
    ComparedView(name: "attempt", sql: "SELECT run || ' ' || number, * FROM attempts"),
    ComparedView(name: "fit", sql: "SELECT run, * FROM fits"),
    ComparedView(name: "sweep", sql: "SELECT name, * FROM sweeps"),
    ComparedView(name: "point", sql: "SELECT sweep || '/' || \"index\", * FROM sweep_runs"),
    ComparedView(
      name: "prediction",
      sql: "SELECT sweep || ' ' || size || ' ' || registered_at, * FROM predictions"),
    ComparedView(
      name: "tags of", sql: "SELECT run, group_concat(tag) AS tags FROM tags GROUP BY run"),
    ComparedView(
      name: "notes of",
      sql: "SELECT run, count(*) AS notes, max(at) AS last FROM notes GROUP BY run"),
    ComparedView(
      name: "settings of", sql: "SELECT run, count(*) AS settings FROM params GROUP BY run"),
    ComparedView(
      name: "series of",
      sql: """
        SELECT run, count(*) AS "values", printf('%.9e', sum(value)) AS sum, max(step) AS step
        FROM metrics GROUP BY run
        """),
  ]

  private func rows(of view: ComparedView) throws(StoreError) -> [String: [String: String]] {
    try read { db in
      var rows: [String: [String: String]] = [:]
      for row in try Row.fetchAll(db, sql: view.sql) {
        var values: [String: String] = [:]
        for (column, value) in row.dropFirst() { values[column] = value.description }
        rows[row[0] as String? ?? "", default: [:]] = values
      }
      return rows
    }
  }

  private static func words(_ own: [String: String]?, _ other: [String: String]?) -> String {
    guard let own else { return "in the files only" }
    guard let other else { return "in the store only" }
    let columns = Set(own.keys).union(other.keys).sorted().filter { own[$0] != other[$0] }
    return columns.prefix(3).map { column in
      "'\(column)' is \(own[column] ?? "absent") in the store and "
        + "\(other[column] ?? "absent") in the files"
    }.joined(separator: "; ")
  }
}
