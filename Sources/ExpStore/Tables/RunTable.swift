internal import ExpCore
internal import GRDB
internal import TrainerProtocol

/// Rows of `run`.
enum RunTable {
  /// Makes or updates the row of a folder, with its settings, and returns its number.
  static func upsert(_ facts: RunFacts, _ db: Database) throws -> Int64 {
    let id = facts.request.id.text
    let config = facts.config.canonicalJSON
    let known: String? = try db.value(
      "SELECT config FROM run JOIN run_config ON run = number WHERE id = ?", [id])
    let columns = ConfigColumns(facts.config, isBase: facts.request.kind == .base)
    let source = facts.provenance?.source
    let arguments: StatementArguments = [
      "id": id, "kind": facts.kind, "config_hash": ContentHash(of: config).hex,
      "base": facts.request.base?.id.text, "experiment": facts.provenance?.experiment,
      "own_label": facts.provenance?.label, "model_params": columns.modelParams,
      "algorithm": columns.algorithm, "entropy_control": columns.entropyControl,
      "seed": columns.seed, "commit_id": source?.commit, "snapshot": source?.snapshot ?? false,
      "total_steps": columns.totalSteps, "created_at": facts.provenance?.createdAt,
      "status": facts.status.state.rawValue,
    ]
    try db.run(upsertSQL, arguments)
    guard let number: Int64 = try db.value(findSQL, [id]) else {
      preconditionFailure("the row of \(id) was just written")
    }
    if known != config { try setConfig(facts.config, run: number, ParamTable(db), db) }
    return number
  }

  /// Makes the row of a planned run where there is none, and returns its number.
  static func plan(_ point: SweepRecord.Point, _ params: ParamTable, _ db: Database) throws -> Int64
  {
    if let known: Int64 = try db.value(findSQL, [point.run.text]) { return known }
    let columns = ConfigColumns(point.config, isBase: false)
    try db.run(
      """
      INSERT INTO run (id, kind, status, config_hash, base, model_params, algorithm,
        entropy_control, seed, total_steps)
      VALUES (?, 'rl', 'pending', ?, ?, ?, ?, ?, ?, ?)
      """,
      [
        point.run.text, point.configHash.hex, point.base.text,
        columns.modelParams, columns.algorithm, columns.entropyControl, columns.seed,
        columns.totalSteps,
      ])
    let number = db.lastInsertedRowID
    try setConfig(point.config, run: number, params, db)
    return number
  }

  private static func setConfig(
    _ config: JSONValue, run: Int64, _ params: ParamTable, _ db: Database
  ) throws {
    try db.run(
      "INSERT OR REPLACE INTO run_config (run, config) VALUES (?, ?)",
      [run, config.canonicalJSON])
    try params.replace(config, run: run)
  }

  /// Writes the values and attempts of a part of the log, and how far it reaches.
  static func apply(_ part: LogPart, run: Int64, _ db: Database) throws {
    if part.start == 0 {
      for table in ["metric_value", "attempt_start"] {
        try db.run("DELETE FROM \(table) WHERE run = ?", [run])
      }
      try db.run("UPDATE run SET log_problems = 0 WHERE number = ?", [run])
    }
    try MetricValues.apply(part.log, run: run, db)
    try AttemptTable.append(part.log.attempts, run: run, db)
    try db.run(
      """
      UPDATE run SET log_bytes = ?, log_head = ?, log_problems = log_problems + ?
      WHERE number = ?
      """,
      [part.position.bytes, part.position.head, part.log.problemCount, run])
  }

  /// Writes what follows from all the files together.
  static func summarise(_ facts: RunFacts, run: Int64, _ db: Database) throws {
    let result = facts.status.result
    try db.run(
      """
      UPDATE run SET reason = :reason, finished_at = :finished_at,
        started_at = (SELECT max(started_at) FROM attempt WHERE run = run.number),
        wall_seconds = :wall_seconds, series_sha256 = :series, files = :files,
        step = (SELECT max(step) FROM metric_value WHERE run = run.number),
        \(lastValue("last_val_score", MetricName.valScore)),
        \(lastValue("last_entropy", MetricName.entropy)),
        best_val_score = (SELECT max(value) FROM metric_value WHERE run = run.number
          AND metric = (SELECT number FROM metric_name WHERE name = '\(MetricName.valScore)'))
      WHERE number = :number
      """,
      [
        "reason": facts.status.reason, "finished_at": facts.finishedAt,
        "wall_seconds": result?.wallSeconds, "series": result?.seriesSHA256.hex,
        "files": facts.stamp, "number": run,
      ])
    try SweepTable.refreshNames(ofRun: run, db)
  }

  /// Takes back what a folder said that is no longer there.
  static func forget(_ id: String, _ db: Database) throws {
    guard let run: Int64 = try db.value(findSQL, [id]) else { return }
    for table in ["metric_value", "attempt_start", "attempt", "fit"] {
      try db.execute(sql: "DELETE FROM \(table) WHERE run = ?", arguments: [run])
    }
    try db.execute(
      sql: """
        UPDATE run SET status = 'pending', has_folder = 0, reason = NULL, experiment = NULL,
          own_label = NULL, commit_id = NULL, snapshot = 0, step = NULL, last_val_score = NULL,
          best_val_score = NULL, last_entropy = NULL, series_sha256 = NULL, created_at = NULL,
          started_at = NULL, finished_at = NULL, wall_seconds = NULL, log_bytes = 0,
          log_head = '', log_problems = 0, files = ''
        WHERE number = ?
        """,
      arguments: [run])
    try SweepTable.refreshNames(ofRun: run, db)
    try deleteUnplanned(db)
  }

  /// Deletes the rows that neither a folder nor a plan stands for.
  static func deleteUnplanned(_ db: Database) throws {
    try db.execute(
      sql: """
        DELETE FROM run WHERE has_folder = 0
          AND NOT EXISTS (SELECT 1 FROM sweep_run WHERE sweep_run.run = run.number)
        """)
  }

  private static func lastValue(_ column: String, _ metric: String) -> String {
    """
    \(column) = (SELECT value FROM metric_value WHERE run = run.number
      AND metric = (SELECT number FROM metric_name WHERE name = '\(metric)')
      ORDER BY step DESC LIMIT 1)
    """
  }

  private static let findSQL = "SELECT number FROM run WHERE id = ?"

  private static let upsertSQL = """
    INSERT INTO run (id, kind, status, has_folder, config_hash, base, experiment,
      own_label, model_params, algorithm, entropy_control, seed, commit_id, snapshot, total_steps,
      created_at)
    VALUES (:id, :kind, :status, 1, :config_hash, :base, :experiment, :own_label,
      :model_params, :algorithm, :entropy_control, :seed, :commit_id, :snapshot, :total_steps,
      :created_at)
    ON CONFLICT (id) DO UPDATE SET kind = excluded.kind, status = excluded.status, has_folder = 1,
      config_hash = excluded.config_hash, base = excluded.base,
      experiment = excluded.experiment, own_label = excluded.own_label,
      model_params = excluded.model_params, algorithm = excluded.algorithm,
      entropy_control = excluded.entropy_control, seed = excluded.seed,
      commit_id = excluded.commit_id, snapshot = excluded.snapshot,
      total_steps = excluded.total_steps, created_at = excluded.created_at
    """
}
