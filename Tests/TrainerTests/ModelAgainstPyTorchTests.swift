import ExpCore
import Foundation
import TestSupport
import Testing
import TrainerTensor

import Trainer

/// Whole small models against PyTorch in double precision, `Fixtures/pytorch`.
@Suite("the model against PyTorch")
struct ModelAgainstPyTorchTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var model: PyTorchModel
    var device: Device

    var testDescription: String { "\(model.name), \(device.kernelSet)" }
  }

  static let models = PyTorchModel.load()
  static let cases = models.flatMap { model in
    ModelFixtures.devices.map { Case(model: model, device: $0) }
  }

  @Test("the fixtures cover every option of a model")
  func coverage() {
    let models = Self.models
    #expect(models.contains { $0.kvHeads == $0.heads } && models.contains { $0.kvHeads == 1 })
    #expect(models.contains { $0.kvHeads > 1 && $0.kvHeads < $0.heads })
    #expect(Set(models.map(\.tied)).count == 2 && Set(models.map(\.bias)).count == 2)
    #expect(models.contains { $0.temperature != 1 } && models.contains { $0.hidden % 2 == 1 })
  }

  // A value here comes from some hundred roundings of numbers near 1, each of 6e-8; the largest error seen is 4e-6.
  @Test("single precision: log-probabilities, entropies, loss and every gradient", arguments: cases)
  func singlePrecision(_ test: Case) throws {
    let expected = test.model
    let model = try expected.policy(on: test.device)
    let pass = TrainingPass(model: model, tokenCapacity: 16)
    pass.forward(expected.batch, temperature: expected.temperature)
    let logProbs = pass.logProbs.map(Double.init)
    let entropies = pass.entropies.map(Double.init)
    #expect(largestError(logProbs, expected.logProbs) < 2e-5)
    #expect(largestError(entropies, expected.entropies) < 2e-5)
    let loss = expected.loss(logProbs: logProbs, entropies: entropies)
    #expect(abs(loss - expected.loss) < 2e-5 * (1 + abs(expected.loss)))
    expected.logProbWeights.map(Float.init).withUnsafeBufferPointer { logProbs in
      expected.entropyWeights.map(Float.init).withUnsafeBufferPointer { entropies in
        pass.backward(dLogProbs: logProbs, dEntropies: entropies)
      }
    }
    // Gradients reach some hundreds and sum over all tokens: their error is measured against the tensor's largest.
    for (tensor, listed) in zip(model.tensors, expected.tensors) {
      let found = model.gradients[tensor.range].map(Double.init)
      let scale = listed.gradient.reduce(0) { max($0, abs($1)) }
      #expect(
        largestError(found, listed.gradient) < 2e-5 * (0.1 + scale), "\(tensor.name), \(scale)")
    }
  }

  // The fixtures have 12 significant digits.
  @Test("double precision: the tests' own reference", arguments: models)
  func doublePrecision(_ expected: PyTorchModel) throws {
    let reference = ModelReference(try expected.policy(on: ModelFixtures.devices[0]))
    let scores = reference.scores(expected.batch, temperature: expected.temperature)
    #expect(largestError(scores.logProbs, expected.logProbs) < 1e-10)
    #expect(largestError(scores.entropies, expected.entropies) < 1e-10)
    let loss = expected.loss(logProbs: scores.logProbs, entropies: scores.entropies)
    #expect(abs(loss - expected.loss) < 1e-10 * (1 + abs(expected.loss)))
  }

  /// The slope of the reference's loss along a direction that moves every element of a tensor.
  ///
  /// Central differences at h, 2 h and 3 h, weighed so that errors below the sixth order cancel, are good to 1e-10 here.
  @Test("double precision: gradients of the tests' own reference", arguments: models)
  func doublePrecisionGradients(_ expected: PyTorchModel) throws {
    var reference = ModelReference(try expected.policy(on: ModelFixtures.devices[0]))
    var random = RandomSequence(RandomStream(seed: 11, stream: .selection), index: 0)
    for tensor in expected.tensors {
      let start = try #require(reference.tensors[tensor.name])
      // Each element has a factor of its own, so that no error of one hides behind another's.
      let direction = start.map { _ in tensor.scale * (random.uniform() - 0.5) }
      func loss(at distance: Double) -> Double {
        reference.tensors[tensor.name] = zip(start, direction).map { $0 + distance * $1 }
        let scores = reference.scores(expected.batch, temperature: expected.temperature)
        return expected.loss(logProbs: scores.logProbs, entropies: scores.entropies)
      }
      let step = 2.5e-4
      let differences = (1...3).map { count in
        loss(at: Double(count) * step) - loss(at: -Double(count) * step)
      }
      let slope = (45 * differences[0] - 9 * differences[1] + differences[2]) / (60 * step)
      reference.tensors[tensor.name] = start
      let listed = zip(direction, tensor.gradient).reduce(0) { $0 + $1.0 * $1.1 }
      #expect(abs(slope - listed) < 1e-9 * (1 + abs(listed)), "\(tensor.name)")
    }
  }

  private func largestError(_ found: [Double], _ expected: [Double]) -> Double {
    guard found.count == expected.count else { return .infinity }
    return zip(found, expected).reduce(0) { max($0, abs($1.0 - $1.1)) }
  }
}

/// One case of `Fixtures/pytorch/models.json`.
struct PyTorchModel: Sendable, Decodable, CustomTestStringConvertible {
  struct Sequence: Sendable, Decodable {
    var prompt: [Int32]
    var response: [Int32]
    var logProbWeights: [Double]
    var entropyWeights: [Double]
  }

  struct Tensor: Sendable, Decodable {
    var name: String
    var shape: [Int]
    var offset: Double
    var scale: Double
    var gradient: [Double]
  }

  var name: String
  var width: Int
  var layers: Int
  var heads: Int
  var kvHeads: Int
  var hidden: Int
  var tied: Bool
  var bias: Bool
  var vocabulary: Int
  var temperature: Double
  var seed: UInt32
  var sequences: [Sequence]
  var logProbs: [Double]
  var entropies: [Double]
  var loss: Double
  var tensors: [Tensor]

  var testDescription: String { name }
  var logProbWeights: [Double] { sequences.flatMap(\.logProbWeights) }
  var entropyWeights: [Double] { sequences.flatMap(\.entropyWeights) }

  /// All cases; none where the file cannot be read, which `coverage` sees.
  static func load() -> [PyTorchModel] {
    struct File: Decodable { var cases: [PyTorchModel] }
    let path = "\(Repository.root)/Tests/TrainerTests/Fixtures/pytorch/models.json"
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    guard
      // A missing or damaged file gives no cases, and then a test fails.
      let data = try? Data(contentsOf: URL(filePath: path)),
      let file = try? decoder.decode(File.self, from: data)  // as above
    else { return [] }
    return file.cases
  }

  var batch: TokenBatch {
    var batch = TokenBatch()
    for sequence in sequences {
      batch.append(prompt: sequence.prompt, response: sequence.response)
    }
    return batch
  }

  func loss(logProbs: [Double], entropies: [Double]) -> Double {
    zip(logProbs, logProbWeights).reduce(0) { $0 + $1.0 * $1.1 }
      + zip(entropies, entropyWeights).reduce(0) { $0 + $1.0 * $1.1 }
  }

  /// The model, its parameters drawn by the file's rule.
  func policy(on device: Device) throws -> PolicyModel {
    let model = try PolicyModel(
      shape: ModelShape(
        width: width, layers: layers, heads: heads, kvHeads: kvHeads, hidden: hidden,
        tiedEmbeddings: tied, qkvBias: bias),
      vocabulary: vocabulary, contextLength: 32, device: device)
    try #require(model.tensors.map(\.name) == tensors.map(\.name))
    try #require(model.tensors.map(\.shape) == tensors.map(\.shape))
    var state = seed
    for (tensor, listed) in zip(model.tensors, tensors) {
      for index in tensor.range {
        state = state &* 1_664_525 &+ 1_013_904_223
        let draw = Double(state >> 16) / 32768 - 1
        model.parameters[index] = Float(listed.offset + listed.scale * draw)
      }
    }
    return model
  }
}
