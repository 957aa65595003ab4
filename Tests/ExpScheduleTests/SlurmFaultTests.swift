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
    _ jobs: [SweepJob], _ watcher: Watcher, path: String = "/usr/bin:/bin"
  ) throws -> SweepOutcome {
    var options = SlurmOptions()
    options.fileDelay = .seconds(1)
    let compute = RunRequest.Compute(blasCoreType: "", kernelSet: "generic", threads: 1)
    let cluster = try SlurmExecutor(
      .init(
        name: "sweep", paths: bench.paths, trainer: [SweepBench.trainer], compute: compute,
        sourceFingerprint: ContentHash(of: "sources"), keepsPruned: true, program: "/nowhere/exp"),
      options: options, environment: ["PATH": "\(home):\(path)", "FAKE_SLURM": home])
    let runner = try SweepRunner(
      jobs: jobs, paths: bench.paths, trainerCommand: [SweepBench.trainer], compute: compute,
      sourceFingerprint: ContentHash(of: "sources"), environment: [:], settings: SweepBench.quick,
      observer: watcher, cluster: cluster)
    return try runner.run()
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

    @Test("What Slurm will never take fails with its words")
    func refused() throws {
      try withTemporaryFolder { folder throws in
        let slurm = try FakeSlurm(
          folder, [:], faults: ["sbatch": Array(repeating: "refuse", count: 9)])
        let outcome = try slurm.run([.base(0), .run(1, 1)], Watcher())
        #expect(outcome.states.values.allSatisfy { $0 == .failed })
        #expect(
          outcome.reasons[id(0)]?.contains("Invalid partition name specified") == true,
          "\(outcome.reasons)")
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
