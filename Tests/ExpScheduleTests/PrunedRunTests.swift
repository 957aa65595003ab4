import ExpCore
import ExpSchedule
import FoundationEssentials
import TestSupport
import Testing
import TrainerProtocol

extension RealProcesses {
  @Suite("Pruned runs and their folders")
  struct PrunedRunTests {
    private let jobs: [SweepJob] = [.base(0), .run(1, 2), .run(2, 1)]

    @Test("a running run saves and leaves; it stays pruned, until it is asked for again")
    func running() throws {
      try withTemporaryFolder { folder throws in
        let bench = try SweepBench(folder, [id(0).text: ["ok"], "*": ["ok:3", "ok"]])
        let advisor = Advisor([id(1)], when: .running)
        let outcome = try bench.run(jobs, watcher: Watcher(), advisor: advisor)
        #expect(outcome.states[id(1)] == .pruned && outcome.states[id(2)] == .succeeded)
        #expect(outcome.reasons[id(1)] == "too low" && !outcome.stopped)
        let attempt = try #require(bench.attempts(jobs[1]).last)
        #expect(attempt.outcome == .pruned && attempt.exitCode == 75 && attempt.reason == "too low")
        let again = try bench.run(jobs)
        #expect(again.states[id(1)] == .pruned && again.attemptsStarted == 0)
        #expect(again.reasons[id(1)] == "too low")
        var settings = SweepBench.quick
        settings.rerun = .failed
        #expect(try bench.run(jobs, settings).states[id(1)] == .pruned)
        settings.rerun = .pruned
        let carriedOn = try bench.run(jobs, settings)
        #expect(carriedOn.states[id(1)] == .succeeded && carriedOn.attemptsStarted == 1)
        let resumed = bench.events(jobs[1]).compactMap { event -> Int? in
          guard case .attempt(let facts) = event else { return nil }
          return facts.resumeStep
        }
        #expect(resumed.count == 2 && resumed[1] > 0)
      }
    }

    @Test("a run that never began is recorded as pruned, and a sweep that does not prune runs it")
    func notBegun() throws {
      try withTemporaryFolder { folder throws in
        let bench = try SweepBench(folder, ["*": ["ok"]])
        let outcome = try bench.run(jobs, advisor: Advisor([id(2)], when: .pending))
        #expect(outcome.states[id(2)] == .pruned && outcome.attemptsStarted == 2)
        let attempt = try #require(bench.attempts(jobs[2]).last)
        #expect(attempt.outcome == .pruned && attempt.pid == nil)
        #expect(
          try RunOnDisk.read(id: id(2), folder: bench.folder(jobs[2]), retries: 0).state == .pruned)
        var settings = SweepBench.quick
        settings.keepsPruned = false
        let carriedOn = try bench.run(jobs, settings)
        #expect(carriedOn.states[id(2)] == .succeeded && carriedOn.attemptsStarted == 1)
      }
    }

    @Test(
      "a decision that a crash kept from being written leaves a run that is advised about again")
    func crash() throws {
      try withTemporaryFolder { folder throws in
        let bench = try SweepBench(folder, [id(0).text: ["ok"], "*": ["ok:3", "ok:3"]])
        let first = try bench.run(
          jobs, watcher: Watcher(), advisor: Advisor([id(1)], when: .running))
        #expect(first.states[id(1)] == .pruned)
        // The orchestrator died after TERM and before the end of the attempt was written down.
        let path = bench.folder(jobs[1]).attempts
        try "".write(toFile: path, atomically: true, encoding: .utf8)
        #expect(
          try RunOnDisk.read(id: id(1), folder: bench.folder(jobs[1]), retries: 0).state == .lost)
        let again = try bench.run(
          jobs, watcher: Watcher(), advisor: Advisor([id(1)], when: .running))
        #expect(again.states[id(1)] == .pruned && again.states[id(2)] == .succeeded)
        #expect(try bench.attempts(jobs[1]).map(\.outcome) == [.cancelled, .pruned])
      }
    }
  }
}

/// Advises against some runs once they are in a state.
private final class Advisor: PruneAdvisor {
  private let runs: [RunID]
  private let moment: RunState

  init(_ runs: [RunID], when moment: RunState) {
    self.runs = runs
    self.moment = moment
  }

  func advice(state: (RunID) -> RunState?) -> [PruneAdvice] {
    runs.filter { state($0) == moment }.map { PruneAdvice(run: $0, reason: "too low") }
  }
}
