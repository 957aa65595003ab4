import CAllocationCount
import ExpCore
import Testing
import TrainerTensor

import Trainer

/// Heap allocations of this thread, C and C++ included, once everything has its memory.
@Suite("allocations in a step")
struct ModelAllocationTests {
  static func count(_ work: () throws -> Void) rethrows -> Int64 {
    allocation_count_begin()
    try work()
    return allocation_count_end()
  }

  @Test("the counter sees an array's memory")
  func counter() {
    var kept: [Int] = []
    let found = Self.count { kept = Array(repeating: 1, count: Int.random(in: 100...200)) }
    #expect(found >= 1 && kept.count >= 100)
  }

  @Test(
    "forward, backward and optimiser step allocate nothing after the first",
    arguments: ModelFixtures.devices)
  func update(_ device: Device) throws {
    for vocabulary in [11, 200] {
      let model = try ModelFixtures.model(tied: true, device: device, vocabulary: vocabulary)
      var batch = ModelFixtures.batch(
        vocabulary: vocabulary, lengths: [(3, 4), (1, 6), (5, 0), (6, 12), (20, 20)])
      batch.append(prompt: [1, 2, 3], responses: [[4, 5], [4, 6, 7], [4, 5]])
      let slopes = [Float](repeating: 0.1, count: batch.scoredCount)
      let pass = TrainingPass(model: model, tokenCapacity: 128)
      let optimizer = AdamW(model: model, beta1: 0.9, beta2: 0.99, weightDecay: 0.1)
      let step = {
        model.zeroGradients()
        pass.forward(batch)
        slopes.withUnsafeBufferPointer { pass.backward(dLogProbs: $0, dEntropies: $0) }
        _ = try optimizer.step(learningRate: 1e-3, maxGradNorm: 1)
      }
      try step()
      #expect(try Self.count(step) == 0)
    }
  }

  /// A rollout's answers are new arrays, what decodes them is not.
  ///
  /// So twice the tokens, no more allocations.
  @Test("decoding more tokens allocates nothing more", arguments: ModelFixtures.devices)
  func rollout(_ device: Device) throws {
    let model = try ModelFixtures.model(tied: true, device: device)
    let engine = RolloutEngine(model: model, maxSequences: 6, maxLength: 64)
    func allocations(_ tokens: Int) -> Int64 {
      Self.count {
        _ = engine.generate(
          prompts: [[1, 2, 3], [4, 5]], samplesPerPrompt: 3, maxNewTokens: tokens, eos: -1,
          temperature: 1, stream: ModelRolloutTests.stream, step: 0, shouldStop: { false })
      }
    }
    _ = allocations(40)
    #expect(allocations(40) == allocations(20))
  }
}
