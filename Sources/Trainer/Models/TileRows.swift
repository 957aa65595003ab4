import ExpCore
import TrainerTensor

/// One tile's views of a pass's memory.
struct TileRows {
  private let storage: PassStorage
  private let packed: PackedRows
  private let tile: PackedRows.Tile
  private let lastLayer: Int

  init(_ pass: TrainingPass, _ tile: PackedRows.Tile) {
    storage = pass.storage
    packed = pass.packed
    lastLayer = pass.model.shape.layers - 1
    self.tile = tile
  }

  private func rows(_ matrix: Matrix) -> Matrix {
    matrix.slice(tile.rows.lowerBound, count: tile.rows.count)
  }
  private func rows(_ x: Activations) -> Activations {
    x.slice(tile.rows.lowerBound, count: tile.rows.count)
  }
  private func outputs(_ x: Activations) -> Activations {
    x.slice(tile.outputs.lowerBound, count: tile.outputs.count)
  }
  private func outputs(_ x: Activations, _ layer: Int) -> Activations {
    layer == lastLayer ? outputs(x) : rows(x)
  }
  private func outputs(_ matrix: Matrix) -> Matrix {
    matrix.slice(tile.outputs.lowerBound, count: tile.outputs.count)
  }
  private func outputs(_ matrix: Matrix, _ layer: Int) -> Matrix {
    layer == lastLayer ? outputs(matrix) : rows(matrix)
  }
  /// Rows behind the attention of a layer.
  func outputCount(_ layer: Int) -> Int {
    layer == lastLayer ? tile.outputs.count : tile.rows.count
  }

  var tokens: UnsafePointer<Int32> { UnsafePointer(packed.tokens.onDevice + tile.rows.lowerBound) }
  var positions: UnsafePointer<Int32> {
    UnsafePointer(packed.positions.onDevice + tile.rows.lowerBound)
  }
  /// The rows that predict a scored token.
  var outputRows: UnsafePointer<Int32> {
    UnsafePointer(packed.outputs.onDevice + tile.outputs.lowerBound)
  }
  var sequences: PackedSequences { packed.sequences(tile) }

  func input(_ layer: Int) -> Matrix { rows(storage.layers[layer].input) }
  func inputRstd(_ layer: Int) -> UnsafeMutablePointer<Float> {
    rows(storage.layers[layer].inputRstd).base
  }
  func qkv(_ layer: Int) -> Activations { rows(storage.layers[layer].qkv) }
  func attention(_ layer: Int) -> Activations { rows(storage.layers[layer].attention) }
  func logSums(_ layer: Int) -> Matrix { rows(storage.layers[layer].logSums) }
  func middle(_ layer: Int) -> Matrix { outputs(storage.layers[layer].middle, layer) }
  func middleRstd(_ layer: Int) -> UnsafeMutablePointer<Float> {
    outputs(storage.layers[layer].middleRstd, layer).base
  }
  func gateUp(_ layer: Int) -> Activations { outputs(storage.layers[layer].gateUp, layer) }

  var finalInput: Matrix { outputs(storage.finalInput) }
  var finalRstd: UnsafeMutablePointer<Float> { outputs(storage.finalRstd).base }
  var finalNormed: Activations { outputs(storage.finalNormed) }

  /// Scored tokens from the `start`-th of the tile on whose logits are computed together; nil behind the last.
  func head(_ start: Int) -> HeadRows? {
    guard start < tile.scored.count else { return nil }
    let first = tile.scored.lowerBound + start
    let count = min(storage.logitRows, tile.scored.count - start)
    let logits = storage.logits.slice(storage.holdsLogits ? first : 0, count: count)
    return HeadRows(
      input: storage.scratch.headInput.prefix(count), logits: logits,
      dLogits: storage.scratch.dLogits?.prefix(count) ?? Activations(logits),
      logProbs: storage.logProbs.onDevice + first, entropies: storage.entropies.onDevice + first,
      dLogProbs: UnsafePointer(storage.dLogProbs.onDevice + first),
      dEntropies: UnsafePointer(storage.dEntropies.onDevice + first),
      predictors: UnsafePointer(packed.predictors.onDevice + first),
      targets: UnsafePointer(packed.targets.onDevice + first))
  }

  private var scratch: TileScratch { storage.scratch }
  private var tail: Int { tile.outputs.count }
  var normed: Activations { scratch.normed.prefix(tile.rows.count) }
  var tailInput: Matrix { scratch.tailInput.prefix(tail) }
  var tailAttention: Activations { scratch.tailAttention.prefix(tail) }
  var dRows: Matrix { scratch.dRows.prefix(tile.rows.count) }
  var dTail: Matrix { scratch.dTail.prefix(tail) }
  var dAttention: Activations { scratch.dAttention.prefix(tile.rows.count) }
  var dQKV: Activations { scratch.dQKV.prefix(tile.rows.count) }

  /// Scratch behind a layer's attention.
  func normed(_ layer: Int) -> Activations { scratch.normed.prefix(outputCount(layer)) }
  func activated(_ layer: Int) -> Activations { scratch.activated.prefix(outputCount(layer)) }
  func dNormed(_ layer: Int) -> Activations { scratch.dNormed.prefix(outputCount(layer)) }
  func dActivated(_ layer: Int) -> Activations { scratch.dActivated.prefix(outputCount(layer)) }
  func dGateUp(_ layer: Int) -> Activations { scratch.dGateUp.prefix(outputCount(layer)) }
  /// Gradients of the residual stream as products read them.
  var roundedStream: Activations? { scratch.roundedStream }
  /// Scratch over all rows, for what lies before the attention.
  var dNormed: Activations { scratch.dNormed.prefix(tile.rows.count) }

  func blockRows(_ layer: Int) -> BlockRows {
    BlockRows(
      projected: scratch.projected.prefix(outputCount(layer)), middle: middle(layer),
      middleRstd: middleRstd(layer), normed: normed(layer), gateUp: gateUp(layer),
      activated: activated(layer))
  }
}

/// Scored tokens whose logits are computed together.
struct HeadRows {
  /// The final state before each, the logits from it, and the gradient with respect to them.
  let input: Activations
  let logits: Matrix
  let dLogits: Activations
  /// A number each, in the order of the packed rows.
  let logProbs: UnsafeMutablePointer<Float>
  let entropies: UnsafeMutablePointer<Float>
  let dLogProbs: UnsafePointer<Float>
  let dEntropies: UnsafePointer<Float>
  /// The place of the state among the tile's outputs, and the token.
  let predictors: UnsafePointer<Int32>
  let targets: UnsafePointer<Int32>

  var count: Int { input.rows }
}
