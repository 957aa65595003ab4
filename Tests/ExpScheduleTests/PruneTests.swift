import ExpCore
import ExpSchedule
import Testing
import TrainerProtocol

@Suite("The scheduler prunes on a virtual clock")
struct PruneTests {
  private let jobs: [SweepJob] = [.base(0), .run(1, 30), .run(2, 20), .run(3, 10)]

  /// A sweep with runs 1 and 2 running and run 3 waiting.
  private func begun() -> VirtualSweep {
    var sweep = VirtualSweep(jobs, cores: 2)
    sweep.begin()
    sweep.succeed(0)
    return sweep
  }

  @Test("a running run gets TERM once, leaves, and is pruned with the reason; the next one starts")
  func running() {
    var sweep = begun()
    sweep.prune(1)
    sweep.prune(1)
    #expect(sweep.terminated == [1] && sweep.state(1) == .running)
    sweep.exit(1, code: 75)
    #expect(sweep.state(1) == .pruned && sweep.status(1)?.reason == "too low")
    #expect(sweep.outcomes == [.succeeded, .pruned] && sweep.running == [2, 3])
    sweep.succeed(2)
    sweep.succeed(3)
    #expect(sweep.scheduler.isFinished && sweep.scheduler.stopCause == nil)
  }

  @Test("a run that finished before TERM reached it has succeeded, and that is noted")
  func finishing() {
    var sweep = begun()
    sweep.prune(1)
    sweep.succeed(1)
    #expect(sweep.state(1) == .succeeded)
    #expect(sweep.status(1)?.reason == "finished before it could be pruned: too low")
  }

  @Test(
    "a trainer that does not leave is killed after the grace, and its run is pruned all the same")
  func deaf() {
    var sweep = begun()
    sweep.prune(1)
    sweep.advance(to: .seconds(29))
    #expect(sweep.killed.isEmpty)
    sweep.advance(to: .seconds(30))
    #expect(sweep.killed == [1])
    sweep.feed(.exited(id(1), .init(code: nil, signal: 9, hasResult: false)))
    #expect(sweep.state(1) == .pruned)
    #expect(sweep.status(1)?.reason == "too low; its trainer ended by signal 9")
  }

  @Test(
    "a trainer that crashes after the decision is not tried again; a bad request stays a failure")
  func crashing() {
    var sweep = begun()
    sweep.prune(1)
    sweep.prune(2)
    sweep.exit(1, code: 70)
    #expect(sweep.state(1) == .pruned)
    sweep.exit(2, code: 64)
    #expect(sweep.state(2) == .failed)
  }

  @Test("a run that waits or is delayed is recorded as pruned and never starts")
  func waiting() {
    var sweep = begun()
    sweep.prune(3)
    #expect(sweep.prunedUnstarted == [3] && sweep.state(3) == .pruned)
    sweep.exit(1, code: 1)
    #expect(sweep.status(1)?.retryAt != nil)
    sweep.prune(1)
    #expect(sweep.prunedUnstarted == [3, 1])
    sweep.succeed(2)
    sweep.advance(to: .seconds(1000))
    #expect(sweep.launched == [0, 1, 2] && sweep.scheduler.isFinished)
  }

  @Test("advice before the sweep begins keeps a run from starting at all")
  func beforeTheBeginning() {
    var sweep = VirtualSweep(jobs, cores: 2)
    sweep.prune(2)
    sweep.begin()
    sweep.succeed(0)
    #expect(sweep.launched == [0, 1, 3] && sweep.state(2) == .pruned)
  }

  @Test("base policies, finished runs and runs of another sweep's trainer are left alone")
  func leftAlone() {
    var sweep = VirtualSweep(jobs, cores: 2)
    sweep.heldElsewhere = [2]
    sweep.begin()
    sweep.prune(0)
    #expect(sweep.terminated.isEmpty)
    sweep.succeed(0)
    sweep.prune(2)
    #expect(sweep.state(2) == .pending && sweep.prunedUnstarted.isEmpty)
    sweep.succeed(1)
    sweep.prune(1)
    #expect(sweep.state(1) == .succeeded)
    sweep.feed(.lockFreed(id(2), .finished(.succeeded, reason: nil)))
    #expect(sweep.state(2) == .succeeded)
  }

  @Test("a sweep that stops prunes nothing more, and what was being pruned stays so")
  func stopping() {
    var sweep = begun()
    sweep.prune(1)
    sweep.feed(.stopRequested(.gently))
    sweep.prune(2)
    sweep.prune(3)
    sweep.exit(1, code: 75)
    sweep.exit(2, code: 75)
    #expect(sweep.state(1) == .pruned && sweep.state(2) == .cancelled)
    #expect(sweep.state(3) == .pending)
  }

  @Test("a pruned run fails no sweep that stops at the first failure, and opens the next phase")
  func phases() {
    var options = Scheduler.Options(cores: 2)
    options.failFast = true
    var sweep = VirtualSweep(
      [.base(0), .run(1, 9), .run(2, 9), .run(3, 9, phase: 1)], options: options)
    sweep.begin()
    sweep.succeed(0)
    sweep.prune(1)
    sweep.exit(1, code: 75)
    sweep.succeed(2)
    #expect(sweep.scheduler.stopCause == nil && sweep.running == [3])
  }

  @Test("a run found as pruned stays so")
  func found() {
    var sweep = VirtualSweep(
      jobs, findings: [id(1): .finished(.pruned, reason: "too low")], cores: 2)
    sweep.begin()
    sweep.succeed(0)
    #expect(sweep.launched == [0, 2, 3] && sweep.state(1) == .pruned)
  }
}
