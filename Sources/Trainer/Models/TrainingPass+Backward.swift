import ExpCore
import TrainerTensor

extension TrainingPass {
  /// One tile backwards; scratch holds d loss / d residual stream, and recomputed inputs of products.
  func backward(
    _ tile: TileRows, dLogProbs: UnsafePointer<Float>, dEntropies: UnsafePointer<Float>?
  ) {
    let last = model.shape.layers - 1
    headBackward(tile, dLogProbs: dLogProbs, dEntropies: dEntropies)
    for layer in stride(from: last, through: 0, by: -1) {
      let dStream = layer == last ? tile.dTail : tile.dRows
      mlpBackward(tile, layer, dStream)
      outputBackward(tile, layer, dStream)
      attentionBackward(tile, layer)
    }
    model.device.embedBackward(
      tile.tokens, dOut: tile.dRows, dTable: model.weightGradients.embedding)
  }

  private func headBackward(
    _ tile: TileRows, dLogProbs: UnsafePointer<Float>, dEntropies: UnsafePointer<Float>?
  ) {
    let device = model.device
    let last = model.shape.layers - 1
    device.scoreTokensBackward(
      tile.logits, vocabulary: model.vocabulary, targets: tile.targets,
      inverseTemperature: inverseTemperature, dLogProbs: dLogProbs, dEntropies: dEntropies)
    device.addWeightGradient(model.weightGradients.head, tile.logits, tile.finalNormed)
    device.multiply(tile.logits, model.weights.head, into: tile.dNormed(last))
    tile.dTail.clear()
    device.rmsNormBackward(
      tile.dNormed(last), x: tile.finalInput, weight: model.weights.finalNorm,
      rstd: tile.finalRstd, dx: tile.dTail, dWeight: model.weightGradients.finalNorm,
      normed: tile.normed(last))
  }

  private func mlpBackward(_ tile: TileRows, _ layer: Int, _ dStream: Matrix) {
    let device = model.device
    let weights = model.weights.blocks[layer]
    let gradients = model.weightGradients.blocks[layer]
    device.multiplyTransposed(dStream, weights.down, into: tile.dActivated(layer))
    device.swiGLUBackward(
      tile.dActivated(layer), gateUp: tile.gateUp(layer), dGateUp: tile.dGateUp(layer),
      out: tile.activated(layer))
    device.addWeightGradient(gradients.down, tile.activated(layer), dStream)
    device.multiplyTransposed(tile.dGateUp(layer), weights.gateUp, into: tile.dNormed(layer))
    device.rmsNormBackward(
      tile.dNormed(layer), x: tile.middle(layer), weight: weights.mlpNorm,
      rstd: tile.middleRstd(layer), dx: dStream, dWeight: gradients.mlpNorm,
      normed: tile.normed(layer))
    device.addWeightGradient(gradients.gateUp, tile.normed(layer), tile.dGateUp(layer))
  }

  /// The attention's projection; behind it the last layer goes from scored rows back to all rows.
  private func outputBackward(_ tile: TileRows, _ layer: Int, _ dStream: Matrix) {
    let device = model.device
    let weights = model.weights.blocks[layer]
    let gradients = model.weightGradients.blocks[layer]
    guard layer == model.shape.layers - 1 else {
      device.addWeightGradient(gradients.attentionOutput, tile.attention(layer), dStream)
      device.multiplyTransposed(dStream, weights.attentionOutput, into: tile.dAttention)
      return
    }
    device.gather(tile.predictors, of: tile.attention(layer), into: tile.tailAttention)
    device.addWeightGradient(gradients.attentionOutput, tile.tailAttention, dStream)
    device.multiplyTransposed(dStream, weights.attentionOutput, into: tile.tailAttention)
    tile.dAttention.clear()
    device.scatterAdd(tile.tailAttention, to: tile.predictors, of: tile.dAttention)
    tile.dRows.clear()
    device.scatterAdd(dStream, to: tile.predictors, of: tile.dRows)
  }

  private func attentionBackward(_ tile: TileRows, _ layer: Int) {
    let device = model.device
    let weights = model.weights.blocks[layer]
    let gradients = model.weightGradients.blocks[layer]
    device.attendBackward(
      tile.dAttention, out: tile.attention(layer), logSums: tile.logSums(layer),
      qkv: tile.qkv(layer), sequences: tile.sequences, heads: model.heads, dqkv: tile.dQKV,
      scratch: storage.attention)
    device.rotateBackward(
      tile.dQKV, positions: tile.positions, table: model.rotary, heads: model.heads)
    if let bias = gradients.queryKeyValueBias { device.addBiasGradient(bias, tile.dQKV) }
    device.multiplyTransposed(tile.dQKV, weights.queryKeyValue, into: tile.dNormed)
    device.rmsNormBackward(
      tile.dNormed, x: tile.input(layer), weight: weights.attentionNorm,
      rstd: tile.inputRstd(layer), dx: tile.dRows, dWeight: gradients.attentionNorm,
      normed: tile.normed)
    device.addWeightGradient(gradients.queryKeyValue, tile.normed, tile.dQKV)
  }
}
