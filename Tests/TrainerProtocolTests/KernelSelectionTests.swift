import Testing
import TrainerProtocol

@Suite("Kernel selection")
struct KernelSelectionTests {
  @Test("AVX-512 needs its whole family; the table decides, nothing is timed")
  func table() {
    let full = "flags\t\t: fpu fma avx2 avx512f avx512dq avx512bw avx512vl avx512cd\n"
    let lacking = "flags\t\t: fpu fma avx2 avx512f avx512dq avx512bw avx512vl\n"
    func set(_ text: String) -> RunRequest.Compute {
      .init(processorFlags: RunRequest.Compute.processorFlags(cpuinfo: text), threads: 1)
    }
    #expect(set("model: x\n" + full).blasCoreType == "SkylakeX")
    #expect(set(lacking).kernelSet == "avx2")
    #expect(set("").kernelSet == "generic")
  }
}
