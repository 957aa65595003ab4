import ExpCore
import ExpSchedule
import FoundationEssentials
import Glibc
import TestSupport
import Testing
import TrainerProtocol

extension RealProcesses {
  @Suite("Trainers that hang, take too much, or outlive their orchestrator")
  struct GuardTests {
    @Test("a trainer that writes nothing for too long is asked to leave, and tried again")
    func silence() throws {
      try withTemporaryFolder { folder throws in
        let bench = try SweepBench(folder, ["*": ["hang", "ok"]])
        var job = SweepJob.base(0)
        job.silence = .milliseconds(500)
        let outcome = try bench.run([job])
        #expect(outcome.states == [id(0): .succeeded])
        let attempts = try bench.attempts(job)
        #expect(attempts.map(\.outcome) == [.failed, .succeeded])
        #expect(attempts[0].exitCode == 75)
        let reason = try #require(attempts[0].reason)
        #expect(reason.hasPrefix("wrote no event for "))
        #expect(reason.hasSuffix("the limit (limits.silence) is 0.5 s"))
      }
    }

    @Test("a trainer that works is never taken for a hung one, however long it takes in all")
    func slowIsNotSilent() throws {
      try withTemporaryFolder { folder throws in
        let bench = try SweepBench(folder, ["*": ["ok:4"]])
        var job = SweepJob.base(0)
        job.silence = .seconds(3)
        #expect(try bench.run([job]).states == [id(0): .succeeded])
        #expect(try bench.attempts(job).count == 1)
      }
    }

    @Test("a trainer over its memory limit is stopped with that reason and not tried again")
    func memoryLimit() throws {
      try withTemporaryFolder { folder throws in
        let bench = try SweepBench(folder, [id(0).text: ["hog:300"], id(1).text: ["hog:300"]])
        var limited = SweepJob.base(0, memory: 128 << 20)
        limited.memoryIsLimit = true
        // An estimate is no limit: this one goes on until the sweep is stopped.
        let estimated = SweepJob.base(1, memory: 128 << 20)
        let watcher = Watcher()
        watcher.onChange = { snapshot in
          if snapshot.state == .failed { watcher.runner?.stop(.now) }
        }
        let outcome = try bench.run([limited, estimated], watcher: watcher)
        #expect(outcome.states == [id(0): .failed, id(1): .cancelled])
        let reason = try #require(outcome.reasons[id(0)])
        #expect(reason.hasPrefix("used 3"))
        #expect(reason.hasSuffix(" MiB of memory; its limit (resources.memory) is 128 MiB"))
        #expect(try bench.attempts(limited).map(\.outcome) == [.failed])
      }
    }

    @Test("the run's lock says which process has it, and whose child that is")
    func holder() throws {
      try withTemporaryFolder { folder throws in
        let bench = try SweepBench(folder, [:])
        _ = try bench.run([.base(0)])
        let holder = try #require(RunLock.holder(bench.folder(.base(0)).lock))
        #expect(holder.starter == ProcessIdentity.current)
        #expect(holder.trainer.pid == (try bench.attempts(.base(0)).last?.pid))
        #expect(!holder.trainer.isAlive)
        // The same number with another start is somebody else.
        var stranger = try #require(ProcessIdentity.current)
        #expect(stranger.isAlive)
        stranger.startTicks += 1
        #expect(!stranger.isAlive)
        var earlier = try #require(ProcessIdentity.current)
        earlier.bootID = "an earlier boot"
        #expect(!earlier.isAlive)
      }
    }

    @Test("a trainer that is deaf to the end of its orchestrator is ended by the next sweep")
    func leftover() throws {
      try withTemporaryFolder { folder throws in
        let bench = try SweepBench(folder, ["*": ["deaf", "ok"]])
        let orchestrator = try Orchestrator(folder, jobs: "one")
        let job = OrchestratorTests.jobs[0]
        #expect(eventually(20) { bench.events(job).count >= 2 })
        orchestrator.killNow()
        let trainer = try #require(RunLock.holder(bench.folder(job).lock)?.trainer)
        #expect(trainer.isAlive)
        var settings = SweepBench.quick
        settings.leftoverPatience = .milliseconds(300)
        settings.scheduling.stopGrace = .milliseconds(300)
        let watcher = Watcher()
        let outcome = try bench.run([job], settings, watcher: watcher)
        #expect(outcome.states == [job.id: .succeeded])
        #expect(!trainer.isAlive)
        #expect(
          watcher.messages.contains {
            $0.contains("process \(trainer.pid)) outlived the process that started it")
          })
        #expect(try bench.attempts(job).map(\.outcome) == [.lost, .succeeded])
      }
    }

    @Test("two sweeps of one store use a core each, never the same one at a time")
    func sharing() throws {
      try withTemporaryFolder { folder throws in
        let bench = try SweepBench(folder, ["*": ["ok:0.4"]])
        let other = try Orchestrator(folder)
        #expect(eventually(20) { OrchestratorTests.jobs.contains { !bench.events($0).isEmpty } })
        let jobs = (10..<16).map { SweepJob.base($0) }
        let outcome = try bench.run(jobs)
        #expect(outcome.states.values.allSatisfy { $0 == .succeeded })
        #expect(other.wait() == 0)
        // Each attempt's time with the core it was bound to: those of one core must not overlap.
        var spans: [Int: [ClosedRange<Double>]] = [:]
        for job in jobs + OrchestratorTests.jobs {
          let facts = try bench.facts(job)
          let cores = try #require(facts[path: "cores"]?.array).compactMap(\.integer)
          let began = try #require(facts[path: "began"]?.number)
          let ended = try #require(facts[path: "ended"]?.number)
          #expect(cores.count == 1 || SweepRunner.availableCores < 3)
          for core in cores where cores.count == 1 {
            spans[core, default: []].append(began...ended)
          }
        }
        for (_, own) in spans {
          let sorted = own.sorted { $0.lowerBound < $1.lowerBound }
          for (one, next) in zip(sorted, sorted.dropFirst()) {
            #expect(one.upperBound <= next.lowerBound)
          }
        }
      }
    }

    @Test("a sweep is stopped, and failed runs are taken up again, by requests of another process")
    func requests() throws {
      try withTemporaryFolder { folder throws in
        let bench = try SweepBench(folder, [id(0).text: ["exit:64", "ok"], "*": ["ok:60"]])
        var settings = SweepBench.quick
        settings.controlFolder = bench.paths.sweep("sweep")
        // A request to an earlier owner is not obeyed.
        try SweepRequest.stop(.now).leave(for: "sweep", paths: bench.paths)
        let lock = try SweepLock(name: "sweep", paths: bench.paths)
        let watcher = Watcher()
        watcher.onChange = { snapshot in
          if snapshot.id == id(0), snapshot.state == .failed {
            #expect(throws: Never.self) {
              #expect(try RunOnDisk.reopen(bench.folder(.base(0))))
              #expect(try !RunOnDisk.reopen(bench.folder(.base(0))))
              try SweepRequest.retry([id(0)]).leave(for: "sweep", paths: bench.paths)
            }
          }
          if snapshot.id == id(0), snapshot.state == .succeeded {
            #expect(throws: Never.self) {
              try SweepRequest.stop(.gently).leave(for: "sweep", paths: bench.paths)
            }
          }
        }
        let outcome = try bench.run([.base(0), .base(1)], settings, watcher: watcher)
        #expect(outcome.states == [id(0): .succeeded, id(1): .cancelled])
        #expect(outcome.stopCause == .asked)
        #expect(try bench.attempts(.base(0)).map(\.outcome) == [.failed, .pending, .succeeded])
        let written = try #require(SweepProgressFile.read("sweep", paths: bench.paths))
        #expect(written.counts == [.succeeded: 1, .cancelled: 1])
        withExtendedLifetime(lock) {}
      }
    }
  }
}
