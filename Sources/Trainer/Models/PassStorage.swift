import ExpCore
import TrainerTensor

/// The memory of a `TrainingPass`: what backward needs of every row, and scratch for one tile.
final class PassStorage {
  /// Rows that a tile has at least, but for the last: enough for fast products, few enough for the cache.
  static let tileRows = 256
  /// Logits are held for backward up to this many outputs per channel of the width, else computed again.
  private static let mostHeldOutputs = 4
  /// Floats of logits that are in memory together where they are not held.
  private static let logitFloats = 1 << 18
  private static let mostLogitRows = 256

  /// Activations kept for backward, over all rows of the batch.
  struct Layer {
    var input: Matrix
    var inputRstd: Matrix
    var qkv: Matrix
    var attention: Matrix
    var logSums: Matrix
    /// From here on the last layer has only the rows that predict a scored token.
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
  /// Scored tokens whose logits are computed together.
  let logitRows: Int
  /// Whether there are logits of all scored tokens, not only of `logitRows`.
  let holdsLogits: Bool
  let logits: Matrix
  /// Of scored tokens in the order of appending.
  let logProbs: UnsafeMutablePointer<Float>
  let entropies: UnsafeMutablePointer<Float>
  /// Scratch of attention.
  let attention: UnsafeMutablePointer<Float>
  let scratch: TileScratch
  private let buffers: [FloatBuffer]

  /// `logitRows` limits the logits in memory; nil leaves the choice to the vocabulary.
  init(_ model: PolicyModel, rows: Int, scored: Int, logitRows: Int?) {
    self.rows = rows
    self.scored = scored
    holdsLogits =
      logitRows == nil && model.outputs <= PassStorage.mostHeldOutputs * model.shape.width
    let fitting = max(16, PassStorage.logitFloats / model.outputColumns)
    self.logitRows = logitRows ?? min(fitting, PassStorage.mostLogitRows)
    var sizes = MatrixAllocator()
    let width = model.shape.width
    let heads = model.heads
    layers = (0..<model.shape.layers).map { layer in
      Layer(
        input: sizes.take(rows, width), inputRstd: sizes.take(rows, 1),
        qkv: sizes.take(rows, heads.rowWidth), attention: sizes.take(rows, width),
        logSums: sizes.take(rows, heads.query), middle: sizes.take(rows, width),
        middleRstd: sizes.take(rows, 1), gateUp: sizes.take(rows, 2 * model.shape.hidden))
    }
    finalInput = sizes.take(rows, width)
    finalRstd = sizes.take(rows, 1)
    finalNormed = sizes.take(rows, width)
    logits = sizes.take(holdsLogits ? scored : self.logitRows, model.outputColumns)
    logProbs = sizes.take(scored, 1).base
    entropies = sizes.take(scored, 1).base
    attention =
      sizes.take(
        1, model.device.attentionScratch(longest: model.contextLength, heads: heads)
      ).base
    scratch = TileScratch(
      model,
      rows: min(
        rows,
        PackedRows.mostRows(
          tileRows: PassStorage.tileRows, contextLength: model.contextLength)),
      logitRows: self.logitRows, from: &sizes)
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
  /// Final states of the scored tokens whose logits are computed together, and what belongs to each.
  let headInput: Matrix
  let headLogProbs: UnsafeMutablePointer<Float>
  let headEntropies: UnsafeMutablePointer<Float>
  let dRows: Matrix
  let dTail: Matrix
  let dNormed: Matrix
  let dActivated: Matrix
  let dGateUp: Matrix
  let dAttention: Matrix
  let dQKV: Matrix

  init(
    _ model: PolicyModel, rows: Int, logitRows: Int, from sizes: inout MatrixAllocator
  ) {
    let width = model.shape.width
    normed = sizes.take(rows, width)
    projected = sizes.take(rows, width)
    activated = sizes.take(rows, model.shape.hidden)
    tailInput = sizes.take(rows, width)
    tailAttention = sizes.take(rows, width)
    headInput = sizes.take(logitRows, width)
    headLogProbs = sizes.take(logitRows, 1).base
    headEntropies = sizes.take(logitRows, 1).base
    dRows = sizes.take(rows, width)
    dTail = sizes.take(rows, width)
    dNormed = sizes.take(rows, width)
    dActivated = sizes.take(rows, model.shape.hidden)
    dGateUp = sizes.take(rows, 2 * model.shape.hidden)
    dAttention = sizes.take(rows, width)
    dQKV = sizes.take(rows, model.heads.rowWidth)
  }
}

/// Takes a buffer per matrix.
struct MatrixAllocator {
  private(set) var buffers: [FloatBuffer] = []

  mutating func take(_ rows: Int, _ columns: Int) -> Matrix {
    let buffer = FloatBuffer.required(count: rows * columns)
    buffers.append(buffer)
    return Matrix(buffer.start, rows: rows, columns: columns)
  }
}
