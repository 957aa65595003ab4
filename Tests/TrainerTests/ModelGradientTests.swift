import ExpCore
import Testing
import TrainerTensor

import Trainer

/// Forward and backward of whole small models against `ModelReference`.
@Suite("the model against a double-precision reference")
struct ModelGradientTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var device: Device
    var tied: Bool
    var bias: Bool
    var temperature: Double

    var testDescription: String {
      "\(device.kernelSet), tied \(tied), bias \(bias), temperature \(temperature)"
    }
  }

  static let cases: [Case] = ModelFixtures.floatDevices.flatMap { device in
    [
      Case(device: device, tied: true, bias: true, temperature: 1),
      Case(device: device, tied: false, bias: false, temperature: 0.7),
    ]
  }

  static let lengths = [(3, 4), (1, 6), (5, 0), (6, 12)]

  // 2e-5 is some 100 roundings of numbers near 1 in single precision.
  @Test("log-probabilities and entropies agree", arguments: cases)
  func forward(_ test: Case) throws {
    let model = try ModelFixtures.model(tied: test.tied, bias: test.bias, device: test.device)
    let batch = ModelFixtures.batch(vocabulary: 11, lengths: Self.lengths + [(20, 20)])
    let pass = TrainingPass(model: model, tokenCapacity: 16)
    pass.forward(batch, temperature: test.temperature)
    let expected = ModelReference(model).scores(batch, temperature: test.temperature)
    #expect(pass.logProbs.count == expected.logProbs.count)
    for (index, value) in expected.logProbs.enumerated() {
      #expect(abs(Double(pass.logProbs[index]) - value) < 2e-5)
      #expect(abs(Double(pass.entropies[index]) - expected.entropies[index]) < 2e-5)
    }
  }

  /// Central differences of the reference have an error near 1e-8 here; single-precision gradients one near 1e-5.
  @Test("gradients of every tensor agree with finite differences", arguments: cases)
  func gradients(_ test: Case) throws {
    let model = try ModelFixtures.model(tied: test.tied, bias: test.bias, device: test.device)
    let batch = ModelFixtures.batch(vocabulary: 11, lengths: Self.lengths)
    let weights = Self.lossWeights(batch.scoredCount)
    let pass = TrainingPass(model: model, tokenCapacity: 200)
    pass.forward(batch, temperature: test.temperature)
    weights.logProbs.withUnsafeBufferPointer { logProbs in
      weights.entropies.withUnsafeBufferPointer { entropies in
        pass.backward(dLogProbs: logProbs, dEntropies: entropies)
      }
    }
    ModelFixtures.expectGradients(model) { reference in
      let scores = reference.scores(batch, temperature: test.temperature)
      return zip(scores.logProbs, weights.logProbs).reduce(0) { $0 + $1.0 * Double($1.1) }
        + zip(scores.entropies, weights.entropies).reduce(0) { $0 + $1.0 * Double($1.1) }
    }
  }

  private static func lossWeights(_ count: Int) -> (logProbs: [Float], entropies: [Float]) {
    var random = RandomSequence(RandomStream(seed: 5, stream: .selection), index: 0)
    return (
      (0..<count).map { _ in Float(random.uniform() - 0.5) },
      (0..<count).map { _ in Float(random.uniform() - 0.5) }
    )
  }

  @Test("gradients add up over micro-batches, and a batch may be larger than foreseen")
  func microBatches() throws {
    let device = ModelFixtures.devices[0]
    let model = try ModelFixtures.model(tied: true, device: device)
    let lengths = [(3, 4), (1, 6), (7, 15), (2, 2)]
    let whole = ModelFixtures.batch(vocabulary: 11, lengths: lengths)
    let pass = TrainingPass(model: model, tokenCapacity: 8)
    let ones = [Float](repeating: 1, count: whole.scoredCount)
    pass.forward(whole)
    let logProbs = Array(pass.logProbs)
    ones.withUnsafeBufferPointer { pass.backward(dLogProbs: $0, dEntropies: nil) }
    let together = Array(model.gradients)
    model.zeroGradients()
    #expect(model.gradients.allSatisfy { $0 == 0 })
    var separate: [Float] = []
    for index in 0..<whole.sequenceCount {
      let tokens = Array(whole.tokens[whole.offsets[index]..<whole.offsets[index + 1]])
      let prompt = whole.promptLengths[index]
      var part = TokenBatch()
      part.append(prompt: Array(tokens[..<prompt]), response: Array(tokens[prompt...]))
      pass.forward(part)
      separate += pass.logProbs
      let count = part.scoredCount
      ones.withUnsafeBufferPointer {
        pass.backward(dLogProbs: UnsafeBufferPointer(rebasing: $0[..<count]), dEntropies: nil)
      }
    }
    // A token's log-probability has the same bits alone and among others; gradients differ by rounding.
    #expect(separate == logProbs)
    for (left, right) in zip(together, model.gradients) {
      #expect(abs(left - right) < 1e-4 + 1e-4 * abs(left))
    }
  }

  @Test("a batch without scored tokens gives no gradient")
  func nothingScored() throws {
    let model = try ModelFixtures.model(tied: true, device: ModelFixtures.devices[0])
    let pass = TrainingPass(model: model, tokenCapacity: 16)
    pass.forward(ModelFixtures.batch(vocabulary: 11, lengths: [(4, 0), (1, 0)]))
    #expect(pass.logProbs.isEmpty)
    pass.backward(dLogProbs: UnsafeBufferPointer(start: nil, count: 0), dEntropies: nil)
    #expect(model.gradients.allSatisfy { $0 == 0 })
    #expect(pass.floatingPointOperations == 0)
  }

  @Test("operations are counted for the rows that are computed")
  func operations() throws {
    let model = try ModelFixtures.model(
      tied: true, device: ModelFixtures.devices[0], width: 8, heads: 2, kvHeads: 1, hidden: 16,
      layers: 2, vocabulary: 5)
    let pass = TrainingPass(model: model, tokenCapacity: 16)
    // 4 tokens, 3 rows, 6 key-query pairs; 2 scored, so 2 rows behind the last attention.
    pass.forward(ModelFixtures.batch(vocabulary: 5, lengths: [(2, 2)]))
    let first = 3.0 * 8 * 16 + 3 * (64 + 3 * 8 * 16)
    let second = 3.0 * 8 * 16 + 2 * (64 + 3 * 8 * 16)
    let forward = 2 * (first + second) + 2 * 4 * 8 * 6 + 2 * 2 * 8 * 5
    #expect(pass.floatingPointOperations == forward)
    [Float(1), 1].withUnsafeBufferPointer { pass.backward(dLogProbs: $0, dEntropies: nil) }
    #expect(pass.floatingPointOperations == 3 * forward)
  }
}
