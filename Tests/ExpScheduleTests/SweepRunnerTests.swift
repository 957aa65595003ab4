import ExpCore
import ExpSchedule
import FoundationEssentials
import Glibc
import TestSupport
import Testing
import TrainerProtocol

extension RealProcesses {
  @Suite("Sweeps run real trainers")
  struct SweepRunnerTests {
    @Test("runs bases before runs, two at a time, and writes down how each attempt ended")
    func wholeSweep() throws {
      try withTemporaryFolder { folder throws in
        let bench = try SweepBench(folder, ["*": ["ok:0.25"]])
        let jobs: [SweepJob] = [.base(0), .run(1, 2), .run(2, 1), .run(3, 3)]
        let watcher = Watcher()
        let outcome = try bench.run(jobs, watcher: watcher)
        #expect(outcome.states.values.allSatisfy { $0 == .succeeded })
        #expect(!outcome.stopped)
        #expect(outcome.attemptsStarted == 4)
        #expect(watcher.willStart == [0, 3, 1, 2].map(id))
        #expect(Set(watcher.finished) == Set(jobs.map(\.id)))
        #expect(watcher.mostRunning == 2)
        #expect(outcome.wallSeconds < 2)
        for job in jobs {
          let record = try #require(bench.attempts(job).last)
          #expect(record.outcome == .succeeded)
          #expect(record.exitCode == 0)
          #expect(try #require(record.peakMemoryBytes) > 1 << 20)
          #expect(try #require(record.cpuSeconds) > 0.001)
          // Not even a zombie is left.
          #expect(access("/proc/\(try #require(record.pid))", F_OK) != 0)
          #expect(
            try RunOnDisk.read(id: job.id, folder: bench.folder(job), retries: 0).state
              == .succeeded)
        }
      }
    }

    @Test("gives a trainer its session, its lock, its input, its environment, and nothing else")
    func whatTheTrainerGets() throws {
      try withTemporaryFolder { folder throws in
        let bench = try SweepBench(folder, [:])
        // A descriptor that is not marked close-on-exec must not reach the trainer either.
        let stray = open("/dev/null", O_RDONLY)
        defer { close(stray) }
        #expect(try bench.run([.base(0), .run(1, 1)]).states[id(1)] == .succeeded)
        let facts = try bench.facts(.run(1, 1))
        #expect(facts[path: "session"] == facts[path: "pid"])
        #expect(facts[path: "stdin"]?.string?.hasPrefix("pipe:") == true)
        #expect(facts[path: "stdout"] == "/dev/null")
        #expect(facts[path: "descriptor3"]?.string == bench.folder(.run(1, 1)).lock)
        #expect(facts[path: "descriptor4"]?.string?.hasPrefix("\(folder)/runs/leases/") == true)
        #expect(facts[path: "others"] == [])
        #expect(facts[path: "blocked"] == [])
        #expect(facts[path: "environment.GREETING"] == "hello")
        #expect(facts[path: "environment.OPENBLAS_CORETYPE"] == "SkylakeX")
        #expect(facts[path: "environment.OPENBLAS_NUM_THREADS"] == "1")
        #expect(facts[path: "environment.HOME"] == nil)
        if SweepRunner.availableCores > 1 { #expect(facts[path: "cores"]?.array?.count == 1) }
      }
    }

    @Test("names the base policy's checkpoint and its hash in the request of a run")
    func requestOfARun() throws {
      try withTemporaryFolder { folder throws in
        let bench = try SweepBench(folder, [:])
        _ = try bench.run([.base(0), .run(1, 1)])
        let job = SweepJob.run(1, 1)
        let data = try Data(contentsOf: URL(filePath: bench.folder(job).request))
        let request = try JSONDecoder().decode(RunRequest.self, from: data)
        let result = try #require(
          RunOnDisk.readResult(id: id(0), folder: bench.folder(.base(0))))
        #expect(request.base?.sha256 == result.checkpointSHA256)
        #expect(request.config == anyConfig)
        let checkpoint = bench.folder(job).path + "/" + (request.base?.checkpoint ?? "")
        #expect(access(checkpoint, R_OK) == 0)
      }
    }

    @Test("retries a crash, and says what the last line of the log was when it gives up")
    func retries() throws {
      try withTemporaryFolder { folder throws in
        let bench = try SweepBench(
          folder, [id(0).text: ["signal:11", "exit:1", "ok"], id(1).text: ["exit:1"]])
        let outcome = try bench.run([.base(0, retries: 2), .base(1, retries: 1)])
        #expect(outcome.states == [id(0): .succeeded, id(1): .failed])
        let words = "left with exit code 1: cannot go on; help: begin elsewhere (2 attempts)"
        #expect(outcome.reasons == [id(1): words])
        let attempts = try bench.attempts(.base(0))
        #expect(attempts.map(\.outcome) == [.failed, .failed, .succeeded])
        #expect(attempts.map(\.signal) == [11, nil, nil])
        #expect(attempts.map(\.exitCode) == [nil, 1, 0])
      }
    }

    @Test("never retries a refused request, and never believes an exit code 0 without a result")
    func refusedAndSilent() throws {
      try withTemporaryFolder { folder throws in
        let bench = try SweepBench(folder, [id(0).text: ["exit:64"], id(1).text: ["silent"]])
        let outcome = try bench.run([.base(0, retries: 9), .base(1, retries: 1)])
        #expect(outcome.states == [id(0): .failed, id(1): .failed])
        #expect(try bench.attempts(.base(0)).count == 1)
        #expect(try bench.attempts(.base(1)).count == 2)
      }
    }

    @Test("ends a trainer that runs too long, by KILL where it is deaf to TERM")
    func timeouts() throws {
      try withTemporaryFolder { folder throws in
        let bench = try SweepBench(folder, [id(0).text: ["ok:60"], id(1).text: ["deaf"]])
        let jobs: [SweepJob] = [
          .base(0, timeout: .milliseconds(300)), .base(1, timeout: .milliseconds(300)),
        ]
        let outcome = try bench.run(jobs)
        #expect(outcome.states == [id(0): .timedOut, id(1): .timedOut])
        #expect(try bench.attempts(.base(0)).map(\.exitCode) == [75])
        #expect(try bench.attempts(.base(1)).map(\.signal) == [9])
        #expect(outcome.wallSeconds < 3)
      }
    }

    @Test("kills what a trainer leaves behind in its process group")
    func litter() throws {
      try withTemporaryFolder { folder throws in
        let bench = try SweepBench(folder, ["*": ["litter"]])
        #expect(try bench.run([.base(0)]).states[id(0)] == .succeeded)
        let text = try String(
          contentsOfFile: "\(bench.folder(.base(0)).path)/litter", encoding: .utf8)
        let pid = try #require(Int(text))
        #expect(eventually { !isAlive(pid) })
        #expect(!RunLock.isHeld(bench.folder(.base(0)).lock))
      }
    }

    @Test("stops gently in the middle, and goes on from there the next time")
    func stopAndGoOn() throws {
      try withTemporaryFolder { folder throws in
        let bench = try SweepBench(folder, ["*": ["ok:0.5"]])
        let jobs: [SweepJob] = [.base(0), .base(1), .base(2)]
        let watcher = Watcher()
        watcher.onProgress = { snapshot in
          if snapshot.running.contains(where: { ($0.step ?? 0) > 3 }) {
            watcher.runner?.stop(.gently)
          }
        }
        let first = try bench.run(jobs, watcher: watcher)
        #expect(first.stopCause == .asked)
        #expect(first.states == [id(0): .cancelled, id(1): .cancelled, id(2): .pending])
        #expect(try bench.attempts(.base(0)).map(\.exitCode) == [75])
        let second = try bench.run(jobs)
        #expect(second.states.values.allSatisfy { $0 == .succeeded })
        #expect(second.attemptsStarted == 3)
        let steps = bench.events(.base(0)).compactMap { event in
          if case .metrics(let step, _, _) = event { step } else { nil }
        }
        #expect(steps == Array(1...10))
      }
    }

    @Test("stops at a signal, kills at the second one, and gives the handlers back")
    func signals() throws {
      try withTemporaryFolder { folder throws in
        let bench = try SweepBench(folder, ["*": ["deaf"]])
        var settings = SweepBench.quick
        settings.handlesSignals = true
        let watcher = Watcher()
        var sent = 0
        watcher.onProgress = { _ in
          if !watcher.messages.contains("base 0: deaf") { return }
          if sent < 2 { kill(getpid(), SIGINT) }
          sent += 1
        }
        let outcome = try bench.run([.base(0)], settings, watcher: watcher)
        #expect(outcome.states[id(0)] == .cancelled)
        #expect(outcome.wallSeconds < 3)
        #expect(try bench.attempts(.base(0)).map(\.signal) == [9])
        var action = sigaction()
        sigaction(SIGINT, nil, &action)
        #expect(action.__sigaction_handler.sa_handler == nil)
      }
    }

    @Test("collects what is done, keeps failed jobs failed until asked, and computes nothing twice")
    func restart() throws {
      try withTemporaryFolder { folder throws in
        let bench = try SweepBench(folder, [id(1).text: ["exit:64", "ok"]])
        let jobs: [SweepJob] = [.base(0), .base(1), .run(2, 1)]
        #expect(try bench.run(jobs).states[id(1)] == .failed)
        let watcher = Watcher()
        let second = try bench.run(jobs, watcher: watcher)
        #expect(second.attemptsStarted == 0)
        #expect(second.states == [id(0): .succeeded, id(1): .failed, id(2): .succeeded])
        #expect(
          second.reasons[id(1)] == "left with exit code 64: cannot go on; help: begin elsewhere")
        #expect(Set(watcher.finished) == Set(jobs.map(\.id)))
        // A refused request is asked anew, so its attempts count from one again in a fresh folder.
        try SweepBench.rewrite(bench, [id(1).text: ["ok"]])
        var settings = SweepBench.quick
        settings.rerun = .failed
        let third = try bench.run(jobs, settings)
        #expect(third.attemptsStarted == 1)
        #expect(third.states[id(1)] == .succeeded)
        #expect(access("\(bench.folder(.base(1)).path)/attempts-1/request.json", F_OK) == 0)
      }
    }

    @Test("runs everything again when asked, moving the old files aside and keeping bases")
    func rerunAll() throws {
      try withTemporaryFolder { folder throws in
        let bench = try SweepBench(folder, [:])
        let jobs: [SweepJob] = [.base(0), .run(1, 1)]
        _ = try bench.run(jobs)
        let old = try Data(contentsOf: URL(filePath: bench.folder(jobs[1]).result))
        var settings = SweepBench.quick
        settings.rerun = .all
        let outcome = try bench.run(jobs, settings)
        #expect(outcome.attemptsStarted == 1)
        #expect(outcome.states[id(1)] == .succeeded)
        let kept = bench.folder(jobs[1]).path + "/attempts-1/result.json"
        #expect(try Data(contentsOf: URL(filePath: kept)) == old)
        #expect(try bench.attempts(jobs[1]).count == 1)
      }
    }

    @Test("waits for another process's trainer and takes its result")
    func waitsForLock() throws {
      try withTemporaryFolder { folder throws in
        let bench = try SweepBench(folder, [:])
        let job = SweepJob.base(0)
        _ = try bench.run([job])
        let result = bench.folder(job).result
        // As a trainer of another sweep would: holds the lock, then leaves a result.
        rename(result, result + ".later")
        let other = OtherTrainer(lock: try RunLock.take(bench.folder(job)))
        #expect(RunLock.isHeld(bench.folder(job).lock))
        let watcher = Watcher()
        watcher.onChange = { snapshot in
          guard snapshot.waitsForLock else { return }
          rename(result + ".later", result)
          other.lock = nil
        }
        let outcome = try bench.run([job], watcher: watcher)
        #expect(watcher.changes.contains { $0.waitsForLock })
        #expect(outcome.states[job.id] == .succeeded)
        #expect(outcome.attemptsStarted == 0)
      }
    }

    @Test("starts held-out runs after the phase was prepared, and not at all where that fails")
    func phases() throws {
      struct Refusal: Error, Equatable {}
      try withTemporaryFolder { folder throws in
        let bench = try SweepBench(folder, [:])
        let jobs: [SweepJob] = [.base(0), .run(1, 1), .run(2, 9, phase: 1)]
        let watcher = Watcher()
        watcher.phaseError = Refusal()
        #expect(throws: Refusal.self) { try bench.run(jobs, watcher: watcher) }
        #expect(watcher.finished == [id(0), id(1)])
        let second = Watcher()
        let outcome = try bench.run(jobs, watcher: second)
        #expect(second.phases == [1])
        #expect(outcome.states[id(2)] == .succeeded)
        let third = Watcher()
        _ = try bench.run(jobs, watcher: third)
        #expect(third.phases == [])
      }
    }

    @Test("starts nothing below the disk's floor and says so")
    func fullDisk() throws {
      try withTemporaryFolder { folder throws in
        let bench = try SweepBench(folder, [:])
        var settings = SweepBench.quick
        settings.diskFloorBytes = .max
        let watcher = Watcher()
        let outcome = try bench.run([.base(0)], settings, watcher: watcher)
        #expect(outcome.stopCause == .diskFull)
        #expect(outcome.states[id(0)] == .pending)
        #expect(watcher.messages.first?.contains("MiB left; below") == true)
      }
    }

    @Test(
      "trains a base policy again whose checkpoint is damaged or gone, where a run still needs it",
      arguments: ["damaged", nil])
    func lostPolicy(content: String?) throws {
      try withTemporaryFolder { folder throws in
        let bench = try SweepBench(folder, [:])
        let base = SweepJob.base(0)
        let policy = "\(bench.folder(base).checkpoints)/final"
        _ = try bench.run([base, .run(1, 1)])
        let whole = try Data(contentsOf: URL(filePath: policy))
        try FileManager.default.removeItem(atPath: policy)
        if let content { try Data(content.utf8).write(to: URL(filePath: policy)) }
        let idle = Watcher()
        #expect(try bench.run([base, .run(1, 1)], watcher: idle).attemptsStarted == 0)
        #expect(idle.messages == [])
        let watcher = Watcher()
        let outcome = try bench.run([base, .run(1, 1), .run(2, 1)], watcher: watcher)
        #expect(outcome.states == [id(0): .succeeded, id(1): .succeeded, id(2): .succeeded])
        #expect(outcome.attemptsStarted == 2)
        #expect(watcher.messages.first?.contains("'\(policy)' is missing or damaged") == true)
        #expect(try Data(contentsOf: URL(filePath: policy)) == whole)
      }
    }

    @Test("shows steps, values and the time to go while trainers run")
    func progress() throws {
      try withTemporaryFolder { folder throws in
        let bench = try SweepBench(folder, ["*": ["ok:0.9"]])
        let watcher = Watcher()
        _ = try bench.run([.base(0), .base(1)], watcher: watcher)
        let shown = watcher.snapshots.flatMap(\.running).filter { ($0.step ?? 0) > 0 }
        let last = try #require(shown.last)
        #expect(last.totalSteps == 10)
        #expect(last.values["val_score"] == Double(last.step ?? 0) / 10)
        #expect(try #require(last.etaSeconds) < 1)
        #expect(watcher.snapshots.last?.counts == [.succeeded: 2])
        #expect(watcher.snapshots.count <= 12)
      }
    }

    @Test("fails a run whose request on disk asks for something else, and changes nothing")
    func immutableRequest() throws {
      try withTemporaryFolder { folder throws in
        let bench = try SweepBench(folder, [id(0).text: ["exit:75", "ok"]])
        var settings = SweepBench.quick
        settings.scheduling.unaskedStopLimit = 0
        _ = try bench.run([.base(0)], settings)
        let before = try Data(contentsOf: URL(filePath: bench.folder(.base(0)).request))
        var job = SweepJob.base(0, retries: 5)
        job.config.base.seed = 1
        let outcome = try bench.run([job])
        #expect(outcome.states[id(0)] == .failed)
        #expect(
          outcome.reasons[id(0)]?.hasSuffix("differs in 'config'; a request is never changed")
            == true)
        #expect(try Data(contentsOf: URL(filePath: bench.folder(job).request)) == before)
      }
    }

    @Test("refuses a relative folder and a trainer that is not there, before anything starts")
    func badArguments() throws {
      let compute = RunRequest.Compute(blasCoreType: "", kernelSet: "generic", threads: 1)
      func make(_ root: String, _ command: [String]) throws(ScheduleError) {
        _ = try SweepRunner(
          jobs: [], paths: RunPaths(root: root), trainerCommand: command, compute: compute,
          sourceFingerprint: ContentHash(of: ""), environment: ["PATH": "/usr/bin:/bin"],
          settings: SweepBench.quick, observer: nil)
      }
      #expect(throws: ScheduleError.relativeRoot("runs")) { try make("runs", ["sh"]) }
      #expect(throws: ScheduleError.trainerNotFound("no-such-trainer")) {
        try make("/nowhere", ["no-such-trainer"])
      }
      try make("/nowhere", ["sh"])
    }
  }

}

/// Holds a run's lock as a trainer would.
private final class OtherTrainer {
  var lock: RunLock?
  init(lock: consuming RunLock?) { self.lock = lock }
}

extension SweepBench {
  /// Changes how trainers behave from now on.
  static func rewrite(_ bench: SweepBench, _ behaviour: [String: [String]]) throws {
    _ = try SweepBench(bench.folder, behaviour)
  }
}
