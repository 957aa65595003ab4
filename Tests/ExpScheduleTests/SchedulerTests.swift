import ExpCore
import ExpSchedule
import Testing
import TrainerProtocol

@Suite("The scheduler decides on a virtual clock")
struct SchedulerTests {
  @Test("launches as many jobs as the cores allow, the longest first")
  func longestFirst() {
    var sweep = VirtualSweep([.base(0), .run(1, 10), .run(2, 30), .run(3, 20)], cores: 2)
    sweep.begin()
    #expect(sweep.running == [0])
    sweep.succeed(0)
    #expect(sweep.launched == [0, 2, 3])
    sweep.succeed(3)
    #expect(sweep.launched == [0, 2, 3, 1])
  }

  @Test("starts the base that unblocks the most seconds of work first, before any run")
  func basesFirst() {
    var jobs: [SweepJob] = [.base(0, 100), .base(1, 1), .run(2, 5, base: 0)]
    jobs += [.run(3, 50, base: 1), .base(4, 1)]
    var sweep = VirtualSweep(jobs, cores: 1)
    sweep.begin()
    sweep.succeed(1)
    sweep.succeed(0)
    sweep.succeed(4)
    sweep.succeed(3)
    #expect(sweep.launched == [1, 0, 4, 3, 2])
  }

  @Test("gives ties in the order of the plan")
  func ties() {
    var sweep = VirtualSweep((1...5).map { .base($0) }, cores: 5)
    sweep.begin()
    #expect(sweep.launched == [1, 2, 3, 4, 5])
  }

  @Test("fails the runs of a base that failed, with its reason, and only those")
  func baseFails() {
    var jobs: [SweepJob] = [.base(0, retries: 0), .run(1, 1, base: 0), .base(2)]
    jobs.append(.run(3, 1, base: 2))
    var sweep = VirtualSweep(jobs, cores: 2)
    sweep.begin()
    sweep.exit(0, code: 1, detail: "no memory")
    #expect(sweep.state(1) == .failed)
    let reason = "base policy \(id(0)) failed: left with exit code 1: no memory"
    #expect(sweep.status(1)?.reason == reason)
    sweep.succeed(2)
    sweep.succeed(3)
    #expect(sweep.state(3) == .succeeded)
    #expect(sweep.scheduler.isFinished)
    #expect(sweep.launched == [2, 0, 3] || sweep.launched == [0, 2, 3])
  }

  @Test("fails a run whose base is not part of the sweep")
  func baseMissing() {
    var sweep = VirtualSweep([.run(1, 1, base: 9)], cores: 1)
    sweep.begin()
    #expect(sweep.status(1)?.reason == "base policy \(id(9)) is not part of the sweep")
    #expect(sweep.scheduler.isFinished)
  }

  @Test(
    "judges exits",
    arguments: [
      (0, nil, true, RunState.succeeded, RunState.succeeded),
      (0, nil, false, .failed, .pending),
      (1, nil, true, .failed, .pending),
      (64, nil, false, .failed, .failed),
      (70, nil, false, .failed, .pending),
      (75, nil, false, .cancelled, .pending),
      (nil, 15, false, .cancelled, .pending),
      (nil, 11, false, .failed, .pending),
      (nil, 9, true, .failed, .pending),
    ] as [(Int32?, Int32?, Bool, RunState, RunState)])
  func exits(code: Int32?, signal: Int32?, hasResult: Bool, attempt: RunState, job: RunState) {
    var sweep = VirtualSweep([.base(0, retries: 1)], cores: 1)
    sweep.begin()
    let exit = Scheduler.Exit(code: code, signal: signal, hasResult: hasResult)
    sweep.feed(.exited(id(0), exit))
    #expect(sweep.outcomes == [attempt])
    #expect(sweep.state(0) == job)
  }

  @Test("retries with a wait that doubles up to its limit, then fails")
  func backOff() {
    var options = Scheduler.Options(cores: 1)
    options.retryDelay = .seconds(1)
    options.retryDelayLimit = .seconds(3)
    var sweep = VirtualSweep([.base(0, retries: 4)], options: options)
    sweep.begin()
    var waits: [Duration] = []
    for _ in 1...4 {
      sweep.exit(0, code: 1)
      waits.append((sweep.scheduler.nextWake ?? .zero) - sweep.now)
      sweep.advance(to: sweep.now + waits[waits.count - 1] - .milliseconds(1))
      #expect(sweep.running.isEmpty)
      sweep.advance(to: sweep.now + .milliseconds(1))
      #expect(sweep.running == [0])
    }
    #expect(waits == [.seconds(1), .seconds(2), .seconds(3), .seconds(3)])
    sweep.exit(0, code: 1)
    #expect(sweep.status(0)?.reason == "left with exit code 1 (5 attempts)")
    #expect(sweep.scheduler.isFinished)
  }

  @Test("counts failed attempts of earlier sweeps")
  func earlierFailures() {
    var sweep = VirtualSweep(
      [.base(0, retries: 2)], findings: [id(0): .open(failedTries: 2)], cores: 1)
    sweep.begin()
    sweep.exit(0, code: 1)
    #expect(sweep.state(0) == .failed)
  }

  @Test("bounds how often a trainer may leave without being asked")
  func unaskedStops() {
    var sweep = VirtualSweep([.base(0, retries: 0)], cores: 1)
    sweep.begin()
    for _ in 1...5 {
      sweep.exit(0, code: 75)
      #expect(sweep.state(0) == .pending)
      sweep.advance(to: sweep.now + .seconds(1))
    }
    sweep.exit(0, code: 75)
    #expect(sweep.state(0) == .failed)
    #expect(
      sweep.outcomes == [.cancelled, .cancelled, .cancelled, .cancelled, .cancelled, .failed])
  }

  @Test("ends a job that runs too long: TERM, grace, KILL, timed out without retry")
  func timeout() {
    var sweep = VirtualSweep([.base(0, timeout: .seconds(60))], cores: 1)
    sweep.begin()
    #expect(sweep.scheduler.nextWake == .seconds(60))
    sweep.advance(to: .seconds(60))
    #expect(sweep.terminated == [0])
    #expect(sweep.killed.isEmpty)
    sweep.advance(to: .seconds(70))
    #expect(sweep.killed == [0])
    sweep.feed(.exited(id(0), .init(code: nil, signal: 9, hasResult: false)))
    #expect(sweep.state(0) == .timedOut)
    #expect(sweep.status(0)?.reason == "ran longer than 70.0 s, its limit is 60.0 s")
    #expect(sweep.scheduler.isFinished)
  }

  @Test("takes an absurd time limit for none")
  func endlessTimeout() {
    var sweep = VirtualSweep([.base(0, timeout: .seconds(Int64.max))], cores: 1)
    sweep.now = .seconds(1000)
    sweep.begin()
    sweep.succeed(0)
    #expect(sweep.state(0) == .succeeded)
  }

  @Test("takes a success that comes just after the time limit")
  func lateSuccess() {
    var sweep = VirtualSweep([.base(0, timeout: .seconds(60))], cores: 1)
    sweep.begin()
    sweep.advance(to: .seconds(61))
    sweep.succeed(0)
    #expect(sweep.state(0) == .succeeded)
    #expect(sweep.scheduler.nextWake == nil)
  }

  @Test("gives each attempt its own time limit: that of an earlier one is void")
  func staleTimers() {
    let jobs: [SweepJob] = [.base(0, timeout: .seconds(60)), .base(1, timeout: .seconds(61))]
    var sweep = VirtualSweep(jobs, cores: 2)
    sweep.begin()
    sweep.now = .seconds(10)
    sweep.exit(1, code: 1)
    sweep.advance(to: .seconds(11))
    #expect(sweep.running == [0, 1])
    sweep.advance(to: .seconds(62))
    #expect(sweep.terminated == [0])
    sweep.advance(to: .seconds(72))
    #expect(sweep.terminated == [0, 1])
    #expect(sweep.killed == [0])
  }

  @Test("stops gently: TERM to all, nothing new, cancelled; what never ran stays pending")
  func gentleStop() {
    var sweep = VirtualSweep([.base(0), .base(1), .base(2)], cores: 2)
    sweep.begin()
    sweep.feed(.stopRequested(.gently))
    #expect(sweep.terminated == [0, 1])
    #expect(!sweep.scheduler.isFinished)
    sweep.exit(0, code: 75)
    sweep.succeed(1)
    #expect([0, 1, 2].map { sweep.state($0) } == [.cancelled, .succeeded, .pending])
    #expect(sweep.scheduler.isFinished)
    #expect(sweep.scheduler.stopCause == .asked)
    #expect(sweep.launched == [0, 1])
  }

  @Test("kills what does not leave within the grace of a gentle stop")
  func stubbornStop() {
    var sweep = VirtualSweep([.base(0)], cores: 1)
    sweep.begin()
    sweep.feed(.stopRequested(.gently))
    sweep.advance(to: .seconds(29))
    #expect(sweep.killed.isEmpty)
    sweep.advance(to: .seconds(30))
    #expect(sweep.killed == [0])
    sweep.feed(.stopRequested(.now))
    #expect(sweep.killed == [0])
    sweep.feed(.exited(id(0), .init(code: nil, signal: 9, hasResult: false)))
    #expect(sweep.state(0) == .cancelled)
  }

  @Test("kills at the second request, once")
  func stopNow() {
    var sweep = VirtualSweep([.base(0)], cores: 1)
    sweep.begin()
    sweep.feed(.stopRequested(.gently))
    sweep.feed(.stopRequested(.now))
    sweep.feed(.stopRequested(.now))
    #expect(sweep.terminated == [0])
    #expect(sweep.killed == [0])
  }

  @Test("stops a trainer that was being started when the stop came")
  func stopDuringLaunch() {
    var scheduler = Scheduler(jobs: [.base(0)], options: .init(cores: 1))
    #expect(scheduler.handle(.begin, now: .zero) == [.launch(id(0))])
    #expect(scheduler.handle(.stopRequested(.gently), now: .zero).isEmpty)
    #expect(!scheduler.isFinished)
    let actions = scheduler.handle(.started(id(0)), now: .zero)
    #expect(actions == [.changed(id(0)), .terminate(id(0))])
  }

  @Test("stops at the first failure when asked to")
  func failFast() {
    var options = Scheduler.Options(cores: 2)
    options.failFast = true
    let jobs: [SweepJob] = [.base(0, retries: 0), .base(1), .base(2)]
    var sweep = VirtualSweep(jobs, options: options)
    sweep.begin()
    sweep.exit(0, code: 1)
    #expect(sweep.terminated == [1])
    sweep.exit(1, code: 75)
    #expect([0, 1, 2].map { sweep.state($0) } == [.failed, .cancelled, .pending])
    #expect(sweep.scheduler.stopCause == .failFast)
  }

  @Test("starts held-out jobs only after all others, and after the phase was prepared")
  func phases() {
    let jobs: [SweepJob] = [
      .base(0), .run(1, 5), .run(2, 99, phase: 1), .base(3, phase: 1),
      .run(4, 1, base: 3, phase: 1),
    ]
    var sweep = VirtualSweep(jobs, cores: 4, preparesPhases: false)
    sweep.begin()
    sweep.succeed(0)
    #expect(sweep.running == [1])
    sweep.exit(1, code: 64)
    #expect(sweep.phasesReady == [1])
    #expect(sweep.running.isEmpty)
    sweep.feed(.phaseStarted(1))
    #expect(sweep.running == [3, 2])
    sweep.succeed(3)
    #expect(sweep.running == [2, 4])
  }

  @Test("builds a base as early as its earliest run wants it, and skips phases that are done")
  func basePhase() {
    let jobs: [SweepJob] = [.base(0, phase: 2), .run(1, 1), .run(2, 1, phase: 1)]
    var sweep = VirtualSweep(jobs, findings: [id(2): .finished(.succeeded, reason: nil)], cores: 1)
    sweep.begin()
    sweep.succeed(0)
    sweep.succeed(1)
    #expect(sweep.scheduler.isFinished)
    #expect(sweep.phasesReady.isEmpty)
  }

  @Test("waits without a core for a trainer that another sweep started")
  func lockElsewhere() {
    var sweep = VirtualSweep([.base(0), .base(1), .base(2)], cores: 1)
    sweep.heldElsewhere = [0, 1]
    sweep.begin()
    #expect(sweep.running == [2])
    #expect(sweep.status(0)?.waitsForLock == true)
    sweep.succeed(2)
    #expect(!sweep.scheduler.isFinished)
    sweep.feed(.lockFreed(id(0), .finished(.succeeded, reason: nil)))
    #expect(sweep.state(0) == .succeeded)
    sweep.heldElsewhere = []
    sweep.feed(.lockFreed(id(1), .open(failedTries: 0)))
    #expect(sweep.running == [1])
    sweep.succeed(1)
    #expect(sweep.scheduler.isFinished)
  }

  @Test("keeps to the memory budget, but always lets one job run")
  func memory() {
    let jobs: [SweepJob] = [
      .base(0, 9, memory: 900), .base(1, 8, memory: 60), .base(2, 7, memory: 50),
    ]
    var sweep = VirtualSweep(jobs, options: .init(cores: 4, memoryBudget: 100))
    sweep.begin()
    #expect(sweep.running == [0])
    sweep.succeed(0)
    #expect(sweep.running == [1])
    sweep.succeed(1)
    #expect(sweep.running == [2])
  }

  @Test("lets nothing overtake a job that waits for cores, and gives at most all cores to one")
  func wideJobs() {
    let jobs: [SweepJob] = [.base(0, 9), .base(1, 8, cores: 64), .base(2, 7)]
    var sweep = VirtualSweep(jobs, cores: 2)
    sweep.begin()
    #expect(sweep.running == [0])
    sweep.succeed(0)
    #expect(sweep.running == [1])
    sweep.succeed(1)
    #expect(sweep.running == [2])
  }

  @Test("keeps to the limit of jobs")
  func jobLimit() {
    var sweep = VirtualSweep((0...3).map { .base($0) }, options: .init(cores: 4, jobLimit: 1))
    sweep.begin()
    #expect(sweep.running == [0])
  }

  @Test(
    "starts nothing on a full disk, goes on when there is space, gives up when nothing can free it")
  func fullDisk() {
    var sweep = VirtualSweep([.base(0), .base(1), .base(2)], cores: 1)
    sweep.begin()
    sweep.feed(.diskLow(true))
    #expect(sweep.terminated.isEmpty)
    sweep.feed(.diskLow(false))
    sweep.succeed(0)
    #expect(sweep.running == [1])
    sweep.feed(.diskLow(true))
    sweep.succeed(1)
    #expect(sweep.scheduler.isFinished)
    #expect(sweep.scheduler.stopCause == .diskFull)
    #expect(sweep.state(2) == .pending)
  }

  @Test(
    "an attempt that fails while the disk is full is no failed try, and goes on when there is room")
  func failureOnFullDisk() {
    var sweep = VirtualSweep([.base(0, retries: 0), .base(1)], cores: 2)
    sweep.begin()
    sweep.feed(.diskLow(true))
    sweep.exit(0, code: 1)
    #expect(sweep.state(0) == .pending)
    #expect(sweep.outcomes == [.cancelled])
    sweep.feed(.diskLow(false))
    sweep.advance(to: .seconds(1))
    #expect(sweep.running == [1, 0])
    sweep.exit(0, code: 1)
    #expect(sweep.state(0) == .failed)
  }

  @Test("retries a launch that the system refused for now, and fails one that it refused for good")
  func launchFailures() {
    var sweep = VirtualSweep([.base(0, retries: 1), .base(1)], cores: 2)
    sweep.launchFailures = [0: true, 1: false]
    sweep.begin()
    #expect(sweep.state(1) == .failed)
    #expect(sweep.state(0) == .pending)
    sweep.launchFailures = [:]
    sweep.advance(to: .seconds(1))
    sweep.succeed(0)
    #expect(sweep.state(0) == .succeeded)
    #expect(sweep.outcomes == [.succeeded])
  }

  @Test("does not repeat what is done, and goes on from a base that is")
  func restart() {
    let findings: [RunID: Scheduler.Finding] = [
      id(0): .finished(.succeeded, reason: nil), id(1): .finished(.succeeded, reason: nil),
      id(3): .finished(.failed, reason: "x"),
    ]
    let jobs: [SweepJob] = [.base(0), .run(1, 1), .run(2, 1), .base(3), .run(4, 1, base: 3)]
    var sweep = VirtualSweep(jobs, findings: findings, cores: 4)
    sweep.begin()
    #expect(sweep.launched == [2])
    #expect(sweep.status(4)?.reason == "base policy \(id(3)) failed: x")
    #expect(sweep.scheduler.counts[.succeeded] == 2)
    #expect(sweep.scheduler.counts[.failed] == 2)
  }

  @Test("ignores late and foreign words")
  func lateWords() {
    var sweep = VirtualSweep([.base(0), .base(1)], cores: 2)
    sweep.begin()
    sweep.succeed(0)
    sweep.exit(0, code: 1)
    sweep.feed(.started(id(0)))
    sweep.feed(.lockFreed(id(1), .finished(.failed, reason: nil)))
    sweep.feed(.exited(id(77), .init(code: 0, hasResult: true)))
    sweep.feed(.phaseStarted(3))
    #expect(sweep.state(0) == .succeeded)
    #expect(sweep.state(1) == .running)
  }

  @Test("is finished at once without jobs")
  func noJobs() {
    var sweep = VirtualSweep([], cores: 1)
    #expect(!sweep.scheduler.isFinished)
    sweep.begin()
    #expect(sweep.scheduler.isFinished)
  }
}
