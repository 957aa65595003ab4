import ExpCore
import TrainerTensor

import Trainer

/// Small models and batches that several suites use.
enum ModelFixtures {
  static let devices: [Device] = Device.supported

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
}
