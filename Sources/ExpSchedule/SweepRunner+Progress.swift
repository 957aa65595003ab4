internal import ExpCore
internal import TrainerProtocol

/// A job in an executor's hands, with what its trainer has written since.
struct LiveJob {
  let job: SweepJob
  let folder: RunFolder
  let attempt: any Attempt
  var tail: EventTail
  /// Where this attempt's part of the log begins.
  let logStart: Int
  var startedAt: Duration
  /// Whether its trainer runs; false while it waits in a queue.
  var hasBegun: Bool
  /// Why it waits in a queue.
  var queueWords: String?
  /// Time that passed under our eyes without an event.
  var silentFor: Duration = .zero
  /// The most resident memory that was seen, bytes.
  var seenMemoryBytes = 0
  var resumeStep = 0
  var step: Int?
  var totalSteps: Int?
  var values: [String: Double] = [:]
  var endReason: String?

  /// Takes an attempt that was just started or queued.
  init(
    _ job: SweepJob, in folder: RunFolder, _ attempt: any Attempt, tail: EventTail, logStart: Int,
    startedAt: Duration, hasBegun: Bool
  ) {
    self.job = job
    self.folder = folder
    self.attempt = attempt
    self.tail = tail
    self.logStart = logStart
    self.startedAt = startedAt
    self.hasBegun = hasBegun
  }

  /// Takes in whole lines that were appended; messages for people are handed out with the job's label.
  ///
  /// At most 64 MiB at a time, so that a trainer that never stops writing cannot stop the sweep.
  /// With `only`, lines that have none of these texts are passed over.
  mutating func readEvents(only: [String] = [], _ message: (String) -> Void) {
    var tail = tail
    for _ in 0..<256 {
      if tail.read(only: only, { take($0, message) }) { break }
    }
    self.tail = tail
  }

  private mutating func take(_ event: TrainEvent, _ message: (String) -> Void) {
    silentFor = .zero
    switch event {
    case .attempt(let facts):
      resumeStep = facts.resumeStep
      step = facts.resumeStep
      totalSteps = facts.totalSteps
      values = [:]
    case .metrics(let step, _, let values):
      self.step = step
      self.values.merge(values) { _, new in new }
    case .checkpoint: break
    case .message(_, _, let text): message("\(job.label): \(text)")
    case .end(_, _, _, let reason): endReason = reason
    }
  }

  /// Seconds it should still take: from its own pace, before its first step from the estimate.
  func etaSeconds(at now: Duration) -> Double {
    let elapsed = (now - startedAt).inSeconds
    if let step, let totalSteps, step > resumeStep {
      let done = Double(step) - Double(resumeStep)
      return max(0, elapsed / done * (Double(totalSteps) - Double(step)))
    }
    return max(0, job.usefulEstimate - elapsed)
  }
}

/// The jobs in executors' hands, in the order of their launch.
struct LaunchOrder {
  private var entries: [(id: RunID, launch: Int)] = []
  private var newest: [RunID: Int] = [:]
  private var launches = 0

  var ids: [RunID] { entries.compactMap { newest[$0.id] == $0.launch ? $0.id : nil } }

  mutating func append(_ id: RunID) {
    launches += 1
    newest[id] = launches
    entries.append((id, launches))
  }

  /// Constant time on average: entries of jobs that are gone are dropped together.
  mutating func remove(_ id: RunID) {
    newest[id] = nil
    guard entries.count > 2 * newest.count + 16 else { return }
    entries.removeAll { newest[$0.id] != $0.launch }
  }
}

/// What is left of a sweep, in core seconds, and how good the estimates have been.
struct SweepWork {
  let cores: Int
  private var openJobs: Set<RunID> = []
  private var open = 0.0
  private var estimated = 0.0
  private var taken = 0.0

  init(cores: Int) { self.cores = max(1, cores) }

  mutating func open(_ job: SweepJob) {
    if openJobs.insert(job.id).inserted { open += job.coreSeconds }
  }

  mutating func close(_ job: SweepJob) {
    if openJobs.remove(job.id) != nil { open = max(0, open - job.coreSeconds) }
  }

  /// Learns from a job that ran from its beginning to its end.
  mutating func finish(_ job: LiveJob, at now: Duration) {
    guard job.resumeStep == 0, job.job.usefulEstimate > 0 else { return }
    estimated += job.job.usefulEstimate
    taken += (now - job.startedAt).inSeconds
  }

  /// Seconds the sweep should still take, given the running jobs with what each still needs.
  func etaSeconds(running: [(job: SweepJob, eta: Double)]) -> Double? {
    guard open > 0 else { return nil }
    let rate = estimated > 0 ? taken / estimated : 1
    let waiting = max(0, open - running.reduce(0) { $0 + $1.job.coreSeconds }) * rate
    let rest = running.reduce(waiting) { $0 + $1.eta * Double(max(1, $1.job.cores)) }
    return max(rest / Double(cores), running.map(\.eta).max() ?? 0)
  }
}

extension SweepJob {
  /// The estimate, 0 where it is no number.
  var usefulEstimate: Double { estimatedSeconds.isFinite ? max(0, estimatedSeconds) : 0 }
  /// The estimate times the cores.
  var coreSeconds: Double { usefulEstimate * Double(max(1, cores)) }
}

extension SweepRunner {
  func snapshot() -> SweepSnapshot {
    let now = now
    let running = launches.ids.compactMap { live[$0] }.filter(\.hasBegun)
    let etas = running.map { (job: $0.job, eta: $0.etaSeconds(at: now)) }
    return SweepSnapshot(
      counts: scheduler.counts.filter { $0.value != 0 }, total: order.count,
      running: running.compactMap { job in
        scheduler.status(of: job.job.id).map { snapshot(of: job.job, $0) }
      },
      elapsedSeconds: now.inSeconds,
      etaSeconds: executor.queues ? nil : work.etaSeconds(running: etas),
      isStopping: scheduler.stopCause != nil, waitsForRoom: scheduler.roomReason)
  }

  func snapshot(of job: SweepJob, _ status: Scheduler.Status) -> JobSnapshot {
    let now = now
    var snapshot = JobSnapshot(
      id: job.id, label: job.label, kind: job.kind, phase: job.phase, state: status.state,
      reason: status.reason, failedTries: status.failedTries,
      retrySeconds: status.retryAt.map { max(0, ($0 - now).inSeconds) },
      waitsForLock: status.waitsForLock, values: [:])
    guard let running = live[job.id] else { return snapshot }
    snapshot.pid = running.attempt.pid
    snapshot.place = running.attempt.place
    if !running.hasBegun { snapshot.reason = running.queueWords ?? status.reason }
    guard running.hasBegun else { return snapshot }
    snapshot.elapsedSeconds = (now - running.startedAt).inSeconds
    snapshot.step = running.step
    snapshot.totalSteps = running.totalSteps
    snapshot.values = running.values
    snapshot.etaSeconds = running.etaSeconds(at: now)
    return snapshot
  }
}
