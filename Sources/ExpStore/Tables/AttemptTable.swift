internal import ExpCore
internal import GRDB
internal import TrainerProtocol

/// Rows of `attempt`, made of what the scheduler recorded and what the trainer's own events add.
enum AttemptTable {
  /// Keeps the attempts that a part of the log began.
  static func append(_ attempts: [TrainEvent.Attempt], run: Int64, _ db: Database) throws {
    guard !attempts.isEmpty else { return }
    let next: Int? = try db.value(
      "SELECT coalesce(max(position) + 1, 0) FROM attempt_start WHERE run = ?", [run])
    for (offset, attempt) in attempts.enumerated() {
      try db.run(
        "INSERT INTO attempt_start VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
          run, (next ?? 0) + offset, attempt.number, attempt.pid, attempt.host, attempt.startedAt,
          attempt.resumeStep, attempt.compute.kernelSet, attempt.gpu,
        ])
    }
  }

  /// Writes the attempts of a run anew: every recorded one, then a last one whose end nobody recorded.
  static func replace(_ status: RunStatus, run: Int64, _ db: Database) throws {
    try db.run("DELETE FROM attempt WHERE run = ?", [run])
    let select = try db.cachedStatement(
      sql: "SELECT * FROM attempt_start WHERE run = ? ORDER BY position")
    let starts = try Row.fetchAll(select, arguments: [run])
    for (index, record) in status.attempts.enumerated() {
      let start = starts.last { start in
        let startedAt: String = start["started_at"]
        return start["pid"] == record.pid && startedAt >= record.startedAt
          && startedAt <= record.endedAt
      }
      try insert(run, index + 1, record, start, db)
    }
    guard let last = starts.last, isUnrecorded(last, status.attempts.last) else { return }
    try db.run(
      """
      INSERT INTO attempt
        (run, number, outcome, started_at, pid, host, resume_step, reason, kernel_set, gpu)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
      """,
      [
        run, status.attempts.count + 1, status.state.rawValue, last["started_at"] as String,
        last["pid"] as Int, last["host"] as String, last["resume_step"] as Int, status.reason,
        last["kernel_set"] as String?, last["gpu"] as String?,
      ])
  }

  private static func isUnrecorded(_ start: Row, _ record: AttemptRecord?) -> Bool {
    guard let record else { return true }
    let startedAt: String = start["started_at"]
    return startedAt > record.endedAt
      || (startedAt == record.endedAt && start["pid"] != record.pid)
  }

  private static func insert(
    _ run: Int64, _ number: Int, _ record: AttemptRecord, _ start: Row?, _ db: Database
  ) throws {
    try db.run(
      "INSERT INTO attempt VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
      [
        run, number, record.outcome.rawValue, record.startedAt, record.endedAt, record.pid,
        start?["host"] as String?, start?["resume_step"] as Int?, record.exitCode, record.signal,
        record.peakMemoryBytes, record.cpuSeconds, record.reason,
        start?["kernel_set"] as String?, start?["gpu"] as String?,
      ])
  }
}
