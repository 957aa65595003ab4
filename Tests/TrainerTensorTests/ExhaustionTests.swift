import Glibc
import Testing
import TrainerTensor

@Suite("memory that is missing")
struct ExhaustionTests {
  @Test("the process ends as it was told to, not by a trap")
  func ending() async {
    await #expect(processExitsWith: .exitCode(7)) {
      TensorRuntime.onFailure { error in
        guard case .outOfMemory(let bytes) = error, bytes == 1 << 52 else { exit(8) }
        exit(7)
      }
      _ = FloatBuffer.required(count: 1 << 50, on: TensorRuntime.processor)
    }
  }
}
