internal import ExpCore
internal import FoundationEssentials
internal import Glibc
package import TrainerProtocol

/// `attempts.jsonl`: how each attempt ended, as its parent saw it.
package enum AttemptLog {
  /// Appends a record in one write; a last line that a power cut or a full disk cut off is removed first.
  package static func append(_ record: AttemptRecord, to folder: RunFolder) throws(ScheduleError) {
    let line = try jsonLine(record)
    let file = try Descriptor(opening: folder.attempts, O_RDWR | O_CREAT | O_APPEND)
    let size = file.size
    if size > 0, file.read(at: size - 1, limit: 1) != [0x0a] {
      let whole = file.read(at: 0, limit: size).lastIndex(of: 0x0a).map { $0 + 1 } ?? 0
      guard ftruncate(file.number, off_t(whole)) == 0 else {
        throw .system(call: "ftruncate", path: folder.attempts, errno: errno)
      }
    }
    try file.write(line, path: folder.attempts)
  }

  /// Returns the records there are; lines that are none, or lack their line break, are passed over.
  package static func read(_ folder: RunFolder) throws(ScheduleError) -> [AttemptRecord] {
    guard let bytes = try SmallFile.read(folder.attempts),
      let end = bytes.lastIndex(of: 0x0a)
    else { return [] }
    return bytes[..<end].split(separator: 0x0a).compactMap { line in
      // try?: a line damaged by others must not keep the run from going on.
      try? JSONDecoder().decode(AttemptRecord.self, from: Data(line))
    }
  }

  /// Writes down the last attempt that the events tell of where its parent died before it could.
  ///
  /// To be called by the holder of the run's lock, so that no trainer is at work. Returns whether there was one.
  @discardableResult
  package static func adoptOrphan(
    _ folder: RunFolder,
    reason: String = "its end was not seen: the process that started it was gone"
  ) throws(ScheduleError) -> Bool {
    guard let (attempt, end, starts) = try lastAttempt(folder) else { return false }
    // Process ids come again, after a boot as in a container; clocks jump. So attempts are counted.
    if try read(folder).count(where: { $0.pid == attempt.pid }) >= starts { return false }
    let (outcome, words): (RunState, String?) =
      switch end {
      case .end(_, _, .succeeded, _): (.succeeded, nil)
      case .end(_, _, .stopped, let reason): (.cancelled, reason)
      case .end(_, _, .failed, let reason): (.failed, reason)
      default: (.lost, nil)
      }
    try append(
      AttemptRecord(
        pid: attempt.pid, startedAt: attempt.startedAt, endedAt: utcNow(), outcome: outcome,
        reason: words.map { "\($0) (\(reason))" } ?? reason),
      to: folder)
    return true
  }

  /// The last attempt, its end, and how many attempts of its process id there are.
  private static func lastAttempt(
    _ folder: RunFolder
  ) throws(ScheduleError) -> (TrainEvent.Attempt, TrainEvent?, Int)? {
    var tail = EventTail(path: folder.events, from: 0)
    var attempt: TrainEvent.Attempt?
    var end: TrainEvent?
    var starts: [Int: Int] = [:]
    var isAtEnd = false
    while !isAtEnd {
      isAtEnd = tail.read(only: [#""attempt""#, #""end""#]) { event in
        switch event {
        case .attempt(let facts):
          (attempt, end) = (facts, nil)
          starts[facts.pid, default: 0] += 1
        case .end: end = event
        default: break
        }
      }
    }
    return attempt.map { ($0, end, starts[$0.pid, default: 1]) }
  }
}
