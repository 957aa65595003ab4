import ExpCore
import Testing
import TrainerTensor

import Trainer

@Suite("model layout and initial parameters")
struct ModelLayoutTests {
  @Test("tensors fill the flat buffer without gaps, and count as the shape says")
  func counts() throws {
    for tied in [true, false] {
      let shape = ModelShape(
        width: 32, layers: 3, heads: 4, kvHeads: 2, hidden: 48, tiedEmbeddings: tied, qkvBias: true)
      let model = try PolicyModel(shape: shape, vocabulary: 13, contextLength: 9)
      var next = 0
      for tensor in model.tensors {
        #expect(tensor.range.lowerBound == next)
        #expect(tensor.range.count == tensor.shape.reduce(1, *))
        #expect(tensor.decays == (tensor.shape.count == 2))
        next = tensor.range.upperBound
      }
      #expect(next == model.parameterCount)
      let outside = 13 * 32 * (tied ? 1 : 2) + 32
      #expect(model.parameterCount == shape.nonEmbeddingParameterCount + outside)
      #expect(Set(model.tensors.map(\.name)).count == model.tensors.count)
    }
  }

  @Test("initial parameters are normal with the stated deviations, the same for one seed")
  func initial() throws {
    let shape = ModelShape(width: 64, layers: 2, heads: 4, qkvBias: true)
    let model = try PolicyModel(shape: shape, vocabulary: 25, contextLength: 8)
    model.initialise(seed: 5)
    for tensor in model.tensors {
      let values = model.parameters[tensor.range].map(Double.init)
      let mean = values.reduce(0, +) / Double(values.count)
      let deviation = (values.reduce(0) { $0 + $1 * $1 } / Double(values.count)).squareRoot()
      if tensor.decays {
        let residual = tensor.name.contains("output") || tensor.name.contains("down")
        // 1,600 numbers or more: five standard errors are below a tenth of the deviation.
        let isTable = tensor.name == "embedding.weight" || tensor.name == "head.weight"
        let inputs = Double(isTable ? model.shape.width : tensor.shape[0])
        let depth = residual ? (2 * Double(model.shape.layers)).squareRoot() : 1
        let expected = 0.5 / inputs.squareRoot() / depth
        #expect(abs(deviation / expected - 1) < 0.1, "\(tensor.name)")
        #expect(abs(mean) < 0.125 * expected, "\(tensor.name)")
      } else {
        #expect(values.allSatisfy { $0 == (tensor.name.hasSuffix("bias") ? 0 : 1) })
      }
    }
    let again = try PolicyModel(shape: shape, vocabulary: 25, contextLength: 8)
    again.initialise(seed: 5)
    #expect(Array(again.parameters) == Array(model.parameters))
    again.initialise(seed: 6)
    #expect(Array(again.parameters) != Array(model.parameters))
    again.copyParameters(from: model)
    #expect(Array(again.parameters) == Array(model.parameters))
  }

  @Test(
    "impossible shapes are refused with the reason",
    arguments: [
      (ModelShape(width: 0, layers: 1, heads: 1), "every width must be at least 1"),
      (ModelShape(width: 20, layers: 1, heads: 3), "heads must divide the width"),
      (ModelShape(width: 15, layers: 1, heads: 3), "the width of a head must be even"),
      (ModelShape(width: 24, layers: 1, heads: 6, kvHeads: 4), "key heads must divide the heads"),
    ])
  func refused(_ shape: ModelShape, _ reason: String) {
    let error = #expect(throws: ModelError.self) {
      try PolicyModel(shape: shape, vocabulary: 5, contextLength: 5)
    }
    #expect(error?.description.hasSuffix(reason) == true)
  }

  @Test("an impossible vocabulary or context is refused")
  func sizes() {
    let shape = ModelShape(width: 8, layers: 1, heads: 1)
    #expect(throws: ModelError.self) {
      try PolicyModel(shape: shape, vocabulary: 0, contextLength: 5)
    }
    #expect(throws: ModelError.self) {
      try PolicyModel(shape: shape, vocabulary: 5, contextLength: 0)
    }
  }
}
