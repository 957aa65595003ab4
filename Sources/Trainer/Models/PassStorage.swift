import ExpCore
import TrainerTensor

/// The memory of a `TrainingPass`: what backward needs of every row, and scratch for one tile.
final class PassStorage {
  /// Rows that a tile has at least, but for the last: enough for fast products, few enough for the cache.
  static let tileRows = 256

  /// Activations kept for backward, over all rows of the batch.
  struct Layer {
    var input: Matrix
    var inputRstd: Matrix
    var qkv: Matrix
    var attention: Matrix
    var logSums: Matrix
    /// From here on the last layer has scored rows only.
    var middle: Matrix
    var middleRstd: Matrix
    var gateUp: Matrix
  }

  let rows: Int
  let scored: Int
  let layers: [Layer]
  let finalInput: Matrix
  let finalRstd: Matrix
  let finalNormed: Matrix
  let logits: Matrix
  let logProbs: UnsafeMutablePointer<Float>
  let entropies: UnsafeMutablePointer<Float>
  /// Scratch of attention.
  let attention: UnsafeMutablePointer<Float>
  let scratch: TileScratch
  private let buffers: [FloatBuffer]

  init(_ model: PolicyModel, rows: Int, scored: Int) {
    self.rows = rows
    self.scored = scored
    var sizes = MatrixAllocator()
    let width = model.shape.width
    let heads = model.heads
    layers = (0..<model.shape.layers).map { layer in
      let outputRows = layer == model.shape.layers - 1 ? scored : rows
      return Layer(
        input: sizes.take(rows, width), inputRstd: sizes.take(rows, 1),
        qkv: sizes.take(rows, heads.rowWidth), attention: sizes.take(rows, width),
        logSums: sizes.take(rows, heads.query), middle: sizes.take(outputRows, width),
        middleRstd: sizes.take(outputRows, 1),
        gateUp: sizes.take(outputRows, 2 * model.shape.hidden))
    }
    finalInput = sizes.take(scored, width)
    finalRstd = sizes.take(scored, 1)
    finalNormed = sizes.take(scored, width)
    logits = sizes.take(scored, PaddedHead.columns(model))
    logProbs = sizes.take(scored, 1).base
    entropies = sizes.take(scored, 1).base
    attention =
      sizes.take(
        1, model.device.attentionScratch(longest: model.contextLength, heads: heads)
      ).base
    scratch = TileScratch(
      model, rows: PassStorage.tileRows + model.contextLength, from: &sizes)
    buffers = sizes.buffers
  }
}

/// Scratch for one tile; `rows` bounds a tile's rows.
struct TileScratch {
  let normed: Matrix
  let projected: Matrix
  let activated: Matrix
  let tailInput: Matrix
  let tailAttention: Matrix
  let dRows: Matrix
  let dTail: Matrix
  let dNormed: Matrix
  let dActivated: Matrix
  let dGateUp: Matrix
  let dAttention: Matrix
  let dQKV: Matrix

  init(_ model: PolicyModel, rows: Int, from sizes: inout MatrixAllocator) {
    let width = model.shape.width
    normed = sizes.take(rows, width)
    projected = sizes.take(rows, width)
    activated = sizes.take(rows, model.shape.hidden)
    tailInput = sizes.take(rows, width)
    tailAttention = sizes.take(rows, width)
    dRows = sizes.take(rows, width)
    dTail = sizes.take(rows, width)
    dNormed = sizes.take(rows, width)
    dActivated = sizes.take(rows, model.shape.hidden)
    dGateUp = sizes.take(rows, 2 * model.shape.hidden)
    dAttention = sizes.take(rows, width)
    dQKV = sizes.take(rows, model.heads.rowWidth)
  }
}

/// Takes a buffer per matrix, with the spare rows that products of whole row blocks may touch.
struct MatrixAllocator {
  private(set) var buffers: [FloatBuffer] = []

  mutating func take(_ rows: Int, _ columns: Int) -> Matrix {
    let buffer = FloatBuffer.required(count: (rows + Device.spareRows) * columns)
    buffers.append(buffer)
    return Matrix(buffer.start, rows: rows, columns: columns)
  }
}
