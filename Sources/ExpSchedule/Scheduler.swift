public import ExpCore
import TrainerProtocol

/// Decides what runs when: a pure state machine, events with their time in, actions out.
///
/// Time is any monotonic `Duration`; nothing here reads a clock, a file or a process. The owner feeds each event to
/// `handle(_:now:)`, does what the actions say, and sends `timerFired` no later than `nextWake`.
///
/// Order: the highest priority first; then bases, the one that unblocks the most seconds of work before the others; then
/// runs, the longest first; ties as given. A job that waits for cores or memory is not overtaken, so nothing starves.
/// Cost: O(log jobs) per event, and O(jobs of the phase) when a phase opens.
public struct Scheduler: Sendable {
  enum Stage: Sendable, Hashable {
    /// Its base or its phase is not there yet.
    case waiting
    case ready
    case delayed(until: Duration)
    case launching
    /// It waits in a cluster's queue.
    case queued
    case running(since: Duration)
    case waitsForLock
    case finished(RunState)
  }

  /// Why a running job was told to leave.
  enum Ending: Sendable, Hashable {
    case timeout
    case stop
    /// Its predicted ceiling is out of reach of the best, in words.
    case prune(String)
    /// It does what no run may do, in words.
    case condemned(String, mayRetry: Bool)
  }

  struct Entry: Sendable {
    var job: SweepJob
    var cores: Int
    var rank = 0
    var baseIndex: Int?
    var dependents: [Int] = []
    var stage = Stage.waiting
    var reason: String?
    var failedTries = 0
    var unaskedStops = 0
    var ending: Ending?
    var isKilled = false
    /// Whether it failed because its base policy did.
    var failedWithBase = false
    /// Counts stages, so that a timer of an earlier one is known as stale.
    var generation = 0
  }

  struct Timer: Comparable, Sendable {
    var at: Duration
    var index: Int
    var generation: Int

    static func < (left: Timer, right: Timer) -> Bool { left.at < right.at }
  }

  let options: Options
  var entries: [Entry] = []
  var indices: [RunID: Int] = [:]
  /// Entries by rank: the order in which they are launched.
  var byRank: [Int] = []
  var readyRanks = PriorityHeap<Int>()
  var timers = PriorityHeap<Timer>()
  var phases: [Int] = []
  var openPhase: Int?
  var announcedPhase: Int?
  var unfinishedInPhase: [Int: Int] = [:]
  var coresInUse = 0
  var memoryInUse = 0
  var jobsInUse = 0
  var jobsWaitingForLocks = 0
  var diskIsLow = false
  /// Whether others use what the next job needs.
  var roomIsShort = false
  var hasBegun = false
  var hasFailed = false
  var stop: Stop?
  var actions: [Action] = []

  /// Jobs in each state.
  public internal(set) var counts: [RunState: Int] = [:]
  /// Why the sweep stops early; nil while it does not.
  public internal(set) var stopCause: StopCause?

  /// Takes the jobs with what the files say of them; a job given twice counts once, as first given.
  ///
  /// A run whose base is not a base job of the sweep fails when the sweep begins. A base is wanted as early as
  /// the earliest run that starts from it.
  public init(jobs: [SweepJob], findings: [RunID: Finding] = [:], options: Options) {
    self.options = options
    entries.reserveCapacity(jobs.count)
    for job in jobs where indices[job.id] == nil {
      indices[job.id] = entries.count
      let cores = min(max(1, job.cores), max(1, options.cores))
      entries.append(Entry(job: job, cores: cores))
    }
    linkBases()
    rank()
    for index in entries.indices {
      unfinishedInPhase[entries[index].job.phase, default: 0] += 1
      counts[.pending, default: 0] += 1
      switch findings[entries[index].job.id] {
      case .open(let tries): entries[index].failedTries = tries
      case .finished(let state, let reason): close(index, as: state, reason)
      case nil: break
      }
    }
    phases = unfinishedInPhase.keys.sorted()
  }

  /// Whether nothing is left to do or to wait for.
  public var isFinished: Bool {
    if stop != nil { return jobsInUse == 0 }
    return hasBegun && unfinishedInPhase.values.allSatisfy { $0 == 0 }
  }

  /// Whether trainers were told to end at once.
  public var isStoppingNow: Bool { stop == .now }

  /// When `timerFired` is due; nil where only other events can change something.
  public var nextWake: Duration? { timers.first?.at }

  /// Whether a job is not launched because others use what it needs: `roomMayBeFree` is due now and then.
  public var waitsForRoom: Bool { roomIsShort && stop == nil && !isFinished }

  /// What the next job lacks, for people; nil where nothing waits for room.
  public var roomReason: String? {
    guard waitsForRoom, let rank = readyRanks.first else { return nil }
    return entries[byRank[rank]].reason
  }

  /// The ids, as given.
  public var jobIDs: [RunID] { entries.map(\.job.id) }

  /// What is known of a job; nil for an id that is none of the sweep's.
  public func status(of id: RunID) -> Status? {
    guard let index = indices[id] else { return nil }
    let entry = entries[index]
    var status = Status(
      state: Scheduler.state(of: entry.stage), reason: entry.reason,
      failedTries: entry.failedTries, waitsForLock: entry.stage == .waitsForLock,
      isQueued: entry.stage == .queued)
    if case .running(let since) = entry.stage { status.runningSince = since }
    if case .delayed(let until) = entry.stage { status.retryAt = until }
    return status
  }

  /// Takes one event and returns what is to be done, in order.
  ///
  /// Events about jobs that are not in the state for them are ignored: a late word changes nothing.
  public mutating func handle(_ event: Event, now: Duration) -> [Action] {
    actions.removeAll(keepingCapacity: true)
    switch event {
    case .begin: begin(now)
    case .queued(let id, let reason): queued(id, reason)
    case .started(let id): started(id, now)
    case .leftQueue(let id, let reason): leftQueue(id, reason, now)
    case .noRoom(let id, let reason): noRoom(id, reason)
    case .roomMayBeFree: roomIsShort = false
    case .lockHeldElsewhere(let id): waitForLock(id)
    case .lockFreed(let id, let finding): lockFreed(id, finding)
    case .settled(let id, let state, let reason): settled(id, state, reason)
    case .launchFailed(let id, let reason, let canRetry): launchFailed(id, reason, canRetry, now)
    case .exited(let id, let exit): exited(id, exit, now)
    case .phaseStarted(let phase): phaseStarted(phase)
    case .diskLow(let isLow): diskIsLow = isLow
    case .stopRequested(let force): requestStop(force, .asked, now)
    case .pruneAdvised(let id, let reason): prune(id, reason, now)
    case .condemned(let id, let reason, let mayRetry): condemn(id, reason, mayRetry, now)
    case .retryAsked(let id): retry(id)
    case .timerFired: fireTimers(now)
    }
    if hasFailed, options.failFast, stop == nil { requestStop(.gently, .failFast, now) }
    advancePhase()
    dispatch()
    giveUpOnFullDisk(now)
    dropStaleTimers()
    return actions
  }
}

// MARK: - Setting up

extension Scheduler {
  private mutating func linkBases() {
    for index in entries.indices {
      guard let base = entries[index].job.base, let baseIndex = indices[base],
        entries[baseIndex].job.base == nil, baseIndex != index
      else { continue }
      entries[index].baseIndex = baseIndex
      entries[baseIndex].dependents.append(index)
      let job = entries[index].job
      entries[baseIndex].job.phase = min(entries[baseIndex].job.phase, job.phase)
      entries[baseIndex].job.priority = max(entries[baseIndex].job.priority, job.priority)
    }
  }

  private mutating func rank() {
    let seconds = entries.map { entry in
      entry.job.estimatedSeconds.isFinite ? max(0, entry.job.estimatedSeconds) : 0
    }
    let keys = entries.indices.map { index in
      let entry = entries[index]
      let unblocked = entry.dependents.reduce(0) { $0 + seconds[$1] }
      return (entry.job.base == nil ? 0 : 1, -unblocked, -seconds[index], index)
    }
    byRank = entries.indices.sorted { left, right in
      let (first, second) = (entries[left].job.priority, entries[right].job.priority)
      return first == second ? keys[left] < keys[right] : first > second
    }
    for (rank, index) in byRank.enumerated() { entries[index].rank = rank }
  }

  private mutating func begin(_ now: Duration) {
    guard !hasBegun else { return }
    hasBegun = true
    for index in entries.indices {
      guard let base = entries[index].job.base else { continue }
      if let baseIndex = entries[index].baseIndex {
        if case .finished(let state) = entries[baseIndex].stage, state != .succeeded {
          failDependents(of: baseIndex)
        }
      } else if !isClosed(index) {
        close(index, as: .failed, "base policy \(base) is not part of the sweep")
        actions.append(.changed(entries[index].job.id))
      }
    }
  }
}

// MARK: - Phases and launches

extension Scheduler {
  /// Opens or announces the next phase once all earlier ones are finished.
  private mutating func advancePhase() {
    guard hasBegun, stop == nil, announcedPhase == nil else { return }
    if let openPhase, unfinishedInPhase[openPhase, default: 0] > 0 { return }
    guard let next = phases.first(where: { unfinishedInPhase[$0, default: 0] > 0 }) else { return }
    if next <= 0 {
      open(next)
    } else {
      announcedPhase = next
      actions.append(.phaseReady(next))
    }
  }

  private mutating func phaseStarted(_ phase: Int) {
    guard announcedPhase == phase else { return }
    announcedPhase = nil
    open(phase)
  }

  private mutating func open(_ phase: Int) {
    openPhase = phase
    for index in entries.indices where entries[index].job.phase == phase { makeReady(index) }
  }

  /// Makes a waiting job ready where its phase is open and its base is there.
  mutating func makeReady(_ index: Int) {
    guard entries[index].stage == .waiting, let openPhase,
      entries[index].job.phase <= openPhase
    else { return }
    if let baseIndex = entries[index].baseIndex,
      entries[baseIndex].stage != .finished(.succeeded)
    {
      return
    }
    move(index, to: .ready)
    readyRanks.insert(entries[index].rank)
  }

  private mutating func dispatch() {
    guard stop == nil, !diskIsLow, !roomIsShort else { return }
    while let rank = readyRanks.first {
      let index = byRank[rank]
      // A job that was pruned while it was ready is still in the heap.
      let isReady = entries[index].stage == .ready
      if isReady, !fits(entries[index]) { return }
      readyRanks.removeFirst()
      guard isReady else { continue }
      move(index, to: .launching)
      actions.append(.launch(entries[index].job.id))
    }
  }

  private func fits(_ entry: Entry) -> Bool {
    if jobsInUse == 0 { return true }
    if let limit = options.jobLimit, jobsInUse >= limit { return false }
    guard coresInUse + entry.cores <= options.cores else { return false }
    guard let budget = options.memoryBudget else { return true }
    let (sum, overflows) = memoryInUse.addingReportingOverflow(Scheduler.memory(of: entry))
    return !overflows && sum <= budget
  }

  /// A full disk that nothing of ours will empty ends the sweep: waiting would have no end.
  private mutating func giveUpOnFullDisk(_ now: Duration) {
    guard diskIsLow, stop == nil, jobsInUse == 0, jobsWaitingForLocks == 0, hasBegun,
      !isFinished, announcedPhase == nil
    else { return }
    requestStop(.gently, .diskFull, now)
  }
}
