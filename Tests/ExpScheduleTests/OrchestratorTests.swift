import ExpCore
import ExpSchedule
import FoundationEssentials
import Glibc
import TestSupport
import Testing
import TrainerProtocol

extension RealProcesses {
  @Suite("A sweep survives the death of its orchestrator")
  struct OrchestratorTests {
    static let jobs: [SweepJob] = [.base(0), .run(1, 3), .run(2, 2), .run(3, 1), .base(4)]

    /// Not a test: what the other process does.
    @Test("plays the orchestrator", .enabled(if: Orchestrator.folder != nil))
    func orchestrator() throws {
      let folder = try #require(Orchestrator.folder)
      let bench = SweepBench(again: folder)
      let lock = try SweepLock(name: "sweep", paths: bench.paths)
      var settings = SweepBench.quick
      settings.handlesSignals = true
      let jobs = OrchestratorTests.jobs
      _ = try bench.run(Orchestrator.hasOneJob ? Array(jobs.prefix(1)) : jobs, settings)
      withExtendedLifetime(lock) {}
    }

    @Test(
      "killed -9: trainers leave by themselves, the next sweep goes on, nothing is lost or doubled")
    func killedOrchestrator() throws {
      try withTemporaryFolder { folder throws in
        let bench = try SweepBench(folder, ["*": ["ok:0.4"]])
        for steps in [3, 6, 2] {
          let orchestrator = try Orchestrator(folder)
          #expect(eventually(10) { midRun(bench, steps: steps) > 0 })
          orchestrator.killNow()
          #expect(becomesFree(bench))
        }
        // The next one starts while trainers of the last one are still leaving.
        let outcome = try bench.run(OrchestratorTests.jobs)
        #expect(outcome.states.values.allSatisfy { $0 == .succeeded })
        for job in OrchestratorTests.jobs { try checkOnceEach(bench, job) }
      }
    }

    /// Whether the sweep's lock is let go: a trainer that was being spawned shares it until its exec.
    private func becomesFree(_ bench: SweepBench) -> Bool {
      eventually {
        // try?: a lock that cannot be looked at is not free.
        (try? SweepLock.isHeld("sweep", paths: bench.paths)) == false
      }
    }

    /// Running trainers that are so many steps beyond where they began.
    private func midRun(_ bench: SweepBench, steps: Int) -> Int {
      OrchestratorTests.jobs.count { job in
        guard RunLock.isHeld(bench.folder(job).lock) else { return false }
        var count = 0
        for event in bench.events(job) {
          switch event {
          case .attempt: count = 0
          case .metrics: count += 1
          default: break
          }
        }
        return count >= steps
      }
    }

    /// Every step once, one success, no trainer left, and every attempt that began has its record.
    private func checkOnceEach(_ bench: SweepBench, _ job: SweepJob) throws {
      var steps: [Int] = []
      var pids: Set<Int> = []
      for event in bench.events(job) {
        switch event {
        case .attempt(let facts):
          steps.removeAll { $0 > facts.resumeStep }
          pids.insert(facts.pid)
        case .metrics(let step, _, _): steps.append(step)
        default: break
        }
      }
      #expect(steps == Array(1...10))
      #expect(pids.allSatisfy { !isAlive($0) })
      let attempts = try bench.attempts(job)
      #expect(Set(attempts.compactMap(\.pid)) == pids)
      #expect(attempts.count { $0.outcome == .succeeded } == 1)
    }

    @Test("TERM to the orchestrator: its trainers write a checkpoint and leave, and it goes")
    func terminatedOrchestrator() throws {
      try withTemporaryFolder { folder throws in
        let bench = try SweepBench(folder, ["*": ["ok:0.4"]])
        let orchestrator = try Orchestrator(folder)
        #expect(eventually(10) { midRun(bench, steps: 2) > 0 })
        let holder = try SweepLock.holder(of: "sweep", paths: bench.paths)
        #expect(holder?.pid == Int(orchestrator.pid))
        kill(orchestrator.pid, SIGTERM)
        #expect(orchestrator.wait() == 0)
        let attempts = try OrchestratorTests.jobs.flatMap { try bench.attempts($0) }
        #expect(attempts.contains { $0.outcome == .cancelled && $0.exitCode == 75 })
        #expect(OrchestratorTests.jobs.allSatisfy { !RunLock.isHeld(bench.folder($0).lock) })
      }
    }

    @Test("two sweeps that want the same runs share the work")
    func twoSweeps() throws {
      try withTemporaryFolder { folder throws in
        let bench = try SweepBench(folder, ["*": ["ok:0.4"]])
        let other = try Orchestrator(folder)
        #expect(eventually(10) { midRun(bench, steps: 1) > 0 })
        let outcome = try bench.run(OrchestratorTests.jobs)
        #expect(outcome.states.values.allSatisfy { $0 == .succeeded })
        #expect(other.wait() == 0)
        for job in OrchestratorTests.jobs {
          try checkOnceEach(bench, job)
          #expect(try bench.attempts(job).count == 1)
        }
      }
    }
  }
}
