import ExpCore
import TrainerTensor

/// Forward and backward over packed ragged sequences: log-probabilities and entropies of the scored tokens, and the
/// parameters' gradients.
///
/// All memory is taken here, for `tokenCapacity` tokens; a larger batch makes it grow once. A token's
/// log-probability and entropy do not depend on the rest of the batch.
package final class TrainingPass {
  /// Floating-point operations since the caller last set it to 0: products, attention and head; a backward counts twice its forward.
  package var floatingPointOperations: Double = 0
  /// Natural log-probabilities of the last batch's scored tokens, in packed order.
  package var logProbs: UnsafeBufferPointer<Float> {
    UnsafeBufferPointer(start: storage.logProbs, count: packed.scoredCount)
  }
  /// Entropies in nats of the distributions those tokens were scored under.
  package var entropies: UnsafeBufferPointer<Float> {
    UnsafeBufferPointer(start: storage.entropies, count: packed.scoredCount)
  }

  let model: PolicyModel
  let packed: PackedRows
  let steps: BlockSteps
  let head: PaddedHead
  private(set) var storage: PassStorage
  var inverseTemperature: Float = 1
  private var forwardOperations: Double = 0
  private var awaitsBackward = false

  /// Takes memory for batches of `tokenCapacity` tokens.
  package init(model: PolicyModel, tokenCapacity: Int) {
    self.model = model
    packed = PackedRows(tileRows: PassStorage.tileRows, capacity: tokenCapacity)
    steps = BlockSteps(model: model)
    head = PaddedHead(model)
    storage = PassStorage(model, rows: tokenCapacity, scored: tokenCapacity)
  }

  /// Computes log-probabilities and entropies under softmax(logits / temperature).
  ///
  /// - Precondition: `temperature > 0`; tokens are in the vocabulary and sequences no longer than the context.
  package func forward(_ batch: TokenBatch, temperature: Double = 1) {
    precondition(temperature > 0, "a temperature of \(temperature)")
    inverseTemperature = Float(1 / temperature)
    packed.pack(batch, vocabulary: model.vocabulary, contextLength: model.contextLength)
    if packed.rowCount > storage.rows || packed.scoredCount > storage.scored {
      storage = PassStorage(
        model, rows: max(packed.rowCount, storage.rows),
        scored: max(packed.scoredCount, storage.scored))
    }
    head.refresh(model)
    for tile in packed.tiles { forward(TileRows(self, tile)) }
    forwardOperations = countForward()
    floatingPointOperations += forwardOperations
    awaitsBackward = true
  }

  /// Adds d loss / d parameters to the model's gradients, given those with respect to `logProbs` and `entropies`.
  ///
  /// - Precondition: one call per forward, with a value per scored token, and parameters as they were in it.
  package func backward(
    dLogProbs: UnsafeBufferPointer<Float>, dEntropies: UnsafeBufferPointer<Float>?
  ) {
    precondition(awaitsBackward, "a backward without a forward before it")
    precondition(
      dLogProbs.count == packed.scoredCount
        && (dEntropies?.count ?? dLogProbs.count) == dLogProbs.count,
      "\(dLogProbs.count) gradients for \(packed.scoredCount) scored tokens")
    awaitsBackward = false
    guard let dLogProbs = dLogProbs.baseAddress else { return }
    for tile in packed.tiles {
      backward(
        TileRows(self, tile), dLogProbs: dLogProbs + tile.scored.lowerBound,
        dEntropies: dEntropies?.baseAddress.map { $0 + tile.scored.lowerBound })
    }
    floatingPointOperations += 2 * forwardOperations
  }

  private func countForward() -> Double {
    let layers = model.shape.layers
    return Double(layers - 1)
      * steps.operations(
        rows: packed.rowCount, outputRows: packed.rowCount, pairs: packed.attentionPairs)
      + steps.operations(
        rows: packed.rowCount, outputRows: packed.scoredCount, pairs: packed.attentionPairs)
      + steps.headOperations(rows: packed.scoredCount)
  }

  /// In the last block only rows that predict a scored token go on behind the attention.
  private func forward(_ tile: TileRows) {
    let device = model.device
    let last = model.shape.layers - 1
    device.embed(tile.tokens, model.weights.embedding, into: tile.input(0))
    device.rmsNorm(
      tile.input(0), weight: model.weights.blocks[0].attentionNorm, into: tile.normed,
      rstd: tile.inputRstd(0))
    for layer in 0...last {
      steps.queryKeyValue(
        layer, normed: tile.normed, positions: tile.positions, into: tile.qkv(layer))
      device.attend(
        tile.qkv(layer), sequences: tile.sequences, heads: model.heads,
        into: tile.attention(layer), logSums: tile.logSums(layer), scratch: storage.attention)
      if layer < last {
        let rows = tile.blockRows(layer)
        steps.finish(
          layer, input: tile.input(layer), attention: tile.attention(layer), rows: rows)
        device.addAndNorm(
          rows.middle, rows.projected, weight: model.weights.blocks[layer + 1].attentionNorm,
          sum: tile.input(layer + 1), into: tile.normed, rstd: tile.inputRstd(layer + 1))
      } else {
        finishLast(tile, layer)
      }
    }
    device.multiplyRows(tile.finalNormed, head.weights, into: tile.logits)
    device.scoreTokens(
      tile.logits, vocabulary: model.vocabulary, targets: tile.targets,
      inverseTemperature: inverseTemperature, logProbs: tile.logProbs, entropies: tile.entropies)
  }

  private func finishLast(_ tile: TileRows, _ layer: Int) {
    let device = model.device
    let rows = tile.blockRows(layer)
    device.gather(tile.predictors, of: tile.input(layer), into: tile.tailInput)
    device.gather(tile.predictors, of: tile.attention(layer), into: tile.tailAttention)
    steps.finish(layer, input: tile.tailInput, attention: tile.tailAttention, rows: rows)
    device.addAndNorm(
      rows.middle, rows.projected, weight: model.weights.finalNorm, sum: tile.finalInput,
      into: tile.finalNormed, rstd: tile.finalRstd)
  }
}
