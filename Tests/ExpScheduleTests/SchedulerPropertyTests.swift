import ExpCore
import ExpSchedule
import Testing
import TrainerProtocol

/// Splitmix64: small, seeded, the same everywhere.
struct SeededGenerator: RandomNumberGenerator {
  var state: UInt64
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}

@Suite("The scheduler keeps its promises under random events")
struct SchedulerPropertyTests {
  @Test(
    "cores, single attempts, final states, bases before runs, phases in order", arguments: 0..<8)
  func invariants(batch: Int) {
    for sweep in 0..<250 {
      var storm = Storm(seed: UInt64(batch * 1000 + sweep))
      let problem = storm.run()
      if let problem {
        Issue.record("seed \(batch * 1000 + sweep): \(problem)")
        return
      }
    }
  }

  @Test("costs little per decision: twenty thousand jobs", .timeLimit(.minutes(1)))
  func manyJobs() {
    let jobs: [SweepJob] = (0..<20_000).map { number in
      number % 100 == 0
        ? .base(number) : .run(number, Double(number % 977), base: number / 100 * 100)
    }
    var sweep = VirtualSweep(jobs, cores: 64)
    sweep.begin()
    while let next = sweep.running.first { sweep.succeed(next) }
    #expect(sweep.scheduler.isFinished)
    #expect(sweep.launched.count == jobs.count)
    #expect(sweep.scheduler.counts[.succeeded] == jobs.count)
  }
}

/// One sweep in a world where everything goes wrong at random, watched for broken promises.
struct Storm {
  var random: SeededGenerator
  let jobs: [SweepJob]
  let options: Scheduler.Options
  var scheduler: Scheduler
  var now: Duration = .zero
  var running: Set<Int> = []
  var waiting: Set<Int> = []
  /// Jobs in a cluster's queue.
  var queued: Set<Int> = []
  /// Whether a job was opened again, which may let an earlier phase follow a later one.
  var hasSecondChances = false
  var told: Set<Int> = []
  var finals: [Int: RunState] = [:]
  var isDiskLow = false
  var problem: String?

  init(seed: UInt64) {
    var random = SeededGenerator(state: seed)
    let bases = Int.random(in: 1...3, using: &random)
    var jobs: [SweepJob] = []
    for number in 0..<Int.random(in: 1...12, using: &random) {
      let cores = Int.random(in: 1...3, using: &random)
      let timeout: Duration? = Bool.random(using: &random) ? .seconds(20) : nil
      var job =
        number < bases
        ? SweepJob.base(number, Double.random(in: 0...9, using: &random), cores: cores)
        : SweepJob.run(
          number, Double.random(in: 0...9, using: &random),
          base: Int.random(in: 0..<bases, using: &random),
          phase: Int.random(in: 0...1, using: &random))
      job.cores = cores
      job.timeout = timeout
      job.retries = Int.random(in: 0...2, using: &random)
      job.memoryBytes = Int.random(in: 0...50, using: &random)
      jobs.append(job)
    }
    var options = Scheduler.Options(cores: Int.random(in: 1...4, using: &random))
    if Bool.random(using: &random) { options.memoryBudget = 60 }
    options.failFast = Int.random(in: 0..<10, using: &random) == 0
    (self.jobs, self.options, self.random) = (jobs, options, random)
    scheduler = Scheduler(jobs: jobs, options: options)
  }

  /// Runs to the end and returns the first broken promise.
  mutating func run() -> String? {
    feed(.begin)
    var steps = 0
    while !scheduler.isFinished, problem == nil {
      steps += 1
      if steps > 5000 { return "no end in sight" }
      step()
      check()
    }
    for job in jobs where problem == nil {
      let state = scheduler.status(of: job.id)?.state
      if scheduler.stopCause == nil, state?.isFinished != true {
        problem = "\(job.label) has no end"
      }
    }
    return problem
  }

  private mutating func step() {
    now += .milliseconds(Int.random(in: 0...8000, using: &random))
    if let due = scheduler.nextWake, due <= now { feed(.timerFired) }
    switch Int.random(in: 0..<100, using: &random) {
    case 0..<70: exitOne()
    case 70..<80: freeOne()
    case 80..<83:
      isDiskLow.toggle()
      feed(.diskLow(isDiskLow))
    case 83: feed(.stopRequested(Bool.random(using: &random) ? .gently : .now))
    case 84..<90:
      // A word about a job that may be in any state.
      feed(.lockFreed(id(Int.random(in: 0..<jobs.count, using: &random)), .open(failedTries: 0)))
    case 90..<94:
      // Advice about a job that may be in any state, a base policy among them.
      feed(.pruneAdvised(id(Int.random(in: 0..<jobs.count, using: &random)), reason: "x"))
    case 94..<97:
      let number = Int.random(in: 0..<jobs.count, using: &random)
      feed(.condemned(id(number), reason: "x", mayRetry: Bool.random(using: &random)))
    case 97 where Int.random(in: 0..<4, using: &random) == 0:
      hasSecondChances = true
      finals = [:]
      feed(.retryAsked(id(Int.random(in: 0..<jobs.count, using: &random))))
    default: leaveQueue()
    }
    if scheduler.waitsForRoom, Bool.random(using: &random) { feed(.roomMayBeFree) }
    if Bool.random(using: &random) { leaveQueue() }
  }

  private mutating func leaveQueue() {
    guard let number = queued.sorted().randomElement(using: &random) else { return }
    queued.remove(number)
    if Int.random(in: 0..<5, using: &random) == 0 {
      feed(.leftQueue(id(number), reason: "x"))
    } else {
      running.insert(number)
      feed(.started(id(number)))
    }
  }

  private mutating func exitOne() {
    guard let number = running.sorted().randomElement(using: &random) else { return }
    let code: Int32? = [0, 0, 0, 0, 1, 64, 70, 75, nil].randomElement(using: &random) ?? 0
    let exit = Scheduler.Exit(
      code: code, signal: code == nil ? 9 : nil,
      hasResult: Int.random(in: 0..<10, using: &random) > 0)
    running.remove(number)
    told.remove(number)
    feed(.exited(id(number), exit))
  }

  private mutating func freeOne() {
    guard let number = waiting.sorted().randomElement(using: &random) else { return }
    waiting.remove(number)
    feed(
      .lockFreed(
        id(number),
        Bool.random(using: &random)
          ? .finished(.succeeded, reason: nil) : .open(failedTries: 0)))
  }

  private mutating func feed(_ event: Scheduler.Event) {
    var events = [event]
    while !events.isEmpty {
      let event = events.removeFirst()
      if case .lockFreed(let id, _) = event { waiting.remove(number(id)) }
      for action in scheduler.handle(event, now: now) {
        switch action {
        case .launch(let id): events.append(launch(number(id)))
        case .terminate(let id), .kill(let id):
          if !running.contains(number(id)), !queued.contains(number(id)) {
            problem = "signal to \(id), which does not run"
          }
        case .phaseReady(let phase): events.append(.phaseStarted(phase))
        case .recordPruned(let id, _):
          if running.union(queued).contains(number(id)) {
            problem = "\(id) runs and is recorded as not begun"
          }
        case .recordAttempt, .changed: break
        }
      }
    }
  }

  private mutating func launch(_ number: Int) -> Scheduler.Event {
    let job = jobs[number]
    if running.union(queued).contains(number) { problem = "\(job.label) launched twice at a time" }
    if waiting.contains(number) { problem = "\(job.label) launched while its lock was held" }
    if let state = finals[number] { problem = "\(job.label) launched after it was \(state)" }
    if isDiskLow { problem = "\(job.label) launched on a full disk" }
    if scheduler.stopCause != nil { problem = "\(job.label) launched while stopping" }
    if let base = job.base, scheduler.status(of: base)?.state != .succeeded {
      problem = "\(job.label) launched before its base"
    }
    let earlier = jobs.filter { $0.phase < job.phase && $0.base != nil }
    if job.base != nil, !hasSecondChances,
      earlier.contains(where: { scheduler.status(of: $0.id)?.state.isFinished != true })
    {
      problem = "\(job.label) launched before its phase"
    }
    switch Int.random(in: 0..<20, using: &random) {
    case 0:
      waiting.insert(number)
      return .lockHeldElsewhere(job.id)
    case 1: return .launchFailed(job.id, reason: "x", canRetry: Bool.random(using: &random))
    case 2: return .settled(job.id, .succeeded, reason: nil)
    case 3: return .noRoom(job.id, reason: "x")
    case 4, 5:
      queued.insert(number)
      return .queued(job.id, reason: "x")
    default:
      running.insert(number)
      return .started(job.id)
    }
  }

  private mutating func check() {
    let inUse = running.union(queued)
    let cores = inUse.reduce(0) { $0 + min(jobs[$1].cores, options.cores) }
    if cores > options.cores { problem = "\(cores) cores in use" }
    let memory = inUse.reduce(0) { $0 + (jobs[$1].memoryBytes ?? 0) }
    if let budget = options.memoryBudget, inUse.count > 1, memory > budget {
      problem = "\(memory) bytes in use"
    }
    for (number, job) in jobs.enumerated() {
      guard let state = scheduler.status(of: job.id)?.state else { continue }
      if let final = finals[number], final != state { problem = "\(job.label) left \(final)" }
      if state.isFinished { finals[number] = state }
      if (state == .running) != running.contains(number) { problem = "\(job.label) is \(state)" }
    }
    let counted = scheduler.counts.values.reduce(0, +)
    if counted != jobs.count { problem = "\(counted) jobs counted" }
    let idle =
      inUse.isEmpty && waiting.isEmpty && !scheduler.waitsForRoom && !isDiskLow
      && scheduler.nextWake == nil
    if idle, !scheduler.isFinished { problem = "nothing runs and nothing will" }
  }
}
