package import ExpCore

/// One parameter tensor within a model's flat buffer.
package struct NamedTensor: Sendable, Hashable {
  /// Its path, such as `layers.0.attention.output.weight`.
  package let name: String
  /// Rows and columns of a matrix (input channels × output channels), or the length of a vector.
  package let shape: [Int]
  /// Its floats in the flat buffer.
  package let range: Range<Int>
  /// Whether weight decay applies: to matrices, not to norms and biases.
  package let decays: Bool
}

/// Where a model's tensors lie in one flat buffer, in the order of the forward pass.
///
/// Query, key and value projections are one matrix, gate and up projections another, so that each is one product.
/// Matrices are stored input channels first, except embedding and head, which have a row per token.
package struct ModelLayout: Sendable {
  /// The tensors of one block.
  package struct Block: Sendable {
    package var attentionNorm: Int
    package var queryKeyValue: Int
    package var queryKeyValueBias: Int?
    package var attentionOutput: Int
    package var mlpNorm: Int
    package var gateUp: Int
    package var down: Int
  }

  package private(set) var tensors: [NamedTensor] = []
  package private(set) var embedding = 0
  package private(set) var blocks: [Block] = []
  package private(set) var finalNorm = 0
  /// The output projection, a row per output; the embedding itself where they are tied.
  package private(set) var head = 0
  /// The constant of a value.
  package private(set) var headBias: Int?
  package private(set) var parameterCount = 0

  /// Lays out a model's tensors; up to the final norm, those of every output are the same.
  package init(shape: ModelShape, vocabulary: Int, output: ModelOutput = .tokens) {
    let width = shape.width
    let rowWidth = width + 2 * shape.kvHeads * shape.headWidth
    embedding = add("embedding.weight", [vocabulary, width])
    for layer in 0..<shape.layers {
      let name = "layers.\(layer)"
      blocks.append(
        Block(
          attentionNorm: add("\(name).attention.norm.weight", [width]),
          queryKeyValue: add("\(name).attention.query_key_value.weight", [width, rowWidth]),
          queryKeyValueBias: shape.qkvBias
            ? add("\(name).attention.query_key_value.bias", [rowWidth]) : nil,
          attentionOutput: add("\(name).attention.output.weight", [width, width]),
          mlpNorm: add("\(name).mlp.norm.weight", [width]),
          gateUp: add("\(name).mlp.gate_up.weight", [width, 2 * shape.hidden]),
          down: add("\(name).mlp.down.weight", [shape.hidden, width])))
    }
    finalNorm = add("final_norm.weight", [width])
    switch output {
    case .tokens:
      head = shape.tiedEmbeddings ? embedding : add("head.weight", [vocabulary, width])
    case .value:
      head = add("value_head.weight", [1, width])
      headBias = add("value_head.bias", [1])
    }
  }

  private mutating func add(_ name: String, _ shape: [Int]) -> Int {
    let end = parameterCount + shape.reduce(1, *)
    tensors.append(
      NamedTensor(
        name: name, shape: shape, range: parameterCount..<end, decays: shape.count > 1))
    parameterCount = end
    return tensors.count - 1
  }
}
