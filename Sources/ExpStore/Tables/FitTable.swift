internal import ExpCore
internal import GRDB

extension Store {
  /// Takes in fits in one transaction, each replacing an earlier one of its run; write their files first.
  ///
  /// - Throws: `StoreError`.
  public func record(fits: [FitRecord]) throws(StoreError) {
    try write { db in for fit in fits { try FitTable.replace(fit, db) } }
  }

  /// Takes in a registered prediction, once however often it comes; write its file first.
  ///
  /// - Throws: `StoreError`.
  public func record(prediction: PredictionRecord) throws(StoreError) {
    let text = try RecordText.canonical(prediction)
    try write { db in
      try db.execute(
        sql: """
          INSERT OR IGNORE INTO prediction (sweep, size, model_params, registered_at, a, b,
            ceiling, ceiling_low, ceiling_high, level, record)
          VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
          """,
        arguments: [
          prediction.sweep, prediction.size, prediction.modelParams, prediction.registeredAt,
          prediction.a.value, prediction.b.value, prediction.ceiling.value,
          prediction.ceiling.low, prediction.ceiling.high, prediction.level, text,
        ])
    }
  }

  /// Takes in what people said about a run; write its file first.
  ///
  /// - Throws: `StoreError`.
  public func record(annotations: RunAnnotations) throws(StoreError) {
    try write { db in try AnnotationTable.replace(annotations, db) }
  }
}

/// Rows of `fit`.
enum FitTable {
  static func replace(_ fit: FitRecord, _ db: Database) throws {
    try db.run(
      """
      INSERT OR REPLACE INTO fit (run, a, b, ceiling, r2, rmse, points, a_se, b_se, ceiling_low,
        ceiling_high, warnings)
      SELECT number, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ? FROM run WHERE id = ?
      """,
      [
        fit.a, fit.b, fit.ceiling, fit.r2, fit.rmse, fit.points, fit.aSE, fit.bSE, fit.ceilingLow,
        fit.ceilingHigh, JSONValue.array(fit.warnings.map(JSONValue.string)).canonicalJSON,
        fit.run.text,
      ])
  }
}

/// Rows of `tag` and `note`, and the tags that `run` repeats.
enum AnnotationTable {
  static let empty = """
    DELETE FROM tag; DELETE FROM note; UPDATE run SET tags = '[]' WHERE tags <> '[]';
    """

  static func replace(_ annotations: RunAnnotations, _ db: Database) throws {
    let find = "SELECT number FROM run WHERE id = ?"
    guard let run = try Int64.fetchOne(db, sql: find, arguments: [annotations.run.text]) else {
      return
    }
    try db.execute(sql: "DELETE FROM tag WHERE run = ?", arguments: [run])
    try db.execute(sql: "DELETE FROM note WHERE run = ?", arguments: [run])
    let tags = Set(annotations.tags).sorted()
    for tag in tags {
      try db.execute(sql: "INSERT INTO tag VALUES (?, ?)", arguments: [run, tag])
    }
    for (position, note) in annotations.notes.enumerated() {
      try db.execute(
        sql: "INSERT INTO note VALUES (?, ?, ?, ?)",
        arguments: [run, position, note.at, note.text])
    }
    try db.execute(
      sql: "UPDATE run SET tags = ? WHERE number = ?",
      arguments: [JSONValue.array(tags.map(JSONValue.string)).canonicalJSON, run])
  }
}
