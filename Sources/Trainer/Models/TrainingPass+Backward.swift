import ExpCore
import TrainerTensor

extension TrainingPass {
  /// One tile backwards; scratch holds d loss / d residual stream, and recomputed inputs of products.
  func backward(_ tile: TileRows, hasEntropies: Bool) {
    let last = model.shape.layers - 1
    headBackward(tile, hasEntropies: hasEntropies)
    for layer in stride(from: last, through: 0, by: -1) {
      let dStream = layer == last ? tile.dTail : tile.dRows
      mlpBackward(tile, layer, dStream)
      outputBackward(tile, layer, dStream)
      attentionBackward(tile, layer)
    }
    model.device.embedBackward(
      tile.tokens, dOut: tile.dRows, dTable: model.weightGradients.embedding)
  }

  private func headBackward(_ tile: TileRows, hasEntropies: Bool) {
    let device = model.device
    let last = model.shape.layers - 1
    let dNormed = tile.dNormed(last)
    device.clear(dNormed)
    var start = 0
    while let head = tile.head(start) {
      if storage.holdsLogits {
        device.gather(head.predictors, of: tile.finalNormed, into: head.input)
      } else {
        computeLogits(tile, head)
      }
      scoresBackward(head, hasEntropies: hasEntropies)
      device.addWeightGradient(model.weightGradients.head, head.dLogits, head.input)
      device.multiply(head.dLogits, model.panels(.backward).head, into: head.input)
      device.scatterAdd(head.input, to: head.predictors, of: dNormed)
      start += head.count
    }
    device.clear(tile.dTail)
    device.rmsNormBackward(
      dNormed, x: tile.finalInput, weight: model.weights.finalNorm, rstd: tile.finalRstd,
      dx: tile.dTail, dWeight: model.weightGradients.finalNorm, normed: tile.normed(last))
  }

  /// From gradients of scores to those of logits.
  private func scoresBackward(_ head: HeadRows, hasEntropies: Bool) {
    if let bias = model.weightGradients.headBias {
      model.device.stateValuesBackward(head.dLogProbs, dBias: bias, into: head.dLogits)
      return
    }
    model.device.scoreTokensBackward(
      head.logits, vocabulary: model.vocabulary, targets: head.targets,
      inverseTemperature: inverseTemperature, dLogProbs: head.dLogProbs,
      dEntropies: hasEntropies ? head.dEntropies : nil, into: head.dLogits)
  }

  private func mlpBackward(_ tile: TileRows, _ layer: Int, _ dStream: Matrix) {
    let device = model.device
    let weights = model.weights.blocks[layer]
    let panels = model.panels(.backward).blocks[layer]
    let gradients = model.weightGradients.blocks[layer]
    let slopes = device.activations(dStream, scratch: tile.roundedStream)
    device.multiply(slopes, panels.down, into: tile.dActivated(layer))
    device.swiGLUBackward(
      tile.dActivated(layer), gateUp: tile.gateUp(layer), dGateUp: tile.dGateUp(layer),
      out: tile.activated(layer))
    device.addWeightGradient(gradients.down, tile.activated(layer), slopes)
    device.multiply(tile.dGateUp(layer), panels.gateUp, into: tile.dNormed(layer))
    device.rmsNormBackward(
      tile.dNormed(layer), x: tile.middle(layer), weight: weights.mlpNorm,
      rstd: tile.middleRstd(layer), dx: dStream, dWeight: gradients.mlpNorm,
      normed: tile.normed(layer))
    device.addWeightGradient(gradients.gateUp, tile.normed(layer), tile.dGateUp(layer))
  }

  /// The attention's projection; behind it the last layer goes from scored rows back to all rows.
  private func outputBackward(_ tile: TileRows, _ layer: Int, _ dStream: Matrix) {
    let device = model.device
    let panels = model.panels(.backward).blocks[layer]
    let gradients = model.weightGradients.blocks[layer]
    let slopes = device.activations(dStream, scratch: tile.roundedStream)
    guard layer == model.shape.layers - 1 else {
      device.addWeightGradient(gradients.attentionOutput, tile.attention(layer), slopes)
      device.multiply(slopes, panels.attentionOutput, into: tile.dAttention)
      return
    }
    device.gather(tile.outputRows, of: tile.attention(layer), into: tile.tailAttention)
    device.addWeightGradient(gradients.attentionOutput, tile.tailAttention, slopes)
    device.multiply(slopes, panels.attentionOutput, into: tile.tailAttention)
    device.clear(tile.dAttention)
    device.scatter(tile.tailAttention, to: tile.outputRows, of: tile.dAttention)
    device.clear(tile.dRows)
    device.scatter(dStream, to: tile.outputRows, of: tile.dRows)
  }

  private func attentionBackward(_ tile: TileRows, _ layer: Int) {
    let device = model.device
    let weights = model.weights.blocks[layer]
    let panels = model.panels(.backward).blocks[layer]
    let gradients = model.weightGradients.blocks[layer]
    device.attendBackward(
      tile.dAttention, out: tile.attention(layer), logSums: tile.logSums(layer),
      qkv: tile.qkv(layer), sequences: tile.sequences, heads: model.heads, dqkv: tile.dQKV,
      scratch: storage.attention)
    device.rotateBackward(
      tile.dQKV, positions: tile.positions, table: model.rotary, heads: model.heads)
    if let bias = gradients.queryKeyValueBias { device.addBiasGradient(bias, tile.dQKV) }
    device.multiply(tile.dQKV, panels.queryKeyValue, into: tile.dNormed)
    device.rmsNormBackward(
      tile.dNormed, x: tile.input(layer), weight: weights.attentionNorm,
      rstd: tile.inputRstd(layer), dx: tile.dRows, dWeight: gradients.attentionNorm,
      normed: tile.normed)
    device.addWeightGradient(gradients.queryKeyValue, tile.normed, tile.dQKV)
  }
}
