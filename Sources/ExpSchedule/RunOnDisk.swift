public import ExpCore
internal import FoundationEssentials
internal import Glibc
public import TrainerProtocol

/// What the files of a run say of it, without any database.
public struct RunOnDisk: Sendable, Hashable {
  /// Its state; nil where nothing was ever started.
  ///
  /// `running` while a trainer holds its lock; `lost` where an attempt left no word of its end.
  public var state: RunState?
  /// Why, where an attempt gave a reason.
  public var reason: String?
  /// Attempts in a row, up to the last one, that failed.
  public var failedTries: Int
  /// Whether the last attempt was refused as a bad request, which no retry mends.
  public var isRefused: Bool
  /// The final record, where it is there, whole, and of this run.
  public var result: RunResult?

  /// Reads the files of a run or base policy.
  ///
  /// - Parameters:
  ///   - id: the id that the final record must have.
  ///   - folder: where it lies.
  ///   - retries: failed attempts in a row that may be followed by another one; more make it `failed`.
  /// - Returns: what they say.
  /// - Throws: `ScheduleError` where a file that is there cannot be read.
  public static func read(
    id: RunID, folder: RunFolder, retries: Int
  ) throws(ScheduleError) -> RunOnDisk {
    try read(id: id, folder: folder, retries: retries, isLockedByUs: false)
  }

  /// Reads so; with `checksPolicy` a final record counts only where its checkpoint is there as it was written.
  static func read(
    id: RunID, folder: RunFolder, retries: Int, isLockedByUs: Bool, checksPolicy: Bool = false
  ) throws(ScheduleError) -> RunOnDisk {
    var run = RunOnDisk(failedTries: 0, isRefused: false)
    run.result = readResult(id: id, folder: folder)
    if checksPolicy, let result = run.result, !hasPolicy(result, folder) { run.result = nil }
    let attempts = try AttemptLog.read(folder)
    // A final record of an attempt that failed after writing it is open: the next trainer confirms it and leaves with 0.
    if run.result != nil, attempts.last?.outcome != .failed {
      run.state = .succeeded
      return run
    }
    let failures = attempts.reversed().prefix { $0.outcome == .failed }
    run.failedTries = failures.count
    run.isRefused = attempts.last?.exitCode == Int(TrainerExit.badRequest.rawValue)
    run.reason = attempts.last?.reason
    if !isLockedByUs, RunLock.isHeld(folder.lock) {
      run.state = .running
    } else if let last = attempts.last {
      // A record of success whose result is gone, or failures that may be retried, mean: not done yet.
      let isFinal = run.isRefused || run.failedTries > max(0, retries)
      run.state = last.outcome == .succeeded ? .lost : last.outcome
      if last.outcome == .failed, !isFinal { run.state = .pending }
    } else if fileExists(folder.events) {
      run.state = .lost
    } else if fileExists(folder.request) {
      run.state = .pending
    }
    return run
  }

  /// Opens a run or base policy again that failed, timed out or was lost, with all its tries: the next sweep runs it.
  ///
  /// - Returns: whether it was; false where it had not failed, or a trainer works on it.
  /// - Throws: `ScheduleError` where its files cannot be read or written.
  public static func reopen(_ folder: RunFolder) throws(ScheduleError) -> Bool {
    guard fileExists(folder.attempts), let lock = try RunLock.take(folder, tries: 20) else {
      return false
    }
    try AttemptLog.adoptOrphan(folder)
    let last = try AttemptLog.read(folder).last
    guard let last, [.failed, .timedOut, .lost].contains(last.outcome) else { return false }
    let now = utcNow()
    try AttemptLog.append(
      AttemptRecord(
        pid: nil, startedAt: now, endedAt: now, outcome: .pending,
        reason: "to be tried again, as asked"),
      to: folder)
    withExtendedLifetime(lock) {}
    return true
  }

  /// Returns the final record where it is there, whole, of this run, and points into its own folder; else nil.
  public static func readResult(id: RunID, folder: RunFolder) -> RunResult? {
    // try?: a record that cannot be read counts as none, and the trainer writes it again.
    guard let bytes = try? SmallFile.read(folder.result),
      let result = try? JSONDecoder().decode(RunResult.self, from: Data(bytes)),  // try?: as above
      result.id == id, staysInside(result.checkpoint)
    else { return nil }
    return result
  }

  /// Whether the checkpoint that a final record names is there and has the content it had.
  static func hasPolicy(_ result: RunResult, _ folder: RunFolder) -> Bool {
    let path = "\(folder.path)/\(result.checkpoint)"
    // try?: a policy that cannot be read is as good as none.
    guard let bytes = try? Data(contentsOf: URL(filePath: path), options: .mappedIfSafe) else {
      return false
    }
    return ContentHash(of: bytes) == result.checkpointSHA256
  }

  /// The state as the scheduler wants it, given what is to be run again.
  ///
  /// A sweep that does not prune carries on what another one pruned.
  func finding(
    kind: RunRequest.Kind, rerun: SweepSettings.Rerun, keepsPruned: Bool
  ) -> Scheduler.Finding {
    let keepsFailed = rerun == .none || rerun == .pruned
    return switch state {
    case .succeeded where rerun == .all && kind == .rl: .open(failedTries: 0)
    case .succeeded: .finished(.succeeded, reason: nil)
    case .failed where keepsFailed: .finished(.failed, reason: reason)
    case .timedOut where keepsFailed: .finished(.timedOut, reason: reason)
    case .pruned where keepsPruned && (rerun == .none || rerun == .failed):
      .finished(.pruned, reason: reason)
    default: .open(failedTries: keepsFailed ? failedTries : 0)
    }
  }

  private static func staysInside(_ path: String) -> Bool {
    !path.isEmpty && !path.hasPrefix("/") && !path.utf8.contains(0)
      && !path.split(separator: "/").contains("..")
  }
}

/// The size of a file; 0 where there is none.
func fileSize(_ path: String) -> Int {
  var facts = stat()
  return stat(path, &facts) == 0 ? Int(facts.st_size) : 0
}

/// Whether something lies at a path.
func fileExists(_ path: String) -> Bool { access(path, F_OK) == 0 }
