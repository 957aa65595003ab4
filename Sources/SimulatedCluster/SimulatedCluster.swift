internal import ExpCore
internal import ExpSchedule

/// A cluster of arithmetic: it runs a scheduler's jobs on a virtual clock and keeps its own books of them.
///
/// Attempts start at once, take a random time, crash or hang by chance. What the scheduler believes is compared with
/// what happened, so that a job that is lost or done twice is seen.
public struct SimulatedCluster {
  /// How a job stands on the cluster, whatever the scheduler thinks.
  private enum Standing: UInt8 {
    case idle, running, hanging, stubborn, succeeded
  }

  private struct End: Comparable {
    var at: Duration
    var job: Int
    var hasCrashed: Bool
    var isKilled = false

    static func < (left: End, right: End) -> Bool { left.at < right.at }
  }

  private let workload: ClusterWorkload
  private let ids: [RunID]
  private let numbers: [RunID: Int]
  private var scheduler: Scheduler
  private var standings: [Standing]
  private var ends = PriorityHeap<End>()
  private var random: SplitMix
  private var now: Duration = .zero
  private var running = 0
  private var report = ClusterReport()

  /// Takes a workload; nothing happens yet.
  public init(_ workload: ClusterWorkload) {
    let jobs = workload.jobs()
    self.workload = workload
    ids = jobs.map(\.id)
    numbers = Dictionary(uniqueKeysWithValues: zip(ids, ids.indices))
    standings = Array(repeating: .idle, count: jobs.count)
    random = SplitMix(state: ~workload.seed)
    scheduler = Scheduler(jobs: jobs, options: .init(cores: workload.slots))
  }

  /// Runs the workload to its end, or until nothing can happen any more.
  public mutating func run() -> ClusterReport {
    feed(.begin)
    while !scheduler.isFinished {
      if let due = scheduler.nextWake, due <= ends.first?.at ?? due {
        now = due
        feed(.timerFired)
      } else if let end = ends.removeFirst() {
        now = end.at
        leave(end)
      } else {
        break
      }
    }
    compare()
    return report
  }

  private mutating func feed(_ event: Scheduler.Event) {
    var events = [event]
    var next = 0
    while next < events.count {
      report.decisions += 1
      for action in scheduler.handle(events[next], now: now) {
        switch action {
        case .launch(let id):
          start(id)
          events.append(.started(id))
        case .terminate(let id): terminate(id)
        case .kill(let id): kill(id)
        case .phaseReady(let phase): events.append(.phaseStarted(phase))
        default: break
        }
      }
      next += 1
    }
  }
}

// MARK: - Attempts

extension SimulatedCluster {
  private mutating func start(_ id: RunID) {
    guard let job = numbers[id] else { return }
    report.attempts += 1
    if standings[job] != .idle { report.repeated += 1 }
    if job >= workload.bases, standings[job % workload.bases] != .succeeded { report.tooEarly += 1 }
    running += 1
    report.mostRunning = max(report.mostRunning, running)
    let chance = Double.random(in: 0..<1, using: &random)
    if chance < workload.hangingShare {
      report.hangs += 1
      standings[job] = chance < workload.hangingShare / 2 ? .stubborn : .hanging
      return
    }
    standings[job] = .running
    let seconds = Int.random(in: 30...7000, using: &random)
    let hasCrashed = chance < workload.hangingShare + workload.failingShare
    ends.insert(End(at: now + .seconds(seconds), job: job, hasCrashed: hasCrashed))
  }

  private mutating func terminate(_ id: RunID) {
    guard let job = numbers[id], standings[job] == .hanging else { return }
    ends.insert(End(at: now + .seconds(1), job: job, hasCrashed: true))
  }

  private mutating func kill(_ id: RunID) {
    guard let job = numbers[id], standings[job] == .stubborn else { return }
    ends.insert(End(at: now + .seconds(1), job: job, hasCrashed: true, isKilled: true))
  }

  private mutating func leave(_ end: End) {
    if end.hasCrashed, standings[end.job] == .running { report.crashes += 1 }
    standings[end.job] = end.hasCrashed ? .idle : .succeeded
    running -= 1
    let code: Int32? = end.isKilled ? nil : end.hasCrashed ? 1 : 0
    feed(
      .exited(
        ids[end.job],
        .init(code: code, signal: end.isKilled ? 9 : nil, hasResult: !end.hasCrashed)))
  }

  /// Holds what the scheduler says at the end against what happened.
  private mutating func compare() {
    report.elapsed = now
    for (job, id) in scheduler.jobIDs.enumerated() {
      guard let state = scheduler.status(of: id)?.state, state.isFinished else {
        report.lost += 1
        continue
      }
      report.states[state, default: 0] += 1
      let isDone = standings[job] == .succeeded
      let isIdle = standings[job] == .idle
      if isDone != (state == .succeeded) || !(isDone || isIdle) { report.lost += 1 }
    }
  }
}
