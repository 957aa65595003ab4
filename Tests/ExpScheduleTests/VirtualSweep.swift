import ExpCore
import ExpSchedule
import FoundationEssentials
import TrainerProtocol

/// The id of a numbered job.
func id(_ number: Int) -> RunID {
  let digits = String(number, radix: 16)
  guard let id = RunID(text: String(repeating: "0", count: 16 - digits.count) + digits) else {
    preconditionFailure("\(number) makes no id")
  }
  return id
}

/// The number behind an id that `id(_:)` made.
func number(_ id: RunID) -> Int { Int(id.text, radix: 16) ?? -1 }

/// A configuration; its values do not matter to scheduling.
let anyConfig: RunConfig = {
  let text = """
    {"task": {"name": "countdown", "numbers": [4], "max_target": 99, "slip_probability": 0.2},
     "model": {"width": 16, "layers": 1, "heads": 2, "kv_heads": 2, "hidden": 48,
       "tied_embeddings": true, "qkv_bias": false, "params": 3000},
     "base": {"steps": 1, "batch_size": 1, "learning_rate": 0.1, "warmup_steps": 0,
       "final_learning_rate_fraction": 0.1, "weight_decay": 0, "beta1": 0.9, "beta2": 0.95,
       "max_grad_norm": 1, "seed": 0}}
    """
  do {
    return try JSONDecoder().decode(RunConfig.self, from: Data(text.utf8))
  } catch {
    preconditionFailure("\(error)")
  }
}()

extension SweepJob {
  static func base(
    _ number: Int, _ seconds: Double = 1, cores: Int = 1, memory: Int? = nil,
    timeout: Duration? = nil, retries: Int = 2, phase: Int = 0
  ) -> SweepJob {
    SweepJob(
      id: ExpScheduleTests.id(number), kind: .base, label: "base \(number)", config: anyConfig,
      base: nil, phase: phase, estimatedSeconds: seconds, cores: cores, memoryBytes: memory,
      timeout: timeout, retries: retries)
  }

  static func run(
    _ number: Int, _ seconds: Double, base: Int = 0, retries: Int = 2, phase: Int = 0
  ) -> SweepJob {
    SweepJob(
      id: ExpScheduleTests.id(number), kind: .rl, label: "run \(number)", config: anyConfig,
      base: ExpScheduleTests.id(base), phase: phase, estimatedSeconds: seconds, retries: retries)
  }
}

/// A scheduler with trainers that start at once, on a clock that is set by hand.
struct VirtualSweep {
  var scheduler: Scheduler
  var now: Duration = .zero
  var launched: [Int] = []
  var running: [Int] = []
  var terminated: [Int] = []
  var killed: [Int] = []
  var outcomes: [RunState] = []
  var prunedUnstarted: [Int] = []
  var phasesReady: [Int] = []
  /// Jobs whose lock another sweep holds.
  var heldElsewhere: Set<Int> = []
  /// Jobs that cannot be started, and whether they may be tried again.
  var launchFailures: [Int: Bool] = [:]
  /// Jobs for which there is no room.
  var hasNoRoom: Set<Int> = []
  var isOutOfRoom = false
  /// Whether launched jobs wait in a queue.
  var queues = false
  var preparesPhases = true

  init(
    _ jobs: [SweepJob], findings: [RunID: Scheduler.Finding] = [:], options: Scheduler.Options
  ) {
    scheduler = Scheduler(jobs: jobs, findings: findings, options: options)
  }

  init(
    _ jobs: [SweepJob], findings: [RunID: Scheduler.Finding] = [:], cores: Int,
    preparesPhases: Bool = true
  ) {
    self.init(jobs, findings: findings, options: .init(cores: cores))
    self.preparesPhases = preparesPhases
  }

  mutating func begin() { feed(.begin) }
  mutating func succeed(_ number: Int) {
    feed(.exited(id(number), .init(code: 0, hasResult: true)))
  }
  mutating func exit(_ number: Int, code: Int32, detail: String? = nil) {
    feed(.exited(id(number), .init(code: code, hasResult: false, detail: detail)))
  }
  mutating func prune(_ number: Int) { feed(.pruneAdvised(id(number), reason: "too low")) }
  mutating func advance(to time: Duration) {
    now = time
    feed(.timerFired)
  }
  func status(_ number: Int) -> Scheduler.Status? { scheduler.status(of: id(number)) }
  func state(_ number: Int) -> RunState? { status(number)?.state }

  mutating func feed(_ event: Scheduler.Event) {
    var events = [event]
    while !events.isEmpty {
      let event = events.removeFirst()
      if event == .roomMayBeFree { isOutOfRoom = false }
      if case .exited(let id, _) = event { running.removeAll { $0 == number(id) } }
      for action in scheduler.handle(event, now: now) {
        switch action {
        case .launch(let id): events.append(launch(number(id)))
        case .terminate(let id): terminated.append(number(id))
        case .kill(let id): killed.append(number(id))
        case .recordAttempt(_, let outcome, _): outcomes.append(outcome)
        case .recordPruned(let id, _): prunedUnstarted.append(number(id))
        case .changed: break
        case .phaseReady(let phase):
          phasesReady.append(phase)
          if preparesPhases { events.append(.phaseStarted(phase)) }
        }
      }
    }
  }

  private mutating func launch(_ number: Int) -> Scheduler.Event {
    launched.append(number)
    if heldElsewhere.contains(number) { return .lockHeldElsewhere(id(number)) }
    if let canRetry = launchFailures[number] {
      return .launchFailed(id(number), reason: "refused", canRetry: canRetry)
    }
    if isOutOfRoom || hasNoRoom.contains(number) {
      isOutOfRoom = true
      launched.removeLast(hasNoRoom.contains(number) ? 0 : 1)
      return .noRoom(id(number), reason: "all is in use")
    }
    running.append(number)
    return queues ? .queued(id(number), reason: "submitted") : .started(id(number))
  }
}
