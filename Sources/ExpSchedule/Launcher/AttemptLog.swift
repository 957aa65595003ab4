internal import ExpCore
internal import FoundationEssentials
internal import Glibc
package import TrainerProtocol

/// `attempts.jsonl`: how each attempt ended, as its parent saw it.
package enum AttemptLog {
  /// Appends a record in one write; a line that a power cut left open is closed first.
  package static func append(_ record: AttemptRecord, to folder: RunFolder) throws(ScheduleError) {
    let file = try Descriptor(opening: folder.attempts, O_RDWR | O_CREAT | O_APPEND)
    let size = file.size
    var line = try jsonLine(record)
    if size > 0, file.read(at: size - 1, limit: 1) != [0x0a] { line.insert(0x0a, at: 0) }
    try file.write(line, path: folder.attempts)
  }

  /// Returns the records there are; lines that are none are passed over.
  package static func read(_ folder: RunFolder) throws(ScheduleError) -> [AttemptRecord] {
    guard let bytes = try SmallFile.read(folder.attempts) else { return [] }
    return bytes.split(separator: 0x0a).compactMap { line in
      // try?: a torn line is expected.
      try? JSONDecoder().decode(AttemptRecord.self, from: Data(line))
    }
  }

  /// Writes down the last attempt that the events tell of where its parent died before it could.
  ///
  /// To be called by the holder of the run's lock, so that no trainer is at work.
  package static func adoptOrphan(_ folder: RunFolder) throws(ScheduleError) {
    guard let (attempt, end) = try lastAttempt(folder) else { return }
    let known = try read(folder)
    if known.contains(where: { $0.pid == attempt.pid }) { return }
    let (outcome, words): (RunState, String?) =
      switch end {
      case .end(_, _, .succeeded, _): (.succeeded, nil)
      case .end(_, _, .stopped, let reason): (.cancelled, reason)
      case .end(_, _, .failed, let reason): (.failed, reason)
      default: (.lost, nil)
      }
    let reason = "its end was not seen: the process that started it was gone"
    try append(
      AttemptRecord(
        pid: attempt.pid, startedAt: attempt.startedAt, endedAt: utcNow(), outcome: outcome,
        reason: words.map { "\($0) (\(reason))" } ?? reason),
      to: folder)
  }

  private static func lastAttempt(
    _ folder: RunFolder
  ) throws(ScheduleError) -> (TrainEvent.Attempt, TrainEvent?)? {
    var tail = EventTail(path: folder.events, from: 0)
    var attempt: TrainEvent.Attempt?
    var end: TrainEvent?
    var isAtEnd = false
    while !isAtEnd {
      isAtEnd = tail.read(only: [#""attempt""#, #""end""#]) { event in
        switch event {
        case .attempt(let facts): (attempt, end) = (facts, nil)
        case .end: end = event
        default: break
        }
      }
    }
    return attempt.map { ($0, end) }
  }
}
