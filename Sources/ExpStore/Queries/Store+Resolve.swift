public import ExpCore
internal import GRDB

extension Store {
  /// Finds the run that a reference names: a unique prefix of an id, `@last`, or `SWEEP/INDEX`.
  ///
  /// `@last` is the RL run whose last attempt began last, or else that was planned last. A whole id may also be a
  /// base policy's.
  /// - Throws: `StoreError`: `notFound` or `ambiguous`, naming what there is.
  public func resolve(reference: String) throws(StoreError) -> RunID {
    let text = try read { db in
      if reference == "@last" { return try Store.lastRun(db) }
      if let slash = reference.lastIndex(of: "/") {
        return try Store.run(
          ofSweep: String(reference[..<slash]), at: reference[reference.index(after: slash)...], db)
      }
      return try Store.run(withPrefix: reference, db)
    }
    guard let id = RunID(text: text) else {
      throw StoreError(.damaged, "'\(text)' is not a run id; \(StoreError.rebuildHelp)")
    }
    return id
  }

  private static func lastRun(_ db: Database) throws -> String {
    let text = try String.fetchOne(
      db,
      sql: """
        SELECT id FROM run WHERE kind = 'rl'
        ORDER BY coalesce(started_at, created_at, '') DESC, number DESC LIMIT 1
        """)
    guard let text else { throw StoreError(.notFound, "there are no runs yet") }
    return text
  }

  private static func run(
    ofSweep name: String, at index: Substring, _ db: Database
  ) throws -> String {
    let find = "SELECT number FROM sweep WHERE name = ?"
    guard let sweep = try Int64.fetchOne(db, sql: find, arguments: [name]) else {
      throw try unknownSweep(name, db)
    }
    let last =
      try Int.fetchOne(
        db, sql: "SELECT max(position) FROM sweep_run WHERE sweep = ?", arguments: [sweep]) ?? -1
    let text = try Int(index).flatMap { position in
      try String.fetchOne(
        db,
        sql: """
          SELECT run.id FROM sweep_run JOIN run ON run.number = sweep_run.run
          WHERE sweep = ? AND position = ?
          """, arguments: [sweep, position])
    }
    guard let text else {
      throw StoreError(
        .notFound, "sweep '\(name)' has no point '\(index)'; its points are 0 to \(last)")
    }
    return text
  }

  private static func run(withPrefix prefix: String, _ db: Database) throws -> String {
    let isHexadecimal = prefix.utf8.allSatisfy {
      (0x30...0x39).contains($0) || (0x61...0x66).contains($0)
    }
    guard !prefix.isEmpty, isHexadecimal else {
      throw StoreError(
        .notFound,
        "'\(prefix)' names no run; give the beginning of an id, '@last', or 'SWEEP/INDEX'")
    }
    // All ids with the prefix lie between it and it followed by a letter after the digits.
    let found = try Row.fetchAll(
      db,
      sql: """
        SELECT id, kind FROM run WHERE id >= ? AND id < ? AND (kind = 'rl' OR id = ?)
        ORDER BY id LIMIT 6
        """, arguments: [prefix, prefix + "g", prefix])
    let ids = found.map { $0["id"] as String }
    guard let first = ids.first else {
      throw StoreError(.notFound, "no run's id begins with '\(prefix)'")
    }
    guard ids.count == 1 else {
      let shown = ids.prefix(5).joined(separator: ", ") + (ids.count > 5 ? ", …" : "")
      throw StoreError(.ambiguous, "several runs' ids begin with '\(prefix)': \(shown)")
    }
    return first
  }
}
