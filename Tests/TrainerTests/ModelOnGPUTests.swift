import ExpCore
import Testing
import TrainerTensor

import Trainer

/// What a GPU computes, beside the processor; without a GPU its kernels run on the processor too.
@Suite("the model on a GPU")
struct ModelOnGPUTests {
  static let lengths = [(3, 4), (1, 6), (5, 0), (6, 12), (20, 20)]

  private struct Passed {
    let logProbs: [Float]
    let entropies: [Float]
    let gradients: [Float]

    init(_ device: Device, like model: PolicyModel) throws {
      let own = try ModelFixtures.model(tied: false, device: device)
      _ = own.parameters.update(fromContentsOf: model.parameters)
      let batch = ModelFixtures.batch(vocabulary: 11, lengths: ModelOnGPUTests.lengths)
      let pass = TrainingPass(model: own, tokenCapacity: 200)
      own.zeroGradients()
      pass.forward(batch, temperature: 0.9)
      (logProbs, entropies) = (Array(pass.logProbs), Array(pass.entropies))
      let slopes = (0..<batch.scoredCount).map { Float($0 % 5) - 2 }
      slopes.withUnsafeBufferPointer { pass.backward(dLogProbs: $0, dEntropies: $0) }
      gradients = Array(own.gradients)
    }
  }

  /// In fp32 sums differ in their order.
  ///
  /// In bf16 each activation keeps 8 bits, so that logits of up to 6 are off by some
  /// hundredths, and gradients point the same way to some thousandths.
  @Test("scores and gradients are the processor's", arguments: ModelFixtures.gpus)
  func same(_ device: Device) throws {
    let model = try ModelFixtures.model(tied: false, device: ModelFixtures.devices[0])
    let expected = try Passed(ModelFixtures.devices[0], like: model)
    let found = try Passed(device, like: model)
    let tolerance: Float = device.activationBytes == 4 ? 2e-5 : 0.1
    for (a, b) in zip(
      found.logProbs + found.entropies, expected.logProbs + expected.entropies)
    {
      #expect(abs(a - b) < tolerance)
    }
    func product(_ a: [Float], _ b: [Float]) -> Double {
      zip(a, b).reduce(0) { $0 + Double($1.0) * Double($1.1) }
    }
    let lengths =
      product(found.gradients, found.gradients)
      * product(expected.gradients, expected.gradients)
    let cosine = product(found.gradients, expected.gradients) / lengths.squareRoot()
    #expect(cosine > (device.activationBytes == 4 ? 1 - 1e-9 : 0.998))
  }

  @Test("the same work twice gives the same bits", arguments: ModelFixtures.gpus)
  func twice(_ device: Device) throws {
    func run() throws -> ([SampledResponse], [Float]) {
      let model = try ModelFixtures.model(tied: true, device: device)
      let prompts = ModelRolloutTests.prompts(6, vocabulary: 11)
      let optimizer = AdamW(model: model, beta1: 0.9, beta2: 0.99, weightDecay: 0.1)
      var answers: [SampledResponse] = []
      for _ in 0..<2 {
        answers += ModelRolloutTests.rollout(model, prompts, samples: 3)
        var batch = TokenBatch()
        for answer in answers {
          batch.append(prompt: prompts[answer.prompt], response: answer.tokens)
        }
        let pass = TrainingPass(model: model, tokenCapacity: 200)
        model.zeroGradients()
        pass.forward(batch)
        let slopes = (0..<batch.scoredCount).map { Float($0 % 3) - 1 }
        slopes.withUnsafeBufferPointer { pass.backward(dLogProbs: $0, dEntropies: nil) }
        _ = try optimizer.step(learningRate: 0.01, maxGradNorm: 1)
      }
      return (answers, Array(model.parameters))
    }
    let (first, second) = (try run(), try run())
    #expect(first.0 == second.0 && first.1 == second.1)
  }

  /// A rollout's products have other shapes than a pass's; they differ by rounding.
  @Test("a training pass gives the rollout's scores up to rounding", arguments: ModelFixtures.gpus)
  func rollout(_ device: Device) throws {
    let model = try ModelFixtures.model(tied: true, device: device)
    let prompts = ModelRolloutTests.prompts(6, vocabulary: 11)
    for temperature in [1, 0] {
      let answers = ModelRolloutTests.rollout(
        model, prompts, samples: 2, temperature: Double(temperature))
      var batch = TokenBatch()
      for answer in answers {
        #expect(answer.endedByEOS || answer.tokens.count == 12)
        #expect(answer.tokens.dropLast().allSatisfy { $0 != 1 })
        batch.append(prompt: prompts[answer.prompt], response: answer.tokens)
      }
      let pass = TrainingPass(model: model, tokenCapacity: 200)
      pass.forward(batch)
      let tolerance: Float = device.activationBytes == 4 ? 2e-5 : 0.1
      for (found, expected) in zip(pass.logProbs, answers.flatMap(\.logProbs)) {
        #expect(abs(found - expected) < tolerance)
      }
    }
  }

  /// More tokens than a round has steps, few places, ends all along: rows move, wait, and begin beside running ones.
  @Test(
    "rounds change no token and no bit", arguments: ModelFixtures.gpus.filter(\.isBatchInvariant))
  func rounds(_ device: Device) throws {
    let model = try ModelFixtures.model(tied: true, bias: false, device: device)
    let prompts = ModelRolloutTests.prompts(5, vocabulary: 11)
    let expected = ModelRolloutTests.rollout(
      model, prompts, samples: 3, maxSequences: 64, maxNewTokens: 40)
    let found = ModelRolloutTests.rollout(
      model, prompts, samples: 3, maxSequences: 5, maxNewTokens: 40)
    #expect(found == expected)
    let lengths = Set(expected.map(\.tokens.count))
    #expect(lengths.count > 3 && (lengths.max() ?? 0) > device.roundSteps)
    var batch = TokenBatch()
    for answer in expected {
      batch.append(prompt: prompts[answer.prompt], response: answer.tokens)
    }
    let pass = TrainingPass(model: model, tokenCapacity: 200)
    pass.forward(batch)
    #expect(Array(pass.logProbs) == expected.flatMap(\.logProbs))
  }

  @Test("what was saved on the device comes back, and checkpoints are the processor's")
  func saved() throws {
    let device = try #require(ModelFixtures.gpus.first)
    let model = try ModelFixtures.model(tied: true, device: device)
    let optimizer = AdamW(model: model, beta1: 0.9, beta2: 0.99, weightDecay: 0)
    let state = TrainableState(model: model, optimizer: optimizer)
    func step() throws {
      for index in 0..<model.parameterCount { model.gradients[index] = Float(index % 7) - 3 }
      _ = try optimizer.step(learningRate: 0.1, maxGradNorm: 1)
    }
    try step()
    state.save()
    let before = (Array(model.parameters), Array(optimizer.secondMoments))
    try step()
    #expect(Array(model.parameters) != before.0)
    state.restore()
    #expect(Array(model.parameters) == before.0 && Array(optimizer.secondMoments) == before.1)
    #expect(optimizer.stepCount == 1)
  }

  @Test("a head wider than attention takes is an error")
  func wideHead() throws {
    let device = try #require(ModelFixtures.gpus.first)
    #expect(throws: ModelError.self) {
      try PolicyModel(
        shape: ModelShape(width: 160, layers: 1, heads: 1, kvHeads: 1, hidden: 16), vocabulary: 5,
        contextLength: 8, device: device)
    }
  }

  @Test("a moving reference follows on the device", arguments: ModelFixtures.gpus)
  func follow(_ device: Device) throws {
    let model = try ModelFixtures.model(tied: true, device: device)
    let other = try ModelFixtures.model(tied: true, device: device)
    other.initialise(seed: 9)
    let (from, to) = (Array(model.parameters), Array(other.parameters))
    model.follow(other, rate: 0.25)
    for (index, value) in model.parameters.enumerated() {
      #expect(abs(value - (from[index] + 0.25 * (to[index] - from[index]))) < 1e-6)
    }
    model.copyParameters(from: other)
    #expect(Array(model.parameters) == to)
  }
}
