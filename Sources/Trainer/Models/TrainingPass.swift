import ExpCore
import TrainerTensor

/// Forward and backward over packed ragged sequences: log-probabilities and entropies of the scored tokens, or the
/// values of the states before them, and the parameters' gradients.
///
/// All memory is taken here, for `tokenCapacity` tokens; a larger batch makes it grow once. A token's
/// log-probability and entropy do not depend on the rest of the batch, nor on what its sequence shares with others.
/// Logits of a vocabulary larger than 4 times the width are never all in memory: backward computes them again.
package final class TrainingPass {
  /// Floating-point operations since the caller last set it to 0: products, attention and head; a backward counts twice its forward.
  package var floatingPointOperations: Double = 0
  /// Natural log-probabilities of the last batch's scored tokens, by sequence in the order of appending.
  package var logProbs: UnsafeBufferPointer<Float> {
    precondition(model.output == .tokens, "log-probabilities of a critic")
    return UnsafeBufferPointer(start: storage.orderedLogProbs.base, count: packed.scoredCount)
  }
  /// Entropies in nats of the distributions those tokens were scored under.
  package var entropies: UnsafeBufferPointer<Float> {
    precondition(model.output == .tokens, "entropies of a critic")
    return UnsafeBufferPointer(start: storage.orderedEntropies.base, count: packed.scoredCount)
  }
  /// Of a critic, the value of the state before each scored token (all tokens before it), in the order of `logProbs`.
  package var values: UnsafeBufferPointer<Float> {
    precondition(model.output == .value, "values of a policy")
    return UnsafeBufferPointer(start: storage.orderedLogProbs.base, count: packed.scoredCount)
  }

  /// Tokens it took memory for.
  package let tokenCapacity: Int
  let model: PolicyModel
  let packed: PackedRows
  private var steps: BlockSteps
  private(set) var storage: PassStorage
  private let logitRows: Int?
  var inverseTemperature: Float = 1
  private var forwardOperations: Double = 0
  private var awaitsBackward = false

  /// Takes memory for batches of `tokenCapacity` tokens.
  ///
  /// `logitRows` limits the scored tokens whose logits are in memory together; without it the vocabulary decides.
  package init(model: PolicyModel, tokenCapacity: Int, logitRows: Int? = nil) {
    precondition(logitRows ?? 1 > 0, "no room for logits")
    self.model = model
    self.logitRows = logitRows
    self.tokenCapacity = tokenCapacity
    packed = PackedRows(device: model.device, capacity: tokenCapacity)
    steps = BlockSteps(model: model)
    storage = PassStorage(
      model, rows: tokenCapacity, scored: tokenCapacity, logitRows: logitRows)
  }

  /// Computes log-probabilities and entropies under softmax(logits / temperature), or a critic's values.
  ///
  /// - Precondition: `temperature > 0`; tokens are in the vocabulary and sequences no longer than the context.
  package func forward(_ batch: TokenBatch, temperature: Double = 1) {
    precondition(temperature > 0, "a temperature of \(temperature)")
    inverseTemperature = Float(1 / temperature)
    packed.pack(batch, vocabulary: model.vocabulary, contextLength: model.contextLength)
    if packed.rowCount > storage.rows || packed.scoredCount > storage.scored {
      storage = PassStorage(
        model, rows: max(packed.rowCount, storage.rows),
        scored: max(packed.scoredCount, storage.scored), logitRows: logitRows)
    }
    steps = BlockSteps(model: model)
    for tile in packed.tiles { forward(TileRows(self, tile)) }
    collectScores()
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
    precondition(model.output == .tokens, "log-probabilities of a critic")
    backward(dLogProbs, dEntropies)
  }

  /// Adds d loss / d parameters to a critic's gradients, given those with respect to `values`.
  ///
  /// - Precondition: as for log-probabilities.
  package func backward(dValues: UnsafeBufferPointer<Float>) {
    precondition(model.output == .value, "values of a policy")
    backward(dValues, nil)
  }

  private func backward(
    _ dLogProbs: UnsafeBufferPointer<Float>, _ dEntropies: UnsafeBufferPointer<Float>?
  ) {
    precondition(awaitsBackward, "a backward without a forward before it")
    precondition(
      dLogProbs.count == packed.scoredCount
        && (dEntropies?.count ?? dLogProbs.count) == dLogProbs.count,
      "\(dLogProbs.count) gradients for \(packed.scoredCount) scored tokens")
    awaitsBackward = false
    guard dLogProbs.count > 0 else { return }
    model.settleGradients()
    distribute(dLogProbs, to: storage.dLogProbs)
    if let dEntropies { distribute(dEntropies, to: storage.dEntropies) }
    for tile in packed.tiles { backward(TileRows(self, tile), hasEntropies: dEntropies != nil) }
    floatingPointOperations += 2 * forwardOperations
  }

  private func countForward() -> Double {
    let layers = model.shape.layers
    return Double(layers - 1)
      * steps.operations(
        rows: packed.rowCount, outputRows: packed.rowCount, pairs: packed.attentionPairs)
      + steps.operations(
        rows: packed.rowCount, outputRows: packed.outputCount, pairs: packed.attentionPairs)
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
    scoreTokens(tile)
  }

  private func scoreTokens(_ tile: TileRows) {
    let device = model.device
    var start = 0
    while let head = tile.head(start) {
      computeLogits(tile, head)
      if let bias = model.weights.headBias {
        device.stateValues(head.logits, bias: bias, into: head.logProbs)
      } else {
        device.scoreTokens(
          head.logits, vocabulary: model.vocabulary, targets: head.targets,
          inverseTemperature: inverseTemperature, logProbs: head.logProbs,
          entropies: head.entropies)
      }
      start += head.count
    }
  }

  /// Brings scores from the order of the packed rows to that of appending.
  private func collectScores() {
    collect(storage.logProbs, into: storage.orderedLogProbs)
    if model.output == .tokens { collect(storage.entropies, into: storage.orderedEntropies) }
  }

  private func collect(_ scores: PackedList<Float>, into ordered: PackedList<Float>) {
    let count = packed.scoredCount
    scores.resize(count)
    scores.download()
    ordered.resize(count)
    for index in 0..<count { ordered.base[Int(packed.places.base[index])] = scores.base[index] }
  }

  /// Brings gradients from the order of appending to that of the packed rows, and to the device.
  private func distribute(_ slopes: UnsafeBufferPointer<Float>, to list: PackedList<Float>) {
    let count = packed.scoredCount
    list.resize(count)
    for index in 0..<count { list.base[index] = slopes[Int(packed.places.base[index])] }
    list.upload()
  }

  /// The final states of some scored tokens, and their logits.
  func computeLogits(_ tile: TileRows, _ head: HeadRows) {
    model.device.gather(head.predictors, of: tile.finalNormed, into: head.input)
    model.device.multiply(head.input, steps.panels.head, into: head.logits)
  }

  private func finishLast(_ tile: TileRows, _ layer: Int) {
    let device = model.device
    let rows = tile.blockRows(layer)
    device.gather(tile.outputRows, of: tile.input(layer), into: tile.tailInput)
    device.gather(tile.outputRows, of: tile.attention(layer), into: tile.tailAttention)
    steps.finish(layer, input: tile.tailInput, attention: tile.tailAttention, rows: rows)
    device.addAndNorm(
      rows.middle, rows.projected, weight: model.weights.finalNorm, sum: tile.finalInput,
      into: tile.finalNormed, rstd: tile.finalRstd)
  }
}
