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
  private func scored(_ matrix: Matrix) -> Matrix {
    matrix.slice(tile.scored.lowerBound, count: tile.scored.count)
  }
  private func outputs(_ matrix: Matrix, _ layer: Int) -> Matrix {
    layer == lastLayer ? scored(matrix) : rows(matrix)
  }
  /// Rows behind the attention of a layer.
  func outputCount(_ layer: Int) -> Int {
    layer == lastLayer ? tile.scored.count : tile.rows.count
  }

  var tokens: UnsafePointer<Int32> { UnsafePointer(packed.tokens.base + tile.rows.lowerBound) }
  var positions: UnsafePointer<Int32> {
    UnsafePointer(packed.positions.base + tile.rows.lowerBound)
  }
  var predictors: UnsafePointer<Int32> {
    UnsafePointer(packed.predictors.base + tile.scored.lowerBound)
  }
  var targets: UnsafePointer<Int32> { UnsafePointer(packed.targets.base + tile.scored.lowerBound) }
  var sequences: PackedSequences {
    PackedSequences(
      offsets: UnsafePointer(packed.offsets.base + tile.firstOffset), count: tile.sequences)
  }

  func input(_ layer: Int) -> Matrix { rows(storage.layers[layer].input) }
  func inputRstd(_ layer: Int) -> UnsafeMutablePointer<Float> {
    rows(storage.layers[layer].inputRstd).base
  }
  func qkv(_ layer: Int) -> Matrix { rows(storage.layers[layer].qkv) }
  func attention(_ layer: Int) -> Matrix { rows(storage.layers[layer].attention) }
  func logSums(_ layer: Int) -> Matrix { rows(storage.layers[layer].logSums) }
  func middle(_ layer: Int) -> Matrix { outputs(storage.layers[layer].middle, layer) }
  func middleRstd(_ layer: Int) -> UnsafeMutablePointer<Float> {
    outputs(storage.layers[layer].middleRstd, layer).base
  }
  func gateUp(_ layer: Int) -> Matrix { outputs(storage.layers[layer].gateUp, layer) }

  var finalInput: Matrix { scored(storage.finalInput) }
  var finalRstd: UnsafeMutablePointer<Float> { scored(storage.finalRstd).base }
  var finalNormed: Matrix { scored(storage.finalNormed) }
  var logits: Matrix { scored(storage.logits) }
  var logProbs: UnsafeMutablePointer<Float> { storage.logProbs + tile.scored.lowerBound }
  var entropies: UnsafeMutablePointer<Float> { storage.entropies + tile.scored.lowerBound }

  private var scratch: TileScratch { storage.scratch }
  private var tail: Int { tile.scored.count }
  var normed: Matrix { scratch.normed.prefix(tile.rows.count) }
  var tailInput: Matrix { scratch.tailInput.prefix(tail) }
  var tailAttention: Matrix { scratch.tailAttention.prefix(tail) }
  var dRows: Matrix { scratch.dRows.prefix(tile.rows.count) }
  var dTail: Matrix { scratch.dTail.prefix(tail) }
  var dAttention: Matrix { scratch.dAttention.prefix(tile.rows.count) }
  var dQKV: Matrix { scratch.dQKV.prefix(tile.rows.count) }

  /// Scratch behind a layer's attention.
  func normed(_ layer: Int) -> Matrix { scratch.normed.prefix(outputCount(layer)) }
  func activated(_ layer: Int) -> Matrix { scratch.activated.prefix(outputCount(layer)) }
  func dNormed(_ layer: Int) -> Matrix { scratch.dNormed.prefix(outputCount(layer)) }
  func dActivated(_ layer: Int) -> Matrix { scratch.dActivated.prefix(outputCount(layer)) }
  func dGateUp(_ layer: Int) -> Matrix { scratch.dGateUp.prefix(outputCount(layer)) }
  /// Scratch over all rows, for what lies before the attention.
  var dNormed: Matrix { scratch.dNormed.prefix(tile.rows.count) }

  func blockRows(_ layer: Int) -> BlockRows {
    BlockRows(
      projected: scratch.projected.prefix(outputCount(layer)), middle: middle(layer),
      middleRstd: middleRstd(layer), normed: normed(layer), gateUp: gateUp(layer),
      activated: activated(layer))
  }
}
