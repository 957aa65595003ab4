internal import ExpCore
internal import GRDB
public import TrainerProtocol

extension Store {
  static let batchBytes = 8 << 20

  /// Takes in what a run's or base policy's folder says that the store does not know yet.
  ///
  /// Only the new part of the event log is read, in batches of one immediate transaction each. Doing it twice, or in
  /// two processes at once, gives the same rows as doing it once.
  /// - Returns: files and lines that could not be used.
  /// - Throws: `StoreError`, with code `file` or `notFound` where there is no valid `request.json`.
  @discardableResult
  public func ingest(run folder: RunFolder) throws(StoreError) -> [Problem] {
    let facts = try RunFacts(folder)
    var problems = facts.problems
    var isFinished = false
    while !isFinished {
      let known = try logPosition(facts.request.id)
      let part = try LogPart(folder.events, after: known)
      for problem in part.log.problems {
        let place = part.start == 0 ? "line" : "after byte \(part.start), line"
        problems.append(
          Problem(path: folder.events, message: "\(place) \(problem.line): \(problem.message)"))
      }
      isFinished = try write { db in
        // Another process may have been here since the position was read; then its rows are newer.
        guard try Store.logPosition(facts.request.id, db) == known else { return false }
        let run = try RunTable.upsert(facts, db)
        try RunTable.apply(part, run: run, db)
        guard part.isLast else { return false }
        try AttemptTable.replace(facts.status, run: run, db)
        try RunTable.summarise(facts, run: run, db)
        return true
      }
    }
    return problems
  }

  private func logPosition(_ id: RunID) throws(StoreError) -> LogPosition {
    try read { db in try Store.logPosition(id, db) }
  }

  private static func logPosition(_ id: RunID, _ db: Database) throws -> LogPosition {
    let row = try Row.fetchOne(
      db, sql: "SELECT log_bytes, log_head FROM run WHERE id = ?", arguments: [id.text])
    guard let row else { return LogPosition(bytes: 0, head: "") }
    return LogPosition(bytes: row["log_bytes"], head: row["log_head"])
  }
}

/// How far a log was read, and what it began with.
struct LogPosition: Equatable {
  static let headBytes = 4096

  var bytes: Int
  /// Hash of the first `min(bytes, headBytes)` bytes: a log that begins otherwise is another one.
  var head: String
}

/// A part of an event log: whole lines behind what was read before.
struct LogPart {
  var log = RunLog()
  /// The byte it begins at; 0 where everything read before is void.
  var start = 0
  var position = LogPosition(bytes: 0, head: "")
  var isLast = true

  init(_ path: String, after known: LogPosition) throws(StoreError) {
    let file: LogFile
    do throws(StoreError) {
      file = try LogFile(path)
    } catch {
      guard error.code == .notFound else { throw error }
      return
    }
    let headLength = min(known.bytes, LogPosition.headBytes)
    if known.bytes > 0, file.size >= known.bytes,
      ContentHash(of: file.prefix(headLength)).hex == known.head
    {
      start = known.bytes
    }
    file.seek(to: start)
    isLast = false
    var isBegun = false
    while !isBegun || log.consumedBytes == 0 || log.readBytes < Store.batchBytes {
      isBegun = true
      guard try file.readChunk(into: &log) else {
        isLast = true
        break
      }
    }
    position.bytes = start + log.consumedBytes
    let head = file.prefix(min(position.bytes, LogPosition.headBytes))
    position.head = position.bytes == 0 ? "" : ContentHash(of: head).hex
  }
}
