import ExpCore
import ExpSchedule
import Testing

@Suite("The scheduler beside others: queues, room, priorities, second chances")
struct QueueTests {
  @Test("a job in a queue is pending, occupies its place, and runs when its trainer starts")
  func queued() {
    var sweep = VirtualSweep([.base(0), .base(1)], cores: 1)
    sweep.queues = true
    sweep.begin()
    #expect(sweep.launched == [0])
    #expect(sweep.state(0) == .pending)
    #expect(sweep.status(0)?.isQueued == true)
    #expect(sweep.status(0)?.reason == "submitted")
    sweep.feed(.started(id(0)))
    #expect(sweep.state(0) == .running)
    #expect(sweep.status(0)?.reason == nil)
    sweep.succeed(0)
    #expect(sweep.launched == [0, 1])
  }

  @Test("a limit on time counts from the trainer's start, not from the queue")
  func timeoutInQueue() {
    var sweep = VirtualSweep([.base(0, timeout: .seconds(10))], cores: 1)
    sweep.queues = true
    sweep.begin()
    sweep.advance(to: .seconds(100))
    sweep.feed(.started(id(0)))
    sweep.advance(to: .seconds(109))
    #expect(sweep.terminated.isEmpty)
    sweep.advance(to: .seconds(110))
    #expect(sweep.terminated == [0])
  }

  @Test("a stop takes jobs out of the queue, and they are open for the next sweep")
  func stopInQueue() {
    var sweep = VirtualSweep([.base(0), .base(1)], cores: 2)
    sweep.queues = true
    sweep.begin()
    sweep.feed(.started(id(1)))
    sweep.feed(.stopRequested(.gently))
    #expect(Set(sweep.terminated) == [0, 1])
    #expect(!sweep.scheduler.isFinished)
    sweep.feed(.leftQueue(id(0), reason: "cancelled"))
    sweep.exit(1, code: 75)
    #expect(sweep.scheduler.isFinished)
    #expect(sweep.state(0) == .pending)
    #expect(sweep.state(1) == .cancelled)
    #expect(sweep.outcomes == [.cancelled])
  }

  @Test(
    "a job that the queue refuses fails without an attempt; while the sweep stops it stays open")
  func refusedByQueue() {
    var sweep = VirtualSweep([.base(0), .base(1), .run(2, 1)], cores: 2)
    sweep.queues = true
    sweep.begin()
    sweep.feed(.launchFailed(id(0), reason: "no such account", canRetry: false))
    #expect(sweep.state(0) == .failed)
    #expect(sweep.status(0)?.reason == "no such account")
    #expect(sweep.state(2) == .failed)
    sweep.feed(.stopRequested(.gently))
    #expect(!sweep.scheduler.isFinished)
    sweep.feed(.launchFailed(id(1), reason: "no such account", canRetry: false))
    #expect(sweep.state(1) == .pending)
    #expect(sweep.scheduler.isFinished)
    #expect(sweep.outcomes.isEmpty)
  }

  @Test("one that starts while it was to leave the queue is stopped after all")
  func startsWhileStopping() {
    var sweep = VirtualSweep([.base(0)], cores: 1)
    sweep.queues = true
    sweep.begin()
    sweep.feed(.stopRequested(.gently))
    sweep.feed(.started(id(0)))
    #expect(sweep.terminated == [0, 0])
    sweep.exit(0, code: 75)
    #expect(sweep.state(0) == .cancelled)
  }

  @Test("a job that a stranger took out of the queue goes in again, so many times and no more")
  func strangersCancel() {
    var options = Scheduler.Options(cores: 1)
    options.unaskedStopLimit = 2
    var sweep = VirtualSweep([.base(0)], options: options)
    sweep.queues = true
    sweep.begin()
    for round in 1...2 {
      sweep.feed(.leftQueue(id(0), reason: "cancelled by another user"))
      #expect(sweep.state(0) == .pending)
      sweep.advance(to: .seconds(100 * round))
      #expect(sweep.launched.count == round + 1)
    }
    sweep.feed(.leftQueue(id(0), reason: "cancelled by another user"))
    #expect(sweep.state(0) == .failed)
    #expect(
      sweep.status(0)?.reason == "left 3 times without being asked (cancelled by another user)")
  }

  @Test("where others use what is needed, the job keeps its turn, and nobody overtakes it")
  func noRoom() {
    var sweep = VirtualSweep([.base(0, 9), .base(1, 5)], cores: 2)
    sweep.hasNoRoom = [0]
    sweep.begin()
    #expect(sweep.launched == [0])
    #expect(sweep.state(0) == .pending)
    #expect(sweep.scheduler.waitsForRoom)
    #expect(sweep.scheduler.roomReason == "all is in use")
    sweep.feed(.roomMayBeFree)
    #expect(sweep.launched == [0, 0])
    sweep.hasNoRoom = []
    sweep.feed(.roomMayBeFree)
    #expect(sweep.running == [0, 1])
    #expect(!sweep.scheduler.waitsForRoom)
  }

  @Test("a stop while there is no room ends the sweep")
  func stopWithoutRoom() {
    var sweep = VirtualSweep([.base(0)], cores: 1)
    sweep.hasNoRoom = [0]
    sweep.begin()
    sweep.feed(.stopRequested(.gently))
    #expect(sweep.scheduler.isFinished)
    #expect(!sweep.scheduler.waitsForRoom)
    #expect(sweep.state(0) == .pending)
  }

  @Test("a higher priority goes before length, and takes its base along")
  func priorities() {
    var urgent = SweepJob.run(3, 1, base: 1)
    urgent.priority = 2
    var next = SweepJob.run(4, 2, base: 0)
    next.priority = 1
    let jobs: [SweepJob] = [.base(0, 100), .base(1, 1), .run(2, 50, base: 0), urgent, next]
    var sweep = VirtualSweep(jobs, cores: 1)
    sweep.begin()
    for number in [1, 3, 0, 4, 2] {
      #expect(sweep.running == [number])
      sweep.succeed(number)
    }
    #expect(sweep.scheduler.isFinished)
  }

  @Test("a condemned job is asked to leave, then killed, and has its reason as its end")
  func condemned() {
    var sweep = VirtualSweep([.base(0, retries: 1), .base(1, retries: 1)], cores: 2)
    sweep.begin()
    sweep.feed(.condemned(id(0), reason: "silent", mayRetry: true))
    sweep.feed(.condemned(id(1), reason: "too large", mayRetry: false))
    // Said again, it changes nothing.
    sweep.feed(.condemned(id(1), reason: "other words", mayRetry: true))
    #expect(sweep.terminated == [0, 1])
    sweep.advance(to: .seconds(10))
    #expect(sweep.killed == [0, 1])
    sweep.feed(.exited(id(0), .init(code: nil, signal: 9, hasResult: false)))
    sweep.exit(1, code: 75)
    #expect(sweep.outcomes == [.failed, .failed])
    #expect(sweep.state(0) == .pending)
    #expect(sweep.state(1) == .failed)
    #expect(sweep.status(1)?.reason == "too large")
  }

  @Test("one that was condemned and finished meanwhile has succeeded")
  func condemnedTooLate() {
    var sweep = VirtualSweep([.base(0)], cores: 1)
    sweep.begin()
    sweep.feed(.condemned(id(0), reason: "silent", mayRetry: true))
    sweep.succeed(0)
    #expect(sweep.state(0) == .succeeded)
  }

  @Test("a second chance opens a failed job and the runs that failed with it, with all their tries")
  func retry() {
    var sweep = VirtualSweep(
      [.base(0, retries: 0), .run(1, 1), .run(2, 1, retries: 0), .base(3)], cores: 1)
    sweep.begin()
    sweep.exit(0, code: 1)
    sweep.succeed(3)
    #expect(sweep.state(1) == .failed)
    #expect(sweep.scheduler.isFinished)
    sweep.feed(.retryAsked(id(3)))
    #expect(sweep.state(3) == .succeeded)
    sweep.feed(.retryAsked(id(0)))
    #expect(!sweep.scheduler.isFinished)
    sweep.succeed(0)
    sweep.succeed(1)
    sweep.exit(2, code: 1)
    #expect(sweep.scheduler.isFinished)
    #expect(sweep.state(1) == .succeeded)
    sweep.feed(.retryAsked(id(2)))
    sweep.succeed(2)
    #expect(sweep.scheduler.counts.filter { $0.value > 0 } == [.succeeded: 4])
  }

  @Test("a second chance of a run whose base failed is one of the base too")
  func retryRunOfFailedBase() {
    var sweep = VirtualSweep([.base(0, retries: 0), .run(1, 1), .run(2, 1, base: 9)], cores: 1)
    sweep.begin()
    sweep.exit(0, code: 1)
    sweep.feed(.retryAsked(id(1)))
    #expect(sweep.running == [0])
    sweep.succeed(0)
    sweep.succeed(1)
    // Without a base in the sweep there is none.
    sweep.feed(.retryAsked(id(2)))
    #expect(sweep.state(2) == .failed)
    #expect(sweep.scheduler.isFinished)
  }

  @Test("a second chance in an earlier phase is taken while a later one is open")
  func retryEarlierPhase() {
    var sweep = VirtualSweep(
      [.base(0), .run(1, 1, retries: 0), .run(2, 1, phase: 1)], cores: 1)
    sweep.begin()
    sweep.succeed(0)
    sweep.exit(1, code: 1)
    #expect(sweep.running == [2])
    sweep.feed(.retryAsked(id(1)))
    sweep.succeed(2)
    #expect(sweep.running == [1])
    sweep.succeed(1)
    #expect(sweep.scheduler.isFinished)
  }
}
