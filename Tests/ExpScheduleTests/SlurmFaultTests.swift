import ExpCore
import ExpSchedule
import FoundationEssentials
import Glibc
import TestSupport
import Testing
import TrainerProtocol

/// A bench whose runs go through a Slurm of one file.
private struct FakeSlurm {
  let bench: SweepBench
  let home: String

  init(_ folder: String, _ behaviour: [String: [String]], faults: [String: [String]]) throws {
    bench = try SweepBench(folder, behaviour)
    home = "\(folder)/fake"
    try FileManager.default.createDirectory(atPath: home, withIntermediateDirectories: true)
    let program =
      URL(filePath: #filePath).deletingLastPathComponent().path + "/Fixtures/fake_slurm.py"
    for name in ["sbatch", "squeue", "scancel", "scontrol", "sacct"] {
      try FileManager.default.createSymbolicLink(
        atPath: "\(home)/\(name)", withDestinationPath: program)
    }
    try JSONEncoder().encode(faults).write(to: URL(filePath: "\(home)/faults.json"))
  }

  func run(
    _ jobs: [SweepJob], _ watcher: Watcher, path: String = "/usr/bin:/bin", jobLimit: Int? = nil
  ) throws -> SweepOutcome {
    var options = SlurmOptions()
    options.fileDelay = .seconds(1)
    options.jobLimit = jobLimit
    let compute = RunRequest.Compute(blasCoreType: "", kernelSet: "generic", threads: 1)
    let cluster = try SlurmExecutor(
      .init(
        name: "sweep", paths: bench.paths, trainer: [SweepBench.trainer], compute: compute,
        sourceFingerprint: ContentHash(of: "sources"), keepsPruned: true, program: "/nowhere/exp"),
      wanted: Set(jobs.map(\.id)), options: options,
      environment: ["PATH": "\(home):\(path)", "FAKE_SLURM": home])
    let runner = try SweepRunner(
      jobs: jobs, paths: bench.paths, trainerCommand: [SweepBench.trainer], compute: compute,
      sourceFingerprint: ContentHash(of: "sources"), environment: [:], settings: SweepBench.quick,
      observer: watcher, cluster: cluster)
    return try runner.run()
  }

  /// The record of the array that had a run as its first task.
  func record(of run: RunID) throws -> (path: String, array: SlurmArray) {
    let folder = SlurmFolder(sweep: "sweep", paths: bench.paths).path
    let records = try FileManager.default.contentsOfDirectory(atPath: folder)
      .filter { $0.hasSuffix(".json") }
      .map { ("\(folder)/\($0)", try SlurmFolder.read("\(folder)/\($0)")) }
    return try #require(records.first { $0.1.tasks[0].id == run })
  }

  /// Puts the task of a run into the queue again, as if the process that submitted it had died.
  func bringBack(_ run: RunID, _ state: String) throws {
    var (path, array) = try record(of: run)
    array.isClosed = false
    try JSONEncoder().encode(array).write(to: URL(filePath: path))
    let job = try #require(array.job)
    try Data("\(array.jobName)\n\(state)".utf8).write(to: URL(filePath: "\(home)/task-\(job)_0"))
  }

  /// The commands that were called, with what was done of each.
  var calls: [String] {
    get throws {
      try String(contentsOfFile: "\(home)/calls.log", encoding: .utf8).split(separator: "\n")
        .map { $0.split(separator: " ").prefix(2).joined(separator: " ") }
    }
  }
}

extension RealProcesses {
  @Suite("A Slurm that fails")
  struct SlurmFaultTests {
    private static let jobs: [SweepJob] = [.base(0), .run(1, 3), .run(2, 2), .run(3, 1)]

    /// What is wrong, and what is said of it.
    private static let passing: [([String: [String]], String?)] = [
      ([:], nil),
      (["squeue": ["down", "down"]], "squeue: error: slurm_receive_msg: Unable to contact"),
      (["squeue": ["garbage"]], "its answer is not in the form that was asked for"),
      (["sbatch": ["down"]], "looking whether it was taken"),
      (["sbatch": ["unheard"]], "looking whether it was taken"),
      (["sbatch": ["garbage"]], "its answer is no job id: '<html>a page</html>'"),
      (["sbatch": ["ok", "limit:1", "limit:1", "limit:1"]], nil),
    ]

    @Test("What passes is waited for, and every run is computed once", arguments: passing.indices)
    func passes(_ number: Int) throws {
      let (faults, words) = SlurmFaultTests.passing[number]
      try withTemporaryFolder { folder throws in
        let slurm = try FakeSlurm(folder, [:], faults: faults)
        let watcher = Watcher()
        let outcome = try slurm.run(SlurmFaultTests.jobs, watcher)
        #expect(outcome.states.values.allSatisfy { $0 == .succeeded }, "\(outcome.reasons)")
        for job in SlurmFaultTests.jobs {
          let attempts = try slurm.bench.attempts(job)
          #expect(attempts.map(\.outcome) == [.succeeded])
          #expect(attempts.first?.host == "f1")
        }
        if let words {
          #expect(watcher.messages.contains { $0.contains(words) }, "\(watcher.messages)")
        }
      }
    }

    @Test("What Slurm will never take fails with its words, and is open for the next start")
    func refused() throws {
      try withTemporaryFolder { folder throws in
        let slurm = try FakeSlurm(folder, [:], faults: ["sbatch": ["refuse"]])
        let outcome = try slurm.run([.base(0), .run(1, 1)], Watcher())
        #expect(try slurm.calls.count { $0.hasPrefix("sbatch") } == 1)
        #expect(try slurm.bench.attempts(.base(0)).isEmpty)
        #expect(outcome.states.values.allSatisfy { $0 == .failed })
        #expect(
          outcome.reasons[id(0)]?.contains("Invalid partition name specified") == true,
          "\(outcome.reasons)")
        let next = try slurm.run([.base(0), .run(1, 1)], Watcher())
        #expect(next.states.values.allSatisfy { $0 == .succeeded }, "\(next.reasons)")
      }
    }

    @Test("Where Slurm does not answer, the next array waits for a look at the queue")
    func unsureFirst() throws {
      try withTemporaryFolder { folder throws in
        let slurm = try FakeSlurm(folder, [:], faults: ["sbatch": ["down"]])
        let outcome = try slurm.run([.base(0), .base(1, cores: 2)], Watcher())
        #expect(outcome.states.values.allSatisfy { $0 == .succeeded }, "\(outcome.reasons)")
        let calls = try slurm.calls
        let silent = try #require(calls.firstIndex(of: "sbatch down"))
        #expect(calls[(silent + 1)...].first == "squeue ok", "\(calls)")
      }
    }

    @Test(
      "What an earlier start left in the queue makes room, also where no launch takes it over",
      arguments: ["PENDING", "REQUEUE_HOLD", "COMPLETING"])
    func inherited(_ state: String) throws {
      try withTemporaryFolder { folder throws in
        let slurm = try FakeSlurm(folder, [:], faults: [:])
        _ = try slurm.run([.base(0), .run(1, 1)], Watcher())
        try slurm.bringBack(id(1), state)
        // The run is done; one that completes is still wanted, the others the new plan does not have.
        let isWanted = state == "COMPLETING"
        let watcher = Watcher()
        let outcome = try slurm.run(
          [.base(0), .run(2, 1)] + (isWanted ? [.run(1, 1)] : []), watcher, jobLimit: 1)
        #expect(outcome.states.values.allSatisfy { $0 == .succeeded }, "\(outcome.reasons)")
        let words = watcher.messages.filter { $0.contains("1 task of an earlier plan") }
        #expect(words.count == (isWanted ? 0 : 1), "\(watcher.messages)")
        #expect(try slurm.record(of: id(1)).array.isClosed)
      }
    }

    @Test("What would be submitted leaves out what came to an end, good or bad")
    func openJobs() throws {
      try withTemporaryFolder { folder throws in
        let slurm = try FakeSlurm(folder, [id(2).text: ["exit:2"]], faults: [:])
        let bad = SweepJob.run(2, 1, retries: 0)
        _ = try slurm.run([.base(0), .run(1, 1), bad], Watcher())
        func open(_ rerun: SweepSettings.Rerun) throws -> [Int] {
          try SlurmExecutor.openJobs(
            [.base(0), .run(1, 1), bad, .run(3, 1)], paths: slurm.bench.paths, rerun: rerun,
            keepsPruned: true
          ).map { number($0.id) }
        }
        #expect(try open(.none) == [3])
        #expect(try open(.failed) == [2, 3])
        #expect(try open(.all) == [1, 2, 3])
      }
    }

    @Test("A node waits for the record that the submitting machine wrote")
    func lateRecord() throws {
      try withTemporaryFolder { folder throws in
        let slurm = try FakeSlurm(folder, [:], faults: [:])
        _ = try slurm.run([.base(0)], Watcher())
        let (path, _) = try slurm.record(of: id(0))
        try FileManager.default.moveItem(atPath: path, toPath: "\(path).late")
        #expect(throws: ScheduleError.self) {
          try SlurmNode(record: path, index: 0, patience: .zero)
        }
        #expect(system("(sleep 0.3; mv '\(path).late' '\(path)') &") == 0)
        #expect(try SlurmNode(record: path, index: 0, patience: .seconds(50)).task.id == id(0))
      }
    }

    @Test("Tasks that vanish without a trace are submitted again")
    func vanished() throws {
      try withTemporaryFolder { folder throws in
        let slurm = try FakeSlurm(folder, [:], faults: ["sbatch": ["vanish"]])
        let outcome = try slurm.run([.base(0), .run(1, 1)], Watcher())
        #expect(outcome.states.values.allSatisfy { $0 == .succeeded })
        #expect(try slurm.calls.count { $0.hasPrefix("sbatch") } == 3)
      }
    }

    @Test("A failed attempt that its node recorded is tried again, and not recorded twice")
    func failedOnce() throws {
      try withTemporaryFolder { folder throws in
        let slurm = try FakeSlurm(folder, [id(1).text: ["exit:1", "ok"]], faults: [:])
        let outcome = try slurm.run([.base(0), .run(1, 1)], Watcher())
        #expect(outcome.states[id(1)] == .succeeded)
        #expect(try slurm.bench.attempts(.run(1, 1)).map(\.outcome) == [.failed, .succeeded])
      }
    }

    @Test("A sweep without Slurm says which program is missing")
    func missing() throws {
      try withTemporaryFolder { folder throws in
        let slurm = try FakeSlurm(folder, [:], faults: [:])
        try FileManager.default.removeItem(atPath: "\(slurm.home)/scontrol")
        #expect(throws: ScheduleError.slurmMissing(program: "scontrol")) {
          try slurm.run([.base(0)], Watcher(), path: "/nowhere")
        }
      }
    }
  }
}
