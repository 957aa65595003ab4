import ExpCore
import Glibc
import Testing
import TrainerTensor

import Trainer

@Suite("AdamW")
struct ModelOptimizerTests {
  /// Three steps against a plain loop in double; 1e-6 is a few roundings of parameters near 1.
  @Test(
    "three steps with clipping and decay agree with a plain loop",
    arguments: ModelFixtures.floatDevices)
  func steps(_ device: Device) throws {
    let model = try ModelFixtures.model(tied: true, device: device)
    let optimizer = AdamW(model: model, beta1: 0.9, beta2: 0.99, weightDecay: 0.1)
    var p = model.parameters.map(Double.init)
    var m = [Double](repeating: 0, count: p.count)
    var v = m
    var random = RandomSequence(RandomStream(seed: 1, stream: .selection), index: 0)
    for step in 1...3 {
      for index in p.indices { model.gradients[index] = Float(random.uniform() - 0.5) }
      let g = model.gradients.map(Double.init)
      let norm = g.reduce(0) { $0 + $1 * $1 }.squareRoot()
      let found = try optimizer.step(learningRate: 0.01, maxGradNorm: 1)
      #expect(abs(found - norm) < 1e-10 * norm)
      for tensor in model.tensors {
        for index in tensor.range {
          let clipped = g[index] * min(1, 1 / (norm + 1e-6))
          m[index] = 0.9 * m[index] + 0.1 * clipped
          v[index] = 0.99 * v[index] + 0.01 * clipped * clipped
          if tensor.decays { p[index] *= 1 - 0.01 * 0.1 }
          let unbiased = m[index] / (1 - pow(0.9, Double(step)))
          let spread = (v[index] / (1 - pow(0.99, Double(step)))).squareRoot()
          p[index] -= 0.01 * unbiased / (spread + 1e-8)
        }
      }
    }
    #expect(optimizer.stepCount == 3)
    for index in p.indices {
      #expect(abs(Double(model.parameters[index]) - p[index]) < 1e-6)
      #expect(abs(Double(optimizer.firstMoments[index]) - m[index]) < 1e-8)
      #expect(abs(Double(optimizer.secondMoments[index]) - v[index]) < 1e-10)
    }
  }

  @Test("a small norm is not clipped, and one that is not finite is an error that names the tensor")
  func norms() throws {
    let model = try ModelFixtures.model(tied: true, device: Device.supported[0])
    let optimizer = AdamW(model: model, beta1: 0, beta2: 0, weightDecay: 0)
    model.gradients[5] = 0.25
    #expect(try optimizer.step(learningRate: 0, maxGradNorm: 1) == 0.25)
    #expect(optimizer.firstMoments[5] == 0.25)
    let before = Array(model.parameters)
    model.gradients[7] = .infinity
    let embedding = #expect(throws: NonFiniteGradient.self) {
      try optimizer.step(learningRate: 1, maxGradNorm: 1)
    }
    #expect(embedding?.tensor == "embedding.weight" && embedding?.norm == .infinity)
    model.gradients[7] = 0
    let last = try #require(model.tensors.last)
    model.gradients[last.range.lowerBound] = .nan
    let final = #expect(throws: NonFiniteGradient.self) {
      try optimizer.step(learningRate: 1, maxGradNorm: 1)
    }
    #expect(final?.tensor == last.name && final?.norm.isNaN == true)
    #expect(Array(model.parameters) == before && optimizer.stepCount == 1)
  }
}
