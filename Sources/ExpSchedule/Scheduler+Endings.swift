internal import ExpCore
internal import TrainerProtocol

// MARK: - What becomes of a launch

extension Scheduler {
  mutating func queued(_ id: RunID, _ reason: String) {
    guard let index = indices[id], entries[index].stage == .launching else { return }
    move(index, to: .queued)
    entries[index].reason = reason
    actions.append(.changed(id))
    if let stop { sendStop(index, stop) }
  }

  mutating func started(_ id: RunID, _ now: Duration) {
    guard let index = indices[id], isHandedOver(index) else { return }
    move(index, to: .running(since: now))
    entries[index].reason = nil
    actions.append(.changed(id))
    if let timeout = entries[index].job.timeout {
      setTimer(index, at: now + min(timeout, Scheduler.longestTimeout))
    }
    if let stop {
      sendStop(index, stop, now)
    } else if entries[index].ending != nil {
      // It was to leave the queue and started meanwhile.
      actions.append(.terminate(id))
      setTimer(index, at: now + options.stopGrace)
    }
  }

  private func isHandedOver(_ index: Int) -> Bool {
    entries[index].stage == .launching || entries[index].stage == .queued
  }

  /// What a stop or a prune took out of the queue has come to its end; what somebody else took out goes in again.
  mutating func leftQueue(_ id: RunID, _ reason: String, _ now: Duration) {
    guard let index = indices[id], isHandedOver(index) else { return }
    if let reason = Scheduler.pruneReason(entries[index]) {
      actions.append(.recordPruned(id, reason: reason))
      finish(index, as: .pruned, reason)
    } else if stop != nil {
      move(index, to: .waiting)
      actions.append(.changed(id))
    } else {
      retryUnasked(index, reason, now)
    }
  }

  /// Puts a job back in front: nobody overtakes what waits for room.
  mutating func noRoom(_ id: RunID, _ reason: String) {
    guard let index = indices[id], entries[index].stage == .launching else { return }
    roomIsShort = true
    move(index, to: .ready)
    entries[index].reason = reason
    readyRanks.insert(entries[index].rank)
  }

  mutating func waitForLock(_ id: RunID) {
    guard let index = indices[id], entries[index].stage == .launching else { return }
    move(index, to: .waitsForLock)
    entries[index].reason = "another sweep's trainer computes it"
    actions.append(.changed(id))
  }

  mutating func lockFreed(_ id: RunID, _ finding: Finding) {
    guard let index = indices[id], entries[index].stage == .waitsForLock else { return }
    entries[index].reason = nil
    switch finding {
    case .open(let tries):
      entries[index].failedTries = tries
      move(index, to: .waiting)
      actions.append(.changed(id))
      makeReady(index)
    case .finished(let state, let reason): finish(index, as: state, reason)
    }
  }

  mutating func settled(_ id: RunID, _ state: RunState, _ reason: String?) {
    guard let index = indices[id], entries[index].stage == .launching else { return }
    finish(index, as: state, reason)
  }

  mutating func launchFailed(_ id: RunID, _ reason: String, _ canRetry: Bool, _ now: Duration) {
    guard let index = indices[id], isHandedOver(index) else { return }
    if stop != nil {
      move(index, to: .waiting)
      actions.append(.changed(id))
    } else if canRetry {
      retryOrFail(index, reason, now)
    } else {
      finish(index, as: .failed, reason)
    }
  }
}

// MARK: - What becomes of an attempt

extension Scheduler {
  mutating func exited(_ id: RunID, _ exit: Exit, _ now: Duration) {
    guard let index = indices[id], case .running(let since) = entries[index].stage else { return }
    let entry = entries[index]
    let words = Scheduler.words(for: exit)
    if exit.code == TrainerExit.succeeded.rawValue, exit.hasResult {
      let note = Scheduler.pruneReason(entry).map { "finished before it could be pruned: \($0)" }
      record(id, .succeeded, note)
      finish(index, as: .succeeded, note)
    } else if exit.code == TrainerExit.badRequest.rawValue {
      record(id, .failed, words)
      finish(index, as: .failed, words)
    } else if let reason = Scheduler.pruneReason(entry) {
      let left = Scheduler.leftUnasked(exit) ? "" : "; its trainer \(words)"
      record(id, .pruned, reason + left)
      finish(index, as: .pruned, reason + left)
    } else if case .condemned(let reason, let mayRetry) = entry.ending {
      record(id, .failed, reason)
      if mayRetry { retryOrFail(index, reason, now) } else { finish(index, as: .failed, reason) }
    } else if entry.ending == .timeout {
      let reason =
        "ran longer than \(Scheduler.text(now - since)), its limit is "
        + Scheduler.text(entry.job.timeout ?? .zero)
      record(id, .timedOut, reason)
      finish(index, as: .timedOut, reason)
    } else if exit.outcome == .timedOut {
      record(id, .timedOut, words)
      finish(index, as: .timedOut, words)
    } else if entry.ending == .stop {
      let reason = entry.isKilled ? "killed because \(options.stopReason)" : options.stopReason
      record(id, .cancelled, reason)
      finish(index, as: .cancelled, reason)
    } else if Scheduler.leftUnasked(exit) {
      // One that got further is no nearer to having been told to leave in vain.
      if exit.hasAdvanced { entries[index].unaskedStops = 0 }
      leftUnasked(index, words, now)
    } else if diskIsLow {
      // No failed try: what a full disk refuses says nothing about the run, which goes on when there is room.
      let reason = "\(words), while the disk was full"
      record(id, .cancelled, reason)
      delay(index, by: options.retryDelay, reason, now)
    } else {
      record(id, .failed, words)
      retryOrFail(index, words, now)
    }
  }

  /// A trainer that stopped by somebody else's wish goes on later; it is no failed try, but has a limit.
  private mutating func leftUnasked(_ index: Int, _ words: String, _ now: Duration) {
    let isLast = entries[index].unaskedStops >= options.unaskedStopLimit
    record(
      entries[index].job.id, isLast ? .failed : .cancelled,
      isLast ? unaskedStops(index, words) : "\(words), without being asked")
    retryUnasked(index, words, now)
  }

  mutating func retryUnasked(_ index: Int, _ words: String, _ now: Duration) {
    if entries[index].unaskedStops >= options.unaskedStopLimit {
      finish(index, as: .failed, unaskedStops(index, words))
    } else {
      delay(index, by: options.retryDelay, "\(words), without being asked", now)
    }
    entries[index].unaskedStops += 1
  }

  private func unaskedStops(_ index: Int, _ words: String) -> String {
    "left \(entries[index].unaskedStops + 1) times without being asked (\(words))"
  }

  private mutating func retryOrFail(_ index: Int, _ reason: String, _ now: Duration) {
    entries[index].failedTries += 1
    let tries = entries[index].failedTries
    if tries > entries[index].job.retries {
      let times = tries == 1 ? "" : " (\(tries) attempts)"
      finish(index, as: .failed, reason + times)
    } else {
      var wait = options.retryDelay
      for _ in 1..<max(1, min(tries, 32)) where wait < options.retryDelayLimit { wait = wait * 2 }
      delay(index, by: min(wait, options.retryDelayLimit), reason, now)
    }
  }

  private mutating func delay(
    _ index: Int, by wait: Duration, _ reason: String, _ now: Duration
  ) {
    move(index, to: .delayed(until: now + wait))
    entries[index].reason = reason
    setTimer(index, at: now + wait)
    actions.append(.changed(entries[index].job.id))
  }

  private mutating func record(_ id: RunID, _ outcome: RunState, _ reason: String?) {
    actions.append(.recordAttempt(id, outcome: outcome, reason: reason))
  }

  mutating func finish(_ index: Int, as state: RunState, _ reason: String?) {
    close(index, as: state, reason)
    actions.append(.changed(entries[index].job.id))
    if state == .succeeded {
      for dependent in entries[index].dependents { makeReady(dependent) }
    } else if state != .cancelled, state != .pruned {
      failDependents(of: index)
      hasFailed = true
    }
  }

  mutating func failDependents(of index: Int) {
    let base = entries[index].job
    let words = entries[index].reason.map { ": \($0)" } ?? ""
    for dependent in entries[index].dependents where !isClosed(dependent) {
      close(dependent, as: .failed, "base policy \(base.id) failed\(words)")
      entries[dependent].failedWithBase = true
      actions.append(.changed(entries[dependent].job.id))
    }
  }
}

// MARK: - Pruning

extension Scheduler {
  /// Stops a run for good: TERM where its trainer runs, a record where it has none.
  ///
  /// What is written is the end of its attempt and nothing before, so a crash in between leaves a run that goes on
  /// from its checkpoint and is advised about again. Base policies, and runs that another process's trainer computes,
  /// are left alone; so is everything while the sweep stops.
  mutating func prune(_ id: RunID, _ reason: String, _ now: Duration) {
    guard stop == nil, let index = indices[id], entries[index].job.base != nil else { return }
    switch entries[index].stage {
    case .running:
      guard entries[index].ending == nil else { return }
      entries[index].ending = .prune(reason)
      actions.append(.terminate(id))
      setTimer(index, at: now + options.stopGrace)
    case .waiting, .ready, .delayed:
      actions.append(.recordPruned(id, reason: reason))
      finish(index, as: .pruned, reason)
    case .queued:
      guard entries[index].ending == nil else { return }
      entries[index].ending = .prune(reason)
      actions.append(.terminate(id))
    case .launching, .waitsForLock, .finished: break
    }
  }

  static func pruneReason(_ entry: Entry) -> String? {
    guard case .prune(let reason) = entry.ending else { return nil }
    return reason
  }
}

// MARK: - Condemned jobs and second chances

extension Scheduler {
  /// Stops a job that does what none may do: TERM first, so that it can save what it has.
  mutating func condemn(_ id: RunID, _ reason: String, _ mayRetry: Bool, _ now: Duration) {
    guard let index = indices[id], case .running = entries[index].stage,
      entries[index].ending == nil
    else { return }
    entries[index].ending = .condemned(reason, mayRetry: mayRetry)
    actions.append(.terminate(id))
    setTimer(index, at: now + options.grace)
  }

  /// Opens a job again that came to a bad end, with all its tries; the runs that failed with a base too, and the base
  /// without which a run cannot start.
  mutating func retry(_ id: RunID) {
    guard stop == nil, let index = indices[id], case .finished(let state) = entries[index].stage,
      state != .succeeded, state != .pruned,
      entries[index].job.base == nil || entries[index].baseIndex != nil
    else { return }
    reopen(index)
    if let base = entries[index].baseIndex { retry(entries[base].job.id) }
    for dependent in entries[index].dependents where entries[dependent].failedWithBase {
      reopen(dependent)
    }
  }

  private mutating func reopen(_ index: Int) {
    move(index, to: .waiting)
    entries[index].failedTries = 0
    entries[index].unaskedStops = 0
    entries[index].failedWithBase = false
    entries[index].reason = nil
    unfinishedInPhase[entries[index].job.phase, default: 0] += 1
    actions.append(.changed(entries[index].job.id))
    makeReady(index)
  }
}

// MARK: - Stopping and timers

extension Scheduler {
  mutating func requestStop(_ force: Stop, _ cause: StopCause, _ now: Duration) {
    if stopCause == nil { stopCause = cause }
    if let stop, stop >= force { return }
    stop = force
    for index in entries.indices {
      switch entries[index].stage {
      case .running: sendStop(index, force, now)
      case .queued: sendStop(index, force)
      default: break
      }
    }
  }

  /// Takes a job out of a cluster's queue; should it start meanwhile, `started` stops it again.
  private mutating func sendStop(_ index: Int, _ force: Stop) {
    switch force {
    case .gently: actions.append(.terminate(entries[index].job.id))
    case .now: kill(index)
    }
  }

  private mutating func sendStop(_ index: Int, _ force: Stop, _ now: Duration) {
    if entries[index].ending == nil { entries[index].ending = .stop }
    switch force {
    case .gently:
      actions.append(.terminate(entries[index].job.id))
      setTimer(index, at: now + options.stopGrace)
    case .now: kill(index)
    }
  }

  private mutating func kill(_ index: Int) {
    guard !entries[index].isKilled else { return }
    entries[index].isKilled = true
    actions.append(.kill(entries[index].job.id))
  }

  mutating func fireTimers(_ now: Duration) {
    while let timer = timers.first, timer.at <= now {
      timers.removeFirst()
      guard timer.generation == entries[timer.index].generation else { continue }
      switch entries[timer.index].stage {
      case .delayed:
        move(timer.index, to: .waiting)
        makeReady(timer.index)
      case .running: runningTooLong(timer.index, now)
      default: continue
      }
    }
  }

  /// The first timer of a running job is its time limit, one after TERM ends the grace.
  private mutating func runningTooLong(_ index: Int, _ now: Duration) {
    guard entries[index].ending == nil else { return kill(index) }
    entries[index].ending = .timeout
    actions.append(.terminate(entries[index].job.id))
    setTimer(index, at: now + options.grace)
  }

  mutating func setTimer(_ index: Int, at time: Duration) {
    // A new generation makes an earlier timer of this job stale: one is enough at a time.
    entries[index].generation += 1
    timers.insert(Timer(at: time, index: index, generation: entries[index].generation))
  }

  mutating func dropStaleTimers() {
    while let timer = timers.first, timer.generation != entries[timer.index].generation {
      timers.removeFirst()
    }
  }
}

// MARK: - Books

extension Scheduler {
  func isClosed(_ index: Int) -> Bool {
    if case .finished = entries[index].stage { return true }
    return false
  }

  mutating func close(_ index: Int, as state: RunState, _ reason: String?) {
    guard !isClosed(index) else { return }
    move(index, to: .finished(state))
    entries[index].reason = reason
    unfinishedInPhase[entries[index].job.phase, default: 0] -= 1
  }

  /// Changes a stage and keeps the books of cores, memory, locks and states.
  mutating func move(_ index: Int, to stage: Stage) {
    let entry = entries[index]
    counts[Scheduler.state(of: entry.stage), default: 0] -= 1
    counts[Scheduler.state(of: stage), default: 0] += 1
    let sign = (Scheduler.occupies(stage) ? 1 : 0) - (Scheduler.occupies(entry.stage) ? 1 : 0)
    jobsInUse += sign
    coresInUse += sign * entry.cores
    memoryInUse = memoryInUse &+ sign &* Scheduler.memory(of: entry)
    jobsWaitingForLocks +=
      (stage == .waitsForLock ? 1 : 0) - (entry.stage == .waitsForLock ? 1 : 0)
    entries[index].stage = stage
    entries[index].generation += 1
    if stage == .launching {
      entries[index].ending = nil
      entries[index].isKilled = false
      entries[index].reason = nil
    }
  }

  /// A hundred years: longer limits are none, and adding them to a time could overflow.
  static let longestTimeout: Duration = .seconds(100 * 366 * 86_400)

  static func memory(of entry: Entry) -> Int { max(0, entry.job.memoryBytes ?? 0) }

  static func occupies(_ stage: Stage) -> Bool {
    switch stage {
    case .launching, .queued, .running: true
    default: false
    }
  }

  static func state(of stage: Stage) -> RunState {
    switch stage {
    case .waiting, .ready, .delayed, .queued, .waitsForLock: .pending
    case .launching, .running: .running
    case .finished(let state): state
    }
  }

  /// TERM, INT and HUP that nobody here sent come from outside, as the code for a wished stop does.
  static func leftUnasked(_ exit: Exit) -> Bool {
    if let signal = exit.signal { return [1, 2, 15].contains(signal) }
    return exit.code == TrainerExit.stopped.rawValue || exit.outcome == .cancelled
  }

  static func words(for exit: Exit) -> String {
    // What its own machine wrote down says all.
    if exit.outcome != nil, let detail = exit.detail { return detail }
    var words: String
    if let signal = exit.signal {
      words = "ended by signal \(signal)"
    } else if exit.code == TrainerExit.succeeded.rawValue {
      words = "left with exit code 0 but wrote no final record"
    } else if let code = exit.code {
      words = "left with exit code \(code)"
    } else {
      return exit.detail ?? "its end was not seen"
    }
    if let detail = exit.detail, !detail.isEmpty { words += ": \(detail)" }
    return words
  }

  static func text(_ duration: Duration) -> String {
    let seconds =
      Double(duration.components.seconds) + Double(duration.components.attoseconds) / 1e18
    return "\((seconds * 10).rounded() / 10) s"
  }
}
