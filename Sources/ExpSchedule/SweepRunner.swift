public import ExpCore
internal import Glibc
public import TrainerProtocol

/// Runs a sweep to its end: the thin effects around `Scheduler`.
///
/// One thread, one loop: it waits for signals and timers, reaps trainers, reads what they appended, tells the
/// scheduler, and does what the scheduler says. All knowledge is in the run folders, so it may die at any
/// instruction; the next one goes on from there.
public final class SweepRunner {
  /// Time between two looks at what running trainers wrote.
  static let progressInterval: Duration = .milliseconds(200)
  /// Time between two looks at locks that others hold.
  static let lockInterval: Duration = .milliseconds(250)
  /// Time between two questions whether a run should be pruned.
  static let adviceInterval: Duration = .seconds(1)
  /// Time between two looks at the free disk space.
  static let diskInterval: Duration = .seconds(1)
  /// Time between two questions whether others have left room.
  static let roomInterval: Duration = .milliseconds(100)
  /// Time between two looks at requests to this sweep.
  static let requestInterval: Duration = .milliseconds(500)

  let jobs: [RunID: SweepJob]
  let order: [RunID]
  let paths: RunPaths
  let executor: any Executor
  let compute: RunRequest.Compute
  let sourceFingerprint: ContentHash
  let settings: SweepSettings
  let observer: (any SweepObserver)?
  let advisor: (any PruneAdvisor)?

  var scheduler: Scheduler
  var live: [RunID: LiveJob] = [:]
  var launches = LaunchOrder()
  var waitingForLocks: [RunID] = []
  var attempted: Set<RunID> = []
  var endings: [RunID: (attempt: any Attempt, end: AttemptEnd)] = [:]
  var leftovers: [RunID: Leftover] = [:]
  var work: SweepWork
  private var queue: [Scheduler.Event] = []
  private var isHandling = false
  private var phaseError: (any Error)?
  private var attemptsStarted = 0
  private let origin = monotonicNow()
  private var diskIsLow = false
  private var nextProgress: Duration = .zero
  private var nextLockCheck: Duration = .zero
  private var nextDiskCheck: Duration = .zero
  private var nextAdvice: Duration = .zero
  /// Whether the loop is left although the cluster has not answered yet.
  private var hasGivenUp = false
  /// Whether a job was refused since others were last asked for room.
  var isOutOfRoom = false
  private var nextRoomCheck: Duration = .zero
  private var nextProgressFile: Duration = .zero
  private var nextRequestCheck: Duration = .zero
  var nextWatch: Duration = .zero
  var lastWatch: Duration = .zero

  /// Takes all that a sweep needs; nothing is started yet.
  ///
  /// - Parameters:
  ///   - jobs: what is wanted, bases included.
  ///   - paths: the folder of runs, absolute.
  ///   - trainerCommand: the trainer's program, as a path or as a name on `PATH`, and leading arguments.
  ///   - compute: the arithmetic that new runs are pinned to; each job's cores are its threads.
  ///   - sourceFingerprint: hash of the trainer's sources.
  ///   - environment: the trainers' environment, beside the BLAS settings.
  ///   - settings: resources and patience.
  ///   - observer: who watches; kept for as long as the runner.
  ///   - advisor: who says which runs to prune; kept for as long as the runner, nil for a sweep that prunes nothing.
  ///   - cluster: where runs go; nil for this machine.
  /// - Throws: `ScheduleError` where the folder is not absolute or there is no such program.
  public init(
    jobs: [SweepJob], paths: RunPaths, trainerCommand: [String], compute: RunRequest.Compute,
    sourceFingerprint: ContentHash, environment: [String: String], settings: SweepSettings,
    observer: (any SweepObserver)?, advisor: (any PruneAdvisor)? = nil,
    cluster: SlurmExecutor? = nil
  ) throws(ScheduleError) {
    guard paths.root.hasPrefix("/") else { throw .relativeRoot(paths.root) }
    if let cluster {
      executor = cluster
    } else {
      let launcher = try LocalLauncher(command: trainerCommand, environment: environment)
      executor = try LocalExecutor(launcher: launcher, paths: paths, settings: settings)
    }
    self.jobs = Dictionary(jobs.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
    self.paths = paths
    self.compute = compute
    self.sourceFingerprint = sourceFingerprint
    self.settings = settings
    self.observer = observer
    self.advisor = advisor
    scheduler = Scheduler(
      jobs: SweepRunner.scheduled(jobs, on: executor), options: settings.scheduling)
    order = scheduler.jobIDs
    work = SweepWork(cores: settings.scheduling.cores)
  }

  /// How many cores this process may use: what `Scheduler.Options.cores` usually is.
  public static var availableCores: Int { max(1, CoreSet.current()?.cores.count ?? 1) }

  /// Runs until every job is finished or the sweep is stopped.
  ///
  /// - Throws: the error of `SweepObserver.phaseWillStart`, after all trainers have left; `ScheduleError` where files
  ///   of the sweep cannot be read.
  public func run() throws -> SweepOutcome {
    try SmallFile.makeFolder(paths.root)
    let relay = try SignalRelay(stopSignals: settings.handlesSignals)
    try look()
    checkDisk()
    takeAdvice()
    feed(.begin)
    tellProgress(isLast: true)
    while !scheduler.isFinished, !hasGivenUp {
      for _ in relay.wait(patience(relay.isListening)) { askToStop() }
      checkDisk()
      executor.turn { observer?.message($0) }
      reapAll()
      watch()
      watchOver()
      takeAdvice()
      checkLocks()
      checkRoom()
      checkRequests()
      if let due = scheduler.nextWake, due <= now { feed(.timerFired) }
    }
    executor.stopWaiting()
    executor.conclude()
    tellProgress(isLast: true)
    if let phaseError { throw phaseError }
    return outcome()
  }

  /// Stops the sweep; to be called from the observer's functions only, because it is not thread-safe.
  public func stop(_ force: Scheduler.Stop) { feed(.stopRequested(force)) }

  /// Time since the runner was made.
  var now: Duration { monotonicNow() - origin }

  /// Tells the scheduler, and does what it says until nothing more follows from it.
  func feed(_ event: Scheduler.Event) {
    if event == .roomMayBeFree { isOutOfRoom = false }
    queue.append(event)
    guard !isHandling else { return }
    isHandling = true
    defer { isHandling = false }
    while !queue.isEmpty {
      for action in scheduler.handle(queue.removeFirst(), now: now) { perform(action) }
    }
  }

  private func perform(_ action: Scheduler.Action) {
    switch action {
    case .launch(let id): queue.append(launch(id))
    case .terminate(let id): live[id]?.attempt.terminate()
    case .kill(let id): live[id]?.attempt.kill()
    case .recordAttempt(let id, let outcome, let reason): record(id, outcome, reason)
    case .recordPruned(let id, let reason): recordPruned(id, reason)
    case .changed(let id): tellChange(id)
    case .phaseReady(let phase): queue.append(prepare(phase))
    }
  }

  private func prepare(_ phase: Int) -> Scheduler.Event {
    do {
      try observer?.phaseWillStart(phase)
      return .phaseStarted(phase)
    } catch {
      phaseError = error
      return .stopRequested(.gently)
    }
  }

  private func tellChange(_ id: RunID) {
    guard let job = jobs[id], let status = scheduler.status(of: id) else { return }
    if status.waitsForLock { waitingForLocks.append(id) }
    if status.state.isFinished { work.close(job) } else { work.open(job) }
    observer?.jobChanged(snapshot(of: job, status))
    if status.state.isFinished { observer?.runFinished(id, folder: job.folder(in: paths)) }
  }

  private func outcome() -> SweepOutcome {
    var outcome = SweepOutcome(
      states: [:], reasons: [:], stopCause: scheduler.stopCause, attemptsStarted: attemptsStarted,
      wallSeconds: now.inSeconds)
    for id in order {
      guard let status = scheduler.status(of: id) else { continue }
      outcome.states[id] = status.state
      outcome.reasons[id] = status.reason
    }
    return outcome
  }
}

// MARK: - What the loop looks at

extension SweepRunner {
  /// Reads what the files say of each job, once, before anything starts.
  private func look() throws(ScheduleError) {
    var findings: [RunID: Scheduler.Finding] = [:]
    for id in order {
      guard let job = jobs[id] else { continue }
      let folder = job.folder(in: paths)
      let found = try RunOnDisk.read(id: id, folder: folder, retries: job.retries)
      findings[id] = found.finding(
        kind: job.kind, rerun: settings.rerun, keepsPruned: settings.keepsPruned)
      work.open(job)
    }
    reopenDamagedBases(&findings)
    scheduler = Scheduler(
      jobs: SweepRunner.scheduled(order.compactMap { jobs[$0] }, on: executor),
      findings: findings, options: settings.scheduling)
    for id in order where scheduler.status(of: id)?.state.isFinished == true { tellChange(id) }
  }

  /// Has base policies trained again that are done, wanted, and not there any more as they were written.
  ///
  /// The same request gives the same bits, so runs that began with the lost one go on with the new one.
  private func reopenDamagedBases(_ findings: inout [RunID: Scheduler.Finding]) {
    let open = order.filter { id in
      if case .open = findings[id] { true } else { false }
    }
    for id in Set(open.compactMap { jobs[$0]?.base }) {
      guard let job = jobs[id], case .finished(.succeeded, _) = findings[id] else { continue }
      let folder = job.folder(in: paths)
      guard let result = RunOnDisk.readResult(id: id, folder: folder),
        !RunOnDisk.hasPolicy(result, folder)
      else { continue }
      observer?.message(
        "base policy \(job.label): '\(folder.path)/\(result.checkpoint)' is missing or damaged; "
          + "it is trained again")
      findings[id] = .open(failedTries: 0)
    }
  }

  /// The jobs as the scheduler is to see them: on a cluster the nodes keep the limits on time.
  private static func scheduled(_ jobs: [SweepJob], on executor: any Executor) -> [SweepJob] {
    guard executor.queues else { return jobs }
    return jobs.map { job in
      var job = job
      job.timeout = nil
      return job
    }
  }

  /// How long the loop may sleep.
  private func patience(_ isWoken: Bool) -> Duration {
    var limit: Duration = isWoken || live.isEmpty ? .seconds(60) : .milliseconds(20)
    if !live.isEmpty { limit = min(limit, nextProgress - now, executor.pollInterval ?? limit) }
    if scheduler.waitsForRoom { limit = min(limit, nextRoomCheck - now) }
    if settings.controlFolder != nil { limit = min(limit, nextRequestCheck - now) }
    if !waitingForLocks.isEmpty { limit = min(limit, nextLockCheck - now) }
    if diskIsLow { limit = min(limit, nextDiskCheck - now) }
    if let due = scheduler.nextWake { limit = min(limit, due - now) }
    return limit
  }

  private func askToStop() {
    if scheduler.isStoppingNow, executor.queues {
      observer?.message(
        "leaving at once; what the cluster still has is taken over by the next start")
      hasGivenUp = true
      return
    }
    let isFirst = scheduler.stopCause == nil
    observer?.message(
      isFirst
        ? "stopping: trainers write a checkpoint and leave; a second signal kills them"
        : "stopping at once")
    feed(.stopRequested(isFirst ? .gently : .now))
  }

  private func checkDisk(isUrgent: Bool = false) {
    guard isUrgent || now >= nextDiskCheck else { return }
    nextDiskCheck = now + SweepRunner.diskInterval
    guard let free = freeDiskBytes(paths.root) else { return }
    let isLow = free < settings.diskFloorBytes
    guard isLow != diskIsLow else { return }
    diskIsLow = isLow
    let floor = settings.diskFloorBytes >> 20
    observer?.message(
      isLow
        ? "the disk of '\(paths.root)' has \(free >> 20) MiB left; below \(floor) MiB nothing starts: "
          + "make room there"
        : "the disk of '\(paths.root)' has \(free >> 20) MiB left again; going on")
    feed(.diskLow(isLow))
  }

  private func reapAll() {
    for id in launches.ids {
      guard let job = live[id] else { continue }
      switch job.attempt.look() {
      case .queued(let words): live[id]?.queueWords = words
      case .running: begins(id)
      case .leftQueue(let words):
        forget(id)
        feed(.leftQueue(id, reason: words))
      case .refused(let words):
        forget(id)
        feed(.launchFailed(id, reason: words, canRetry: false))
      case .ended(let end):
        begins(id)
        hasEnded(id, end)
      }
    }
  }

  /// A trainer that waited in a queue runs.
  private func begins(_ id: RunID) {
    guard live[id]?.hasBegun == false else { return }
    live[id]?.hasBegun = true
    live[id]?.startedAt = now
    feed(.started(id))
  }

  private func hasEnded(_ id: RunID, _ end: AttemptEnd) {
    guard var job = live[id] else { return }
    // Nobody looks at the values of an attempt that is over.
    job.readEvents(only: [#""message""#, #""end""#]) { observer?.message($0) }
    let hasResult = RunOnDisk.readResult(id: id, folder: job.folder) != nil
    // What a full disk did should be known before the attempt is judged.
    if end.code != 0 { checkDisk(isUrgent: true) }
    let exit = Scheduler.Exit(
      code: end.code, signal: end.signal, hasResult: hasResult, outcome: end.outcome,
      hasAdvanced: (job.step ?? 0) > job.resumeStep,
      detail: end.code == 0
        ? nil : end.words ?? job.endReason ?? lastMessage(in: job.folder.log, from: job.logStart))
    forget(id)
    endings[id] = (job.attempt, end)
    if hasResult, end.code == 0 { work.finish(job, at: now) }
    feed(.exited(id, exit))
    endings[id] = nil
    // What it used is free, so nobody need wait for the next look.
    if scheduler.waitsForRoom { feed(.roomMayBeFree) }
  }

  private func forget(_ id: RunID) {
    live[id] = nil
    launches.remove(id)
  }

  /// Reads what running trainers appended, and tells of it.
  private func watch() {
    let isDue =
      live.isEmpty ? settings.controlFolder != nil && now >= nextProgressFile : now >= nextProgress
    guard isDue else { return }
    let began = now
    for id in launches.ids where live[id]?.hasBegun == true {
      live[id]?.readEvents { observer?.message($0) }
    }
    tellProgress(isLast: false)
    // A cluster's thousands of trainers are looked at less often, so that looking takes a twentieth of the time.
    nextProgress = now + max(SweepRunner.progressInterval, (now - began) * 20)
  }

  /// Tells whoever watches here, and now and then those who look from elsewhere.
  private func tellProgress(isLast: Bool) {
    let snapshot = snapshot()
    observer?.progress(snapshot)
    guard let folder = settings.controlFolder, isLast || now >= nextProgressFile else { return }
    nextProgressFile = now + .seconds(1)
    SweepProgressFile.write(snapshot, in: folder)
  }

  /// Asks again for what others used.
  private func checkRoom() {
    guard scheduler.waitsForRoom else { return executor.stopWaiting() }
    guard now >= nextRoomCheck else { return }
    nextRoomCheck = now + SweepRunner.roomInterval
    feed(.roomMayBeFree)
  }

  /// Does what other processes have asked of this sweep.
  private func checkRequests() {
    guard let folder = settings.controlFolder, now >= nextRequestCheck else { return }
    nextRequestCheck = now + SweepRunner.requestInterval
    for request in SweepRequest.take(from: folder) {
      switch request {
      case .stop(let force):
        if scheduler.isStoppingNow { return askToStop() }
        observer?.message(
          force == .gently
            ? "asked to stop: trainers write a checkpoint and leave" : "asked to stop at once")
        feed(.stopRequested(force))
      case .retry(let ids):
        for id in ids { feed(.retryAsked(id)) }
      }
    }
  }

  /// Asks which runs cannot reach the best any more.
  private func takeAdvice() {
    guard let advisor, now >= nextAdvice else { return }
    for advice in advisor.advice(state: { scheduler.status(of: $0)?.state }) {
      feed(.pruneAdvised(advice.run, reason: advice.reason))
    }
    // Counted from the end, so that slow advice cannot take all the time there is.
    nextAdvice = now + SweepRunner.adviceInterval
  }

  private func checkLocks() {
    guard !waitingForLocks.isEmpty, now >= nextLockCheck else { return }
    nextLockCheck = now + SweepRunner.lockInterval
    let ids = waitingForLocks
    for id in ids {
      guard let job = jobs[id] else { continue }
      if RunLock.isHeld(job.folder(in: paths).lock) {
        lookAfterLeftover(job)
        continue
      }
      leftovers[id] = nil
      waitingForLocks.removeAll { $0 == id }
      feed(.lockFreed(id, finding(of: job)))
    }
  }

  /// Looks again after another process's trainer is gone; what cannot be read now is seen at the launch.
  private func finding(of job: SweepJob) -> Scheduler.Finding {
    do {
      return try RunOnDisk.read(
        id: job.id, folder: job.folder(in: paths), retries: job.retries
      ).finding(kind: job.kind, rerun: .none, keepsPruned: settings.keepsPruned)
    } catch {
      return .open(failedTries: 0)
    }
  }

  func hasStarted(_ job: LiveJob) {
    live[job.job.id] = job
    launches.append(job.job.id)
    attemptsStarted += 1
  }
}

// MARK: - What the system says

/// The monotonic clock.
func monotonicNow() -> Duration {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
}

/// Bytes that may be written below a folder; nil where the system does not say.
func freeDiskBytes(_ folder: String) -> Int? {
  var facts = statvfs()
  guard statvfs(folder, &facts) == 0 else { return nil }
  let (bytes, overflows) = UInt(facts.f_bavail).multipliedReportingOverflow(
    by: UInt(facts.f_frsize))
  return overflows ? Int.max : Int(clamping: bytes)
}

/// The last message that a log ends with behind an offset, at most 800 bytes of it, in one line; nil where there is none.
///
/// Indented lines belong to the line above them.
func lastMessage(in path: String, from offset: Int) -> String? {
  // try?: no log, no words.
  guard let file = try? Descriptor(opening: path, O_RDONLY) else { return nil }
  let size = file.size
  let start = max(0, offset, size - 800)
  guard start < size else { return nil }
  let bytes = file.read(at: start, limit: size - start)
  let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n")
  let first = lines.lastIndex { !$0.hasPrefix(" ") } ?? lines.startIndex
  guard first < lines.endIndex else { return nil }
  return lines[first...].map { String($0.drop { $0 == " " }) }.joined(separator: "; ")
}

extension Duration {
  /// The length in seconds.
  var inSeconds: Double {
    Double(components.seconds) + Double(components.attoseconds) / 1e18
  }
}
