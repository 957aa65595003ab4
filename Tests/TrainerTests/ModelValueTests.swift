import ExpCore
import Testing
import TrainerTensor

import Trainer

/// Critics: values and their gradients against `ModelReference`.
@Suite("the value head")
struct ModelValueTests {
  static let lengths = [(3, 4), (1, 6), (5, 0), (6, 12)]

  static func critic(_ device: Device, tied: Bool = true) throws -> PolicyModel {
    let model = try PolicyModel(
      shape: ModelShape(
        width: 24, layers: 2, heads: 4, kvHeads: 2, hidden: 40, tiedEmbeddings: tied,
        qkvBias: true), vocabulary: 11, contextLength: 64, output: .value, device: device)
    ModelFixtures.fill(model, seed: 7)
    return model
  }

  @Test(
    "values are those of the states before the scored tokens", arguments: ModelFixtures.floatDevices
  )
  func forward(_ device: Device) throws {
    let model = try Self.critic(device)
    let batch = ModelFixtures.batch(vocabulary: 11, lengths: Self.lengths)
    let pass = TrainingPass(model: model, tokenCapacity: 16)
    pass.forward(batch)
    let expected = ModelReference(model).values(batch)
    #expect(pass.values.count == expected.count && expected.count == 22)
    for (found, value) in zip(pass.values, expected) { #expect(abs(Double(found) - value) < 2e-5) }
  }

  /// Tolerances as for log-probabilities.
  @Test("gradients agree with finite differences", arguments: ModelFixtures.floatDevices)
  func gradients(_ device: Device) throws {
    let model = try Self.critic(device)
    let batch = ModelFixtures.batch(vocabulary: 11, lengths: Self.lengths)
    var random = RandomSequence(RandomStream(seed: 5, stream: .selection), index: 0)
    let slopes = (0..<batch.scoredCount).map { _ in Float(random.uniform() - 0.5) }
    let pass = TrainingPass(model: model, tokenCapacity: 200)
    pass.forward(batch)
    slopes.withUnsafeBufferPointer { pass.backward(dValues: $0) }
    ModelFixtures.expectGradients(model) { reference in
      zip(reference.values(batch), slopes).reduce(0) { $0 + $1.0 * Double($1.1) }
    }
  }

  @Test("a new critic says 0 and learns its bias; its trunk can be a policy's")
  func initial() throws {
    let device = ModelFixtures.devices[0]
    let critic = try Self.critic(device)
    critic.initialise(seed: 3)
    #expect(critic.tensors.suffix(2).map(\.name) == ["value_head.weight", "value_head.bias"])
    let policy = try ModelFixtures.model(tied: true, device: device)
    critic.copyTrunk(from: policy)
    #expect(Array(critic.parameters[..<policy.parameterCount]) == Array(policy.parameters))
    let batch = ModelFixtures.batch(vocabulary: 11, lengths: [(2, 3)])
    let pass = TrainingPass(model: critic, tokenCapacity: 16)
    pass.forward(batch)
    #expect(Array(pass.values) == [0, 0, 0])
    [Float(1), 2, 4].withUnsafeBufferPointer { pass.backward(dValues: $0) }
    #expect(critic.gradients.last == 7)
    // With a head of 0 nothing reaches the trunk.
    #expect(critic.gradients[..<policy.parameterCount].allSatisfy { $0 == 0 })
  }
}
