import ExpCore
import TestSupport
import Testing
import Trainer

@Suite("GPU benchmark")
struct GPUBenchmarkTests {
  @Test("It measures both kernel sets, and calls an emulation's figures worthless")
  func emulation() throws {
    GPUForTests.settle()
    let options = try GPUBenchmark.Options(["--sizes", "14k", "--kernels", "cuda-bf16"])
    var lines: [String] = []
    let report = try GPUBenchmark.run(options) { lines.append($0) }
    let results = try #require(report[path: "results"]?.array)
    #expect(
      results.map { $0[path: "kernels"]?.string } == ["cuda-bf16", "cuda-bf16-invariant"])
    for result in results {
      #expect(result[path: "update.tokens"]?.number ?? 0 > 0)
      #expect(result[path: "update.utilisation"]?.number ?? 0 > 0)
      #expect(result[path: "update.flops"] == results[0][path: "update.flops"])
      #expect(result[path: "decode.step_bytes"]?.number ?? 0 > 0)
    }
    // An invariant rollout has the bits of the training pass.
    #expect(results[1][path: "mismatch.largest"]?.number == 0)
    #expect(results[1][path: "mismatch.tokens"]?.number ?? 0 > 0)
    let isEmulated = report[path: "emulated"]?.bool ?? false
    #expect(isEmulated == lines.contains(GPUBenchmark.emulationWarning))
  }

  @Test(
    "Options that make no sense are refused",
    arguments: [["--sizes", "7k"], ["--kernels", "avx2"], ["--json"], ["--speed", "high"]])
  func refused(options: [String]) {
    #expect(throws: TrainerError.self) { try GPUBenchmark.Options(options) }
  }
}
