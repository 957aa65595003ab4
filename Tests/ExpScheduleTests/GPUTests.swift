import ExpCore
import ExpSchedule
import TestSupport
import Testing
import TrainerProtocol

@Suite("GPUs of a fake inventory")
struct GPUTests {
  /// As `nvidia-smi -L` prints it, the second one cut into two parts.
  private static let listing = """
    GPU 0: NVIDIA H100 80GB HBM3 (UUID: GPU-11111111-aaaa-bbbb-cccc-000000000000)
    GPU 1: NVIDIA A100-SXM4-80GB (UUID: GPU-22222222-aaaa-bbbb-cccc-000000000000)
      MIG 3g.40gb     Device  0: (UUID: MIG-33333333-aaaa-bbbb-cccc-000000000000)
      MIG 3g.40gb     Device  1: (UUID: MIG-44444444-aaaa-bbbb-cccc-000000000000)
    GPU 2: odd (name): here (UUID: GPU-55555555-aaaa-bbbb-cccc-000000000000)
    """

  @Test("are read by UUID, a cut one by its parts; anything else is passed over")
  func listing() {
    let gpus = GPU.list(nvidiaSMI: GPUTests.listing)
    #expect(gpus.map { $0.uuid.prefix(6) } == ["GPU-11", "MIG-33", "MIG-44", "GPU-55"])
    #expect(gpus[0].name == "NVIDIA H100 80GB HBM3")
    #expect(gpus[1].name.hasPrefix("MIG 3g.40gb"))
    #expect(gpus[3].name == "odd (name): here")
    #expect(GPU.list(nvidiaSMI: "No devices were found\nGPU 0: x (UUID: a,b)\n(UUID: ").isEmpty)
  }

  @Test(
    "CUDA_VISIBLE_DEVICES hides what it does not name, and what follows a wrong name",
    arguments: [
      (nil, ["GPU-1", "MIG-3", "MIG-4", "GPU-5"]), ("", []), ("-1", []),
      ("3,0", ["GPU-5", "GPU-1"]),
      ("MIG-4444", ["MIG-4"]), ("0, 2", ["GPU-1", "MIG-4"]), ("0,9,1", ["GPU-1"]),
      ("1,1", ["MIG-3"]),
      ("NoDevFiles", []),
    ] as [(String?, [String])])
  func visible(variable: String?, uuids: [String]) {
    let gpus = GPU.visible(of: GPU.list(nvidiaSMI: GPUTests.listing), variable: variable)
    #expect(gpus.map { String($0.uuid.prefix(5)) } == uuids)
  }
}

extension RealProcesses {
  @Suite("Runs on GPUs")
  struct GPURunTests {
    private func settings(_ gpus: Int) -> SweepSettings {
      var settings = SweepBench.quick
      settings.inventory.gpus = (0..<gpus).map { GPU(uuid: "GPU-\($0)", name: "fake") }
      return settings
    }

    private func job(_ number: Int, gpus: Double) -> SweepJob {
      var job = SweepJob.base(number)
      job.gpus = gpus
      return job
    }

    @Test("see the GPU that is theirs and no other, and have it alone unless they ask for a part")
    func visible() throws {
      try withTemporaryFolder { folder throws in
        let bench = try SweepBench(folder, ["*": ["ok:0.3"]])
        let watcher = Watcher()
        let jobs = [
          job(0, gpus: 1), job(1, gpus: 1), job(2, gpus: 0.5), job(3, gpus: 0.5), job(4, gpus: 0),
        ]
        var settings = settings(1)
        settings.scheduling.cores = 8
        let outcome = try bench.run(jobs, settings, watcher: watcher)
        #expect(outcome.states.values.allSatisfy { $0 == .succeeded })
        let seen = try jobs.map {
          try bench.facts($0)[path: "environment.CUDA_VISIBLE_DEVICES"]?.string
        }
        #expect(seen == ["GPU-0", "GPU-0", "GPU-0", "GPU-0", ""])
        var spans: [(ClosedRange<Double>, Double)] = []
        for job in jobs {
          let facts = try bench.facts(job)
          let began = try #require(facts[path: "began"]?.number)
          spans.append((began...(try #require(facts[path: "ended"]?.number)), job.gpus))
        }
        for (index, (span, gpus)) in spans.enumerated() {
          let others = spans.enumerated().filter {
            $0.offset != index && $0.element.0.overlaps(span)
          }
          #expect(gpus + others.reduce(0) { $0 + $1.element.1 } <= 1 || gpus == 0)
        }
      }
    }

    @Test("on a machine without GPUs nothing is hidden")
    func none() throws {
      try withTemporaryFolder { folder throws in
        let bench = try SweepBench(folder, [:])
        _ = try bench.run([.base(0)])
        #expect(try bench.facts(.base(0))[path: "environment.CUDA_VISIBLE_DEVICES"] == nil)
      }
    }
  }
}
