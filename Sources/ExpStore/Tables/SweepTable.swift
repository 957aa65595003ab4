internal import ExpCore
internal import GRDB

extension Store {
  /// Takes in the plan of a sweep; its runs appear as pending until they have a folder.
  ///
  /// A plan of the same name is replaced, and planned runs that nothing stands for any more go.
  /// - Throws: `StoreError`, with code `file` where two points have the same index.
  public func record(sweep: SweepRecord) throws(StoreError) {
    guard Set(sweep.points.map(\.index)).count == sweep.points.count else {
      throw StoreError(.file, "two points of sweep '\(sweep.name)' have the same index")
    }
    try write { db in
      try SweepTable.replace(sweep, db)
      try RunTable.deleteUnplanned(db)
    }
  }
}

/// Rows of `sweep` and `sweep_run`, and what `run` repeats of them.
enum SweepTable {
  static func replace(_ sweep: SweepRecord, _ db: Database) throws {
    let earlier = try Int64.fetchAll(
      db,
      sql: """
        SELECT run FROM sweep_run JOIN sweep ON sweep.number = sweep_run.sweep WHERE name = ?
        """, arguments: [sweep.name])
    try db.execute(sql: "DELETE FROM sweep WHERE name = ?", arguments: [sweep.name])
    try db.execute(
      sql: "INSERT INTO sweep (name, spec_path, created_at, command_line) VALUES (?, ?, ?, ?)",
      arguments: [
        sweep.name, sweep.specPath, sweep.createdAt,
        JSONValue.array(sweep.commandLine.map(JSONValue.string)).canonicalJSON,
      ])
    let number = db.lastInsertedRowID
    let insert = try db.cachedStatement(sql: "INSERT INTO sweep_run VALUES (?, ?, ?, ?, ?, ?)")
    let params = ParamTable(db)
    var runs = Set(earlier)
    for point in sweep.points {
      let run = try RunTable.plan(point, params, db)
      try insert.execute(arguments: [
        number, point.index, run, point.label, point.heldOut, point.modelSize,
      ])
      runs.insert(run)
    }
    for run in runs { try refreshNames(ofRun: run, db) }
  }

  static func delete(_ name: String, _ db: Database) throws {
    let runs = try Int64.fetchAll(
      db,
      sql: """
        SELECT run FROM sweep_run JOIN sweep ON sweep.number = sweep_run.sweep WHERE name = ?
        """, arguments: [name])
    try db.execute(sql: "DELETE FROM sweep WHERE name = ?", arguments: [name])
    for run in runs { try refreshNames(ofRun: run, db) }
    try RunTable.deleteUnplanned(db)
  }

  /// Writes the sweeps of a run into its row, and the label and size that the oldest of them gave it.
  static func refreshNames(ofRun run: Int64, _ db: Database) throws {
    let statement = try db.cachedStatement(
      sql: """
        UPDATE run SET
          sweeps = (SELECT json_group_array(name) FROM (SELECT DISTINCT name \(plans))),
          label = coalesce((SELECT sweep_run.label \(plans) LIMIT 1), own_label),
          model_size = (SELECT sweep_run.model_size \(plans) LIMIT 1)
        WHERE number = ?
        """)
    try statement.execute(arguments: [run])
  }

  private static let plans = """
    FROM sweep_run JOIN sweep ON sweep.number = sweep_run.sweep
    WHERE sweep_run.run = run.number ORDER BY sweep.created_at, sweep.name, sweep_run.position
    """
}
