internal import ExpCore
internal import GRDB
public import TrainerProtocol

extension Store {
  static let batchBytes = 8 << 20

  static let batchRuns = 64

  /// Takes in what a run's or base policy's folder says that the store does not know yet.
  ///
  /// Only the new part of the event log is read, in batches of one immediate transaction each. Doing it twice, or in
  /// two processes at once, gives the same rows as doing it once.
  /// - Returns: files and lines that could not be used.
  /// - Throws: `StoreError`, with code `file` or `notFound` where there is no valid `request.json`.
  @discardableResult
  public func ingest(run folder: RunFolder) throws(StoreError) -> [Problem] {
    let facts = try RunFacts(folder)
    return try facts.problems + ingestLog(of: facts, folder)
  }

  /// Takes in several folders as `ingest(run:)` does one, with as few transactions as their logs allow.
  ///
  /// - Returns: folders, files and lines that could not be used; the others were.
  /// - Throws: `StoreError` where the store itself fails.
  @discardableResult
  public func ingest(runs folders: [RunFolder]) throws(StoreError) -> [Problem] {
    var problems: [Problem] = []
    var batch: [RunReading] = []
    for folder in folders {
      do throws(StoreError) {
        let facts = try RunFacts(folder)
        let reading = try RunReading(facts, folder, after: logPosition(facts.request.id))
        problems += facts.problems + reading.problems
        batch.append(reading)
      } catch {
        guard error.code == .file || error.code == .notFound else { throw error }
        problems.append(Problem(path: folder.path, message: error.message))
      }
      let bytes = batch.reduce(0) { $0 + $1.part.log.readBytes }
      guard bytes >= Store.batchBytes || batch.count >= Store.batchRuns else { continue }
      problems += try ingest(batch)
      batch = []
    }
    return try problems + ingest(batch)
  }

  /// Writes what was read in one transaction, then what the logs hold beyond it.
  private func ingest(_ batch: [RunReading]) throws(StoreError) -> [Problem] {
    guard !batch.isEmpty else { return [] }
    let unfinished = try write { db in
      try batch.filter { reading in try !reading.write(db) }
    }
    var problems: [Problem] = []
    for reading in unfinished { problems += try ingestLog(of: reading.facts, reading.folder) }
    return problems
  }

  /// Reads and writes the rest of a log, part by part.
  private func ingestLog(
    of facts: RunFacts, _ folder: RunFolder
  ) throws(StoreError) -> [Problem] {
    var problems: [Problem] = []
    var isFinished = false
    while !isFinished {
      let reading = try RunReading(facts, folder, after: logPosition(facts.request.id))
      problems += reading.problems
      isFinished = try write { db in try reading.write(db) }
    }
    return problems
  }

  private func logPosition(_ id: RunID) throws(StoreError) -> LogPosition {
    try read { db in try Store.logPosition(id, db) }
  }

  fileprivate static func logPosition(_ id: RunID, _ db: Database) throws -> LogPosition {
    let select = try db.cachedStatement(sql: "SELECT log_bytes, log_head FROM run WHERE id = ?")
    guard let row = try Row.fetchOne(select, arguments: [id.text]) else {
      return LogPosition(bytes: 0, head: "")
    }
    return LogPosition(bytes: row["log_bytes"], head: row["log_head"])
  }
}

/// What a folder says beyond what the store knows, read before the transaction that writes it.
struct RunReading {
  let facts: RunFacts
  let folder: RunFolder
  let known: LogPosition
  let part: LogPart

  init(
    _ facts: RunFacts, _ folder: RunFolder, after known: LogPosition
  ) throws(StoreError) {
    self.facts = facts
    self.folder = folder
    self.known = known
    part = try LogPart(folder.events, after: known)
  }

  /// Lines that could not be used.
  var problems: [Store.Problem] {
    part.log.problems.map { problem in
      let place = part.start == 0 ? "line" : "after byte \(part.start), line"
      return Store.Problem(
        path: folder.events, message: "\(place) \(problem.line): \(problem.message)")
    }
  }

  /// Writes it; returns whether the store then knows the whole folder.
  func write(_ db: Database) throws -> Bool {
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

/// How far a log was read, and what stood at the beginning and at the end of that.
struct LogPosition: Equatable {
  static let markBytes = 4096

  var bytes: Int
  /// Hash of the first and the last `min(bytes, markBytes)` bytes that were read.
  ///
  /// A log that begins otherwise is another one. One that ends otherwise there has lost its end to a power cut and
  /// grown again, so that what was read of it is not in the file any more.
  var head: String

  init(bytes: Int, head: String) {
    self.bytes = bytes
    self.head = head
  }

  /// Looks at what stands around a place of a file.
  init(_ bytes: Int, in file: borrowing LogFile) {
    self.bytes = bytes
    let count = min(bytes, LogPosition.markBytes)
    head =
      bytes == 0
      ? ""
      : ContentHash(
        of: file.bytes(from: 0, count: count) + file.bytes(from: bytes - count, count: count)
      ).hex
  }
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
    if known.bytes > 0, file.size >= known.bytes, LogPosition(known.bytes, in: file) == known {
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
    position = LogPosition(start + log.consumedBytes, in: file)
  }
}
