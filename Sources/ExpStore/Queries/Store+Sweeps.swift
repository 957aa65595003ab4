public import ExpCore
internal import FoundationEssentials
internal import GRDB

/// A sweep as the store knows it.
public struct SweepRow: Sendable, Hashable {
  /// Its name.
  public var name: String
  /// The spec's path as it was given.
  public var specPath: String
  /// When it was planned, UTC.
  public var createdAt: String
  /// How many of its points are in which state.
  public var states: [RunState: Int]
  /// How many points it has.
  public var points: Int
}

/// A point's place in a sweep.
public struct SweepPlace: Sendable, Hashable {
  /// The run.
  public var run: RunID
  /// Its place, from 0.
  public var index: Int
  /// Its label in this sweep.
  public var label: String
  /// Whether it is kept out of fits across sizes.
  public var heldOut: Bool
}

extension Store {
  /// Returns all sweeps, oldest first.
  ///
  /// - Throws: `StoreError`.
  public func sweeps() throws(StoreError) -> [SweepRow] {
    try read { db in
      let rows = try Row.fetchAll(
        db,
        sql: """
          SELECT sweep.name, sweep.spec_path, sweep.created_at, run.status, count(run.number) AS count
          FROM sweep LEFT JOIN sweep_run ON sweep_run.sweep = sweep.number
            LEFT JOIN run ON run.number = sweep_run.run
          GROUP BY sweep.number, run.status ORDER BY sweep.created_at, sweep.name
          """)
      var sweeps: [SweepRow] = []
      for row in rows {
        let name: String = row["name"]
        if sweeps.last?.name != name {
          sweeps.append(
            SweepRow(
              name: name, specPath: row["spec_path"], createdAt: row["created_at"], states: [:],
              points: 0))
        }
        guard let state = (row["status"] as String?).flatMap(RunState.init) else { continue }
        sweeps[sweeps.count - 1].states[state] = row["count"]
        sweeps[sweeps.count - 1].points += row["count"]
      }
      return sweeps
    }
  }

  /// Returns the points of a sweep in the order of its plan.
  ///
  /// - Throws: `StoreError`, with code `notFound` where there is no such sweep.
  public func places(inSweep name: String) throws(StoreError) -> [SweepPlace] {
    try read { db in
      let find = "SELECT number FROM sweep WHERE name = ?"
      guard let sweep = try Int64.fetchOne(db, sql: find, arguments: [name]) else {
        throw try Store.unknownSweep(name, db)
      }
      let rows = try Row.fetchAll(
        db,
        sql: """
          SELECT run.id, position, sweep_run.label, held_out
          FROM sweep_run JOIN run ON run.number = sweep_run.run WHERE sweep = ? ORDER BY position
          """, arguments: [sweep])
      return rows.compactMap { row in
        RunID(text: row["id"]).map {
          SweepPlace(
            run: $0, index: row["position"], label: row["label"], heldOut: row["held_out"])
        }
      }
    }
  }

  /// Returns the registered predictions of a sweep, oldest first.
  ///
  /// - Throws: `StoreError`.
  public func predictions(ofSweep name: String) throws(StoreError) -> [PredictionRecord] {
    try read { db in
      let texts = try String.fetchAll(
        db,
        sql: "SELECT record FROM prediction WHERE sweep = ? ORDER BY registered_at, size, number",
        arguments: [name])
      return try texts.map {
        try JSONDecoder().decode(PredictionRecord.self, from: Data($0.utf8))
      }
    }
  }
}
