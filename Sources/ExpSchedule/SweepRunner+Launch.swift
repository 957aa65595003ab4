internal import ExpCore
internal import FoundationEssentials
internal import Glibc
internal import TrainerProtocol

extension SweepRunner {
  /// Starts a job's trainer where nothing speaks against it, and says what came of that.
  ///
  /// The run's lock is taken first; all that follows, the trainer's whole life included, happens under it.
  func launch(_ id: RunID) -> Scheduler.Event {
    guard let job = jobs[id] else {
      return .launchFailed(id, reason: "it is not part of the sweep", canRetry: false)
    }
    let folder = job.folder(in: paths)
    do {
      // What was launched together with a job that found no room does not overtake it.
      if isOutOfRoom { return .noRoom(id, reason: "those before it wait for room") }
      // A place first: while there is none, the files need not be looked at again and again.
      let place = try executor.reserve(job)
      try SmallFile.makeFolder(folder.path)
      guard let lock = try RunLock.take(folder) else {
        guard let attempt = executor.adopt(job, in: folder) else { return .lockHeldElsewhere(id) }
        attempted.insert(id)
        hasStarted(
          LiveJob(
            job, in: folder, attempt, tail: EventTail(path: folder.events, from: 0),
            logStart: fileSize(folder.log), startedAt: now, hasBegun: false))
        return .queued(id, reason: "taken over")
      }
      if let settled = try lookUnderLock(job, folder) { return settled }
      let request = try RequestFile.settle(request(for: job), in: folder)
      if attempted.insert(id).inserted { try observer?.runWillStart(id, folder: folder) }
      let tail = EventTail(path: folder.events)
      let logStart = fileSize(folder.log)
      let attempt = try executor.start(job, request, in: folder, lock: lock, at: place)
      hasStarted(
        LiveJob(
          job, in: folder, attempt, tail: tail, logStart: logStart, startedAt: now,
          hasBegun: !executor.queues))
      return executor.queues ? .queued(id, reason: "submitted") : .started(id)
    } catch let failure as LaunchFailure {
      switch failure {
      case .noRoom(let words):
        isOutOfRoom = true
        return .noRoom(id, reason: words)
      case .refused(let reason, let canRetry):
        return .launchFailed(id, reason: reason, canRetry: canRetry)
      }
    } catch {
      return .launchFailed(id, reason: "\(error)", canRetry: false)
    }
  }

  /// Takes in what others left, and says so where nothing need be run.
  private func lookUnderLock(
    _ job: SweepJob, _ folder: RunFolder
  ) throws(ScheduleError) -> Scheduler.Event? {
    try AttemptLog.adoptOrphan(folder)
    let found = try RunOnDisk.read(
      id: job.id, folder: folder, retries: job.retries, isLockedByUs: true,
      checksPolicy: job.kind == .base)
    // What failed in this sweep is the scheduler's to judge; a result that another sweep brought counts.
    let isOurs = attempted.contains(job.id)
    let rerun = isOurs ? SweepSettings.Rerun.failed : settings.rerun
    if case .finished(let state, let reason) = found.finding(
      kind: job.kind, rerun: rerun, keepsPruned: settings.keepsPruned)
    {
      return .settled(job.id, state, reason: reason)
    }
    if !isOurs, found.state == .succeeded || (found.isRefused && settings.rerun != .none) {
      try RunArchive.moveAside(folder)
    }
    return nil
  }

  /// Writes down that a run without a trainer is pruned, as an attempt that never began.
  ///
  /// Where another process's trainer has just taken the run, that is said and nothing is written: its own sweep
  /// records its end.
  func recordPruned(_ id: RunID, _ reason: String) {
    guard let job = jobs[id] else { return }
    let folder = job.folder(in: paths)
    do {
      try SmallFile.makeFolder(folder.path)
      guard let lock = try RunLock.take(folder, tries: 20) else {
        observer?.message("\(job.label): not recorded as pruned, for another sweep computes it")
        return
      }
      try AttemptLog.adoptOrphan(folder)
      let found = try RunOnDisk.read(
        id: id, folder: folder, retries: job.retries, isLockedByUs: true)
      guard found.state != .succeeded else { return }
      // Without a base policy there is no request yet, and the record alone tells.
      if let request = try? request(for: job) {  // try?: as above
        _ = try RequestFile.settle(request, in: folder)
        if attempted.insert(id).inserted { try observer?.runWillStart(id, folder: folder) }
      }
      let now = utcNow()
      try AttemptLog.append(
        AttemptRecord(pid: nil, startedAt: now, endedAt: now, outcome: .pruned, reason: reason),
        to: folder)
      withExtendedLifetime(lock) {}
    } catch {
      observer?.message("\(job.label): that it is pruned could not be recorded: \(error)")
    }
  }

  private func request(for job: SweepJob) throws(ScheduleError) -> RunRequest {
    var compute = compute
    compute.threads = max(1, job.cores)
    var base: RunRequest.Base?
    if let id = job.base {
      let folder = paths.base(id)
      guard let result = RunOnDisk.readResult(id: id, folder: folder) else {
        throw .baseUnusable(path: folder.result)
      }
      // Runs lie beside the folder of bases.
      base = RunRequest.Base(
        id: id, checkpoint: "../bases/\(id)/\(result.checkpoint)",
        sha256: result.checkpointSHA256)
    }
    return RunRequest(
      id: job.id, kind: job.kind, config: job.config, base: base, compute: compute,
      sourceFingerprint: sourceFingerprint, checkpointSeconds: job.checkpointSeconds)
  }

  /// Writes down how an attempt ended.
  func record(_ id: RunID, _ outcome: RunState, _ reason: String?) {
    guard let (attempt, end) = endings[id], let job = jobs[id] else { return }
    // A node cannot know that what it was told to leave is pruned.
    guard !end.isRecorded || outcome == .pruned else { return }
    let record = AttemptRecord(
      pid: attempt.pid, startedAt: attempt.startedAt, endedAt: utcNow(), outcome: outcome,
      exitCode: end.code.map(Int.init), signal: end.signal.map(Int.init),
      peakMemoryBytes: end.peakMemoryBytes, cpuSeconds: end.cpuSeconds, reason: reason,
      job: settings.place?.job, host: settings.place?.host)
    do {
      try AttemptLog.append(record, to: job.folder(in: paths))
    } catch {
      observer?.message("\(job.label): its attempt could not be recorded: \(error)")
    }
  }
}

/// The files of earlier lives of a run, kept in its folder under `attempts-1` and so on.
enum RunArchive {
  /// Moves all files of a run aside; to be called under its lock.
  ///
  /// The final record goes first and the checkpoints second, so that a crash in between leaves a run that starts
  /// over, whose events then say that the earlier ones are void.
  static func moveAside(_ folder: RunFolder) throws(ScheduleError) {
    let names: [String]
    do {
      names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
    } catch {
      throw .unreadable(path: folder.path, reason: "its files cannot be listed")
    }
    var number = 1
    while names.contains("attempts-\(number)") { number += 1 }
    let archive = "\(folder.path)/attempts-\(number)"
    try SmallFile.makeFolder(archive)
    let first = [folder.result, folder.checkpoints]
    let others = names.sorted().map { "\(folder.path)/\($0)" }.filter { path in
      !first.contains(path) && path != folder.lock && !path.hasPrefix("\(folder.path)/attempts-")
    }
    for path in first + others where fileExists(path) {
      let target = archive + path.dropFirst(folder.path.count)
      guard rename(path, target) == 0 else {
        throw .system(call: "rename", path: path, errno: errno)
      }
    }
  }
}
