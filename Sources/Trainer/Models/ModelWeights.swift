import TrainerTensor

/// Views of one flat buffer, parameters or gradients, tensor by tensor.
struct ModelWeights {
  /// Views of one block.
  struct Block {
    let attentionNorm: Matrix
    let queryKeyValue: Matrix
    let queryKeyValueBias: Matrix?
    let attentionOutput: Matrix
    let mlpNorm: Matrix
    let gateUp: Matrix
    let down: Matrix
  }

  let embedding: Matrix
  let blocks: [Block]
  let finalNorm: Matrix
  let head: Matrix
  let headBias: Matrix?

  init(_ layout: ModelLayout, over base: UnsafeMutablePointer<Float>) {
    func view(_ index: Int) -> Matrix {
      let tensor = layout.tensors[index]
      let columns = tensor.shape[tensor.shape.count - 1]
      return Matrix(
        base + tensor.range.lowerBound, rows: tensor.range.count / columns, columns: columns)
    }
    embedding = view(layout.embedding)
    blocks = layout.blocks.map { block in
      Block(
        attentionNorm: view(block.attentionNorm), queryKeyValue: view(block.queryKeyValue),
        queryKeyValueBias: block.queryKeyValueBias.map(view),
        attentionOutput: view(block.attentionOutput), mlpNorm: view(block.mlpNorm),
        gateUp: view(block.gateUp), down: view(block.down))
    }
    finalNorm = view(layout.finalNorm)
    head = view(layout.head)
    headBias = layout.headBias.map(view)
  }
}
