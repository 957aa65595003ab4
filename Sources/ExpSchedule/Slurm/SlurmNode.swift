internal import ExpCore
internal import FoundationEssentials
internal import Glibc
public import TrainerProtocol

/// One task of an array, on the node that Slurm gave it: what `exp node` runs.
///
/// It is a sweep of one run with the same locks, limits and records as on any machine; only the sweep's own process
/// tries again, and only it writes the store.
public struct SlurmNode: Sendable {
  /// From TERM to KILL, so that a checkpoint is written before Slurm's own KILL.
  private static let grace: Duration = .seconds(SlurmScript.warningSeconds - 10)

  /// The array.
  public let array: SlurmArray
  /// Its task.
  public let task: SlurmArray.Task
  private let index: Int

  /// Reads what is to be done, and waits for the record that the submitting machine wrote to be seen here.
  ///
  /// - Throws: `ScheduleError` where the record is not there in time, cannot be read, or has no such task.
  public init(record: String, index: Int, patience: Duration) throws(ScheduleError) {
    _ = try SlurmNode.waiting(patience) { () throws(ScheduleError) in
      fileExists(record) ? true : nil
    }
    array = try SlurmFolder.read(record)
    guard array.tasks.indices.contains(index) else {
      throw .unreadable(
        path: record, reason: "it has \(array.tasks.count) tasks, and none with index \(index)")
    }
    task = array.tasks[index]
    self.index = index
  }

  private var paths: RunPaths { RunPaths(root: array.runs) }
  /// The run's folder.
  public var folder: RunFolder { task.kind == .base ? paths.base(task.id) : paths.run(task.id) }

  /// Reads the run's request, and waits for the files that the submitting machine wrote to be seen here.
  ///
  /// - Throws: `ScheduleError` where the request or the base policy's final record is not there in time.
  public func request(patience: Duration) throws(ScheduleError) -> RunRequest {
    let request = try SlurmNode.waiting(patience) { () throws(ScheduleError) in
      isBaseThere ? try RequestFile.read(folder) : nil
    }
    if let request { return request }
    let missing = isBaseThere ? folder.request : paths.base(task.base ?? task.id).result
    throw .unreadable(
      path: missing,
      reason:
        "it is not there; does this node see the same folder of runs as the machine that submitted?"
    )
  }

  /// Asks again and again until there is an answer; nil where the time is over.
  private static func waiting<Answer>(
    _ patience: Duration, _ look: () throws(ScheduleError) -> Answer?
  ) throws(ScheduleError) -> Answer? {
    let end = monotonicNow() + patience
    while true {
      if let answer = try look() { return answer }
      guard monotonicNow() < end else { return nil }
      usleep(250_000)
    }
  }

  private var isBaseThere: Bool {
    task.base.map { RunOnDisk.readResult(id: $0, folder: paths.base($0)) != nil } ?? true
  }

  /// Makes the sweep of this one run.
  ///
  /// - Parameters:
  ///   - request: the run's request.
  ///   - environment: the trainer's environment.
  ///   - host: the node's name.
  ///   - job: Slurm's number of the array.
  ///   - observer: who is told what happens.
  /// - Returns: the sweep, not yet begun.
  /// - Throws: `ScheduleError` where the trainer's program or the base policy's request is missing.
  public func runner(
    _ request: RunRequest, environment: [String: String], host: String, job: Int,
    observer: (any SweepObserver)?
  ) throws(ScheduleError) -> SweepRunner {
    var scheduling = Scheduler.Options(cores: max(1, task.cores))
    scheduling.stopGrace = SlurmNode.grace
    scheduling.stopReason = "Slurm told it to leave"
    var settings = SweepSettings(scheduling: scheduling)
    // A run that failed before was submitted again on purpose.
    settings.rerun = .failed
    settings.keepsPruned = array.keepsPruned
    settings.pinsCores = false
    settings.place = SweepSettings.Place(
      host: host, job: SlurmTaskID(job: job, index: index).description)
    return try SweepRunner(
      jobs: try jobs(request), paths: paths, trainerCommand: array.trainer, compute: array.compute,
      sourceFingerprint: array.sourceFingerprint, environment: environment, settings: settings,
      observer: observer)
  }

  /// The run, and the base policy that it finds done.
  private func jobs(_ request: RunRequest) throws(ScheduleError) -> [SweepJob] {
    var jobs: [SweepJob] = []
    if let base = task.base {
      guard let made = try RequestFile.read(paths.base(base)) else {
        throw .baseUnusable(path: paths.base(base).request)
      }
      jobs.append(
        SweepJob(
          id: base, kind: .base, label: "base policy", config: made.config, base: nil,
          estimatedSeconds: 0))
    }
    jobs.append(
      SweepJob(
        id: task.id, kind: task.kind, label: task.label, config: request.config, base: task.base,
        estimatedSeconds: 0, cores: task.cores, memoryBytes: task.memoryBytes,
        memoryIsLimit: task.memoryIsLimit, timeout: task.timeoutSeconds.map { .seconds($0) },
        retries: 0, checkpointSeconds: task.checkpointSeconds,
        silence: task.silenceSeconds.map { .seconds($0) }))
    return jobs
  }
}
