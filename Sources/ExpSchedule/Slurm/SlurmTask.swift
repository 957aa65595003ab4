internal import ExpCore
internal import TrainerProtocol

/// A run in the hands of Slurm, from the moment it is gathered for an array until its task has left.
final class SlurmTask: Attempt {
  let job: SweepJob
  let folder: RunFolder
  let startedAt = utcNow()
  /// The task; nil until an array with it is in the queue.
  var task: SlurmTaskID?
  /// The node that has it, or had it last.
  var node = ""
  /// Slurm's last word on it, and whether it is to leave.
  var notice = SlurmNotice()
  var news = AttemptNews.queued("it is being submitted to Slurm")
  /// Whether a node has had it.
  var hasRun = false
  /// When it was first missed in the queue.
  var missedAt: Duration?

  init(job: SweepJob, folder: RunFolder) {
    self.job = job
    self.folder = folder
  }

  var state: String { notice.state }
  var wish: SlurmNotice.Wish { notice.wish }

  /// It runs on another machine.
  var pid: Int? { nil }

  var place: String? {
    guard let task else { return nil }
    return node.isEmpty ? "Slurm \(task)" : "\(node) (Slurm \(task))"
  }

  func look() -> AttemptNews { news }
  func terminate() { notice.wish = max(notice.wish, .leave) }
  func kill() { notice.wish = .die }

  /// Takes in a line of the queue; one that is over is judged by its files.
  func take(_ entry: SlurmQueueEntry) {
    notice.take(entry.state)
    switch entry.phase {
    case .waiting:
      missedAt = nil
      news = .queued("waits in Slurm's queue as \(entry.task): \(entry.reason)")
    case .running:
      node = entry.node
      hasRun = true
      missedAt = nil
      news = .running
    case .over:
      if !entry.node.isEmpty { (node, hasRun) = (entry.node, true) }
    }
  }
}

extension SlurmTask {
  /// Says how it ended once it is out of the queue: by the record its node wrote, by the final record, and after a wait
  /// that files may take to be seen here, by what Slurm said last.
  ///
  /// - Returns: nil where it is too early to tell.
  func judge(waited: Duration, fileDelay: Duration, lastWords: String?) -> AttemptNews? {
    // try?: a log that cannot be read now is read again at the next look.
    guard let attempts = try? AttemptLog.read(folder) else { return nil }
    if let record = attempts.last(where: { $0.job != nil && $0.job == task?.description }) {
      // The record may be seen here before the file that it speaks of.
      let isWhole = record.outcome != .succeeded || hasResult
      return isWhole || waited >= fileDelay ? .ended(AttemptEnd(record)) : nil
    }
    // A node that finds the run done by somebody else starts no trainer.
    if hasResult, attempts.last?.outcome != .failed {
      return .ended(AttemptEnd(code: 0, isRecorded: true))
    }
    let neverBegan = !hasRun && (state == "CANCELLED" || wish != .none)
    guard waited >= fileDelay || neverBegan else { return nil }
    if !hasRun { return .leftQueue("its task \(taskText) left Slurm's queue\(stateText)") }
    // A trainer that lives on where its node was given up holds the lock, and its result counts.
    if RunLock.isHeld(folder.lock) { return nil }
    let reason =
      "lost: its task \(taskText) on \(node) ended\(stateText) without a record of it"
      + (lastWords.map { "; its last words: \($0)" } ?? "")
    return .ended(AttemptEnd(words: reason, isRecorded: recordLoss(reason)))
  }

  private var hasResult: Bool { RunOnDisk.readResult(id: job.id, folder: folder) != nil }
  private var taskText: String { task?.description ?? "?" }
  private var stateText: String { state.isEmpty || state == "RUNNING" ? "" : " (\(state))" }

  /// Writes down the loss where its trainer had begun; whether it did.
  private func recordLoss(_ reason: String) -> Bool {
    // try?: what cannot be written now is adopted at the next launch.
    guard let lock = try? RunLock.take(folder) else { return false }
    defer { withExtendedLifetime(lock) {} }
    return (try? AttemptLog.adoptOrphan(folder, reason: reason)) ?? false  // try?: as above
  }
}

extension AttemptEnd {
  /// Takes the end that a node has written down.
  init(_ record: AttemptRecord) {
    self.init(
      code: record.exitCode.map { Int32(clamping: $0) },
      signal: record.signal.map { Int32(clamping: $0) },
      peakMemoryBytes: record.peakMemoryBytes, cpuSeconds: record.cpuSeconds,
      words: record.reason, isRecorded: true)
    outcome = record.outcome
  }
}
