import ExpCore
import TestSupport
import Testing
import TrainerTensor

import Trainer

/// Small models and batches that several suites use.
enum ModelFixtures {
  static let devices: [Device] = Device.supported
  /// The kernel sets of a GPU, or of its emulation.
  static let gpus: [Device] = {
    GPUForTests.settle()
    do {
      return try CUDALibrary.kernelSets.map { try Device(kernelSet: $0) }
    } catch {
      Issue.record("no tests on a GPU: \(error)")
      return []
    }
  }()
  /// Those whose activations are floats, for comparison with other programs.
  static let floatDevices = devices + gpus.filter { $0.activationBytes == 4 }
  /// Those whose rollouts and training passes give the same bits.
  static let invariantDevices = devices + gpus.filter(\.isBatchInvariant)

  /// Grouped heads, biases, and widths that fill no whole vector; nothing is left at 0 or 1.
  static func model(
    tied: Bool, bias: Bool = true, device: Device, width: Int = 24, heads: Int = 4,
    kvHeads: Int = 2, hidden: Int = 40, layers: Int = 2, vocabulary: Int = 11
  ) throws -> PolicyModel {
    let model = try PolicyModel(
      shape: ModelShape(
        width: width, layers: layers, heads: heads, kvHeads: kvHeads, hidden: hidden,
        tiedEmbeddings: tied, qkvBias: bias), vocabulary: vocabulary, contextLength: 64,
      device: device)
    fill(model, seed: 7)
    return model
  }

  /// Weights large enough that attention and softmax are far from uniform.
  static func fill(_ model: PolicyModel, seed: UInt64) {
    var random = RandomSequence(RandomStream(seed: seed, stream: .demonstrations), index: 0)
    for tensor in model.tensors {
      let inputs = tensor.shape.count > 1 ? Double(model.shape.width) : 1
      let norm = tensor.name.contains("norm")
      for index in tensor.range {
        let value = (random.uniform() - 0.5) * 2
        model.parameters[index] = Float(norm ? 1 + 0.3 * value : 1.5 * value / inputs.squareRoot())
      }
    }
  }

  static func tokens(_ count: Int, vocabulary: Int, _ random: inout RandomSequence) -> [Int32] {
    (0..<count).map { _ in Int32(random.below(vocabulary)) }
  }

  /// Ragged sequences: short ones, one longer than two vectors of keys, one with nothing scored.
  static func batch(
    vocabulary: Int, lengths: [(prompt: Int, response: Int)], seed: UInt64 = 3
  ) -> TokenBatch {
    var random = RandomSequence(RandomStream(seed: seed, stream: .prompts), index: 0)
    var batch = TokenBatch()
    for length in lengths {
      batch.append(
        prompt: tokens(length.prompt, vocabulary: vocabulary, &random),
        response: tokens(length.response, vocabulary: vocabulary, &random))
    }
    return batch
  }

  /// Expects gradients of three elements of every tensor as central differences of a loss in double give them.
  ///
  /// The differences' error is near 1e-8 here, that of single-precision gradients near 1e-5.
  static func expectGradients(_ model: PolicyModel, of loss: (ModelReference) -> Double) {
    var reference = ModelReference(model)
    let step = 1e-5
    for tensor in model.tensors {
      let count = tensor.range.count
      for element in Set([min(1, count - 1), count / 2, max(count - 2, 0)]).sorted() {
        let value = reference.tensors[tensor.name]?[element] ?? .nan
        reference.tensors[tensor.name]?[element] = value + step
        let above = loss(reference)
        reference.tensors[tensor.name]?[element] = value - step
        let below = loss(reference)
        reference.tensors[tensor.name]?[element] = value
        let expected = (above - below) / (2 * step)
        let found = Double(model.gradients[tensor.range.lowerBound + element])
        #expect(
          abs(found - expected) < 2e-5 + 1e-4 * abs(expected),
          "\(tensor.name)[\(element)]: \(found), expected \(expected)")
      }
    }
  }
}
