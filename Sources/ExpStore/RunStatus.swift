internal import FoundationEssentials
internal import Glibc
public import ExpCore
public import TrainerProtocol

/// What has become of a run, told from its files alone.
public struct RunStatus: Sendable, Hashable {
  /// The state.
  public var state: RunState
  /// Why, where somebody said so.
  public var reason: String?
  /// The final record, where there is a valid one; a run can have one and not be succeeded.
  public var result: RunResult?
  /// The attempts as the scheduler saw them end.
  public var attempts: [AttemptRecord]
  /// Files and lines that could not be used.
  public var problems: [String]
}

extension RunStatus {
  /// Reads the state of a run or base policy from its folder.
  ///
  /// Succeeded needs a valid `result.json` and a last attempt that ended with exit status 0, or whose end nobody
  /// recorded. A run whose `trainer.lock` is held is running. Otherwise the last attempt's record decides, or the
  /// event it ended with where it was not recorded; what merely stopped, vanished or never began is pending.
  ///
  /// The lock is tried shared and for an instant, so whoever wants to take it should try more than once.
  public static func read(_ folder: RunFolder) -> RunStatus {
    var status = RunStatus(state: .pending, reason: nil, result: nil, attempts: [], problems: [])
    if isLocked(folder.lock) {
      status.readAttempts(folder)
      status.state = .running
      return status
    }
    status.readAttempts(folder)
    status.readResult(folder)
    status.decide(LogMarks.read(folder.events))
    return status
  }

  private mutating func decide(_ marks: LogMarks) {
    let record = marks.isNewer(than: attempts.last) ? nil : attempts.last
    guard let record else {
      if result != nil {
        state = .succeeded
      } else if marks.attempt != nil, let end = marks.end {
        state = end.status == .failed ? .failed : .pending
        reason = end.status == .succeeded ? "the final record is missing" : end.reason
      }
      return
    }
    reason = record.reason
    if result != nil, record.outcome != .failed {
      state = .succeeded
    } else if record.outcome == .succeeded {
      state = .failed
      reason = reason ?? (result == nil ? "the final record is missing" : "exit status is not 0")
    } else {
      state = record.outcome == .running ? .pending : record.outcome
    }
  }

  private mutating func readAttempts(_ folder: RunFolder) {
    guard RecordFile.exists(folder.attempts) else { return }
    do {
      let bytes = try RecordFile.read(folder.attempts)
      // What follows the last line break is a line that was cut off.
      let lines = bytes.split(separator: 0x0a, omittingEmptySubsequences: false).dropLast()
      for (index, line) in lines.enumerated() where !line.isEmpty {
        do {
          attempts.append(try JSONDecoder().decode(AttemptRecord.self, from: line))
        } catch {
          problems.append("\(folder.attempts):\(index + 1): \(JSONParsingError(describing: error))")
        }
      }
    } catch {
      problems.append("\(error)")
    }
  }

  private mutating func readResult(_ folder: RunFolder) {
    guard RecordFile.exists(folder.result) else { return }
    do {
      let record = try RecordFile.read(RunResult.self, from: folder.result, limit: 1 << 20)
      let name = folder.path.split(separator: "/").last.map(String.init)
      guard record.id.text == name else {
        problems.append("'\(folder.result)' is the result of run \(record.id)")
        return
      }
      result = record
    } catch {
      problems.append("\(error)")
    }
  }

  /// Whether a trainer or its starter holds the lock.
  static func isLocked(_ path: String) -> Bool {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return false }
    defer { close(file) }
    if flock(file, LOCK_SH | LOCK_NB) == 0 { return false }
    return errno == EWOULDBLOCK
  }
}

/// The last attempt of an event log and how it ended, without reading the values.
struct LogMarks {
  var attempt: TrainEvent.Attempt?
  var end: (status: TrainEvent.EndStatus, reason: String?)?

  /// Whether the last attempt of the log began after the end of an attempt that the scheduler recorded.
  func isNewer(than record: AttemptRecord?) -> Bool {
    guard let record else { return true }
    guard let attempt else { return false }
    if attempt.startedAt > record.endedAt { return true }
    // Times are whole seconds, so that a quick restart is told by its process id; a record without one is of a run
    // that was pruned while it had no trainer, after whatever the log tells of that second.
    guard let pid = record.pid else { return false }
    return attempt.startedAt == record.endedAt && attempt.pid != pid
  }

  static func read(_ path: String) -> LogMarks {
    var marks = LogMarks()
    // try?: a log that cannot be read has no marks.
    guard let log = try? RunLog.read(path, keepingValues: false) else { return marks }
    marks.attempt = log.attempts.last
    marks.end = log.end.map { ($0.status, $0.reason) }
    return marks
  }
}
