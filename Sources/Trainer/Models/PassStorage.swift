import ExpCore
import TrainerTensor

/// The memory of a `TrainingPass`: what backward needs of every row, and scratch for one tile.
final class PassStorage {
  /// Logits are held for backward up to this many outputs per channel of the width, else computed again.
  private static let mostHeldOutputs = 4
  /// Activations kept for backward, over all rows of the batch.
  struct Layer {
    var input: Matrix
    var inputRstd: Matrix
    var qkv: Activations
    var attention: Activations
    var logSums: Matrix
    /// From here on the last layer has only the rows that predict a scored token.
    var middle: Matrix
    var middleRstd: Matrix
    var gateUp: Activations
  }

  let rows: Int
  let scored: Int
  let layers: [Layer]
  let finalInput: Matrix
  let finalRstd: Matrix
  let finalNormed: Activations
  /// Scored tokens whose logits are computed together.
  let logitRows: Int
  /// Whether there are logits of all scored tokens, not only of `logitRows`.
  let holdsLogits: Bool
  let logits: Matrix
  /// Of scored tokens in the order of the packed rows.
  let logProbs: PackedList<Float>
  let entropies: PackedList<Float>
  let dLogProbs: PackedList<Float>
  let dEntropies: PackedList<Float>
  /// Log-probabilities and entropies in the order of appending.
  let orderedLogProbs: PackedList<Float>
  let orderedEntropies: PackedList<Float>
  /// Scratch of attention.
  let attention: UnsafeMutablePointer<Float>
  let scratch: TileScratch
  private let buffers: [DeviceBuffer]

  /// `logitRows` limits the logits in memory; nil leaves the choice to the vocabulary.
  init(_ model: PolicyModel, rows: Int, scored: Int, logitRows: Int?) {
    self.rows = rows
    self.scored = scored
    holdsLogits =
      logitRows == nil && model.outputs <= PassStorage.mostHeldOutputs * model.shape.width
    let device = model.device
    let fitting = max(16, device.logitCount / model.outputColumns)
    self.logitRows = logitRows ?? max(1, min(fitting, device.tileRows, scored))
    var sizes = MatrixAllocator(device: device)
    let width = model.shape.width
    let heads = model.heads
    layers = (0..<model.shape.layers).map { layer in
      Layer(
        input: sizes.take(rows, width), inputRstd: sizes.take(rows, 1),
        qkv: sizes.takeActivations(rows, heads.rowWidth),
        attention: sizes.takeActivations(rows, width),
        logSums: sizes.take(rows, heads.query), middle: sizes.take(rows, width),
        middleRstd: sizes.take(rows, 1), gateUp: sizes.takeActivations(rows, 2 * model.shape.hidden)
      )
    }
    finalInput = sizes.take(rows, width)
    finalRstd = sizes.take(rows, 1)
    finalNormed = sizes.takeActivations(rows, width)
    logits = sizes.take(holdsLogits ? scored : self.logitRows, model.outputColumns)
    logProbs = PackedList(capacity: scored, on: device)
    entropies = PackedList(capacity: scored, on: device)
    dLogProbs = PackedList(capacity: scored, on: device)
    dEntropies = PackedList(capacity: scored, on: device)
    orderedLogProbs = PackedList(capacity: scored)
    orderedEntropies = PackedList(capacity: scored)
    attention =
      sizes.take(
        1, device.attentionScratch(longest: model.contextLength, heads: heads)
      ).base
    scratch = TileScratch(
      model,
      rows: min(
        rows,
        PackedRows.mostRows(tileRows: device.tileRows, contextLength: model.contextLength)),
      logitRows: self.logitRows, from: &sizes)
    buffers = sizes.buffers
  }
}

/// Scratch for one tile; `rows` bounds a tile's rows.
struct TileScratch {
  let normed: Activations
  let projected: Activations
  let activated: Activations
  let tailInput: Matrix
  let tailAttention: Activations
  /// Final states of the scored tokens whose logits are computed together, and the gradient of those logits, which
  /// where activations are floats takes the logits' own place.
  let headInput: Activations
  let dLogits: Activations?
  let dRows: Matrix
  let dTail: Matrix
  /// Gradients of the residual stream as products read them, where that is another type.
  let roundedStream: Activations?
  let dNormed: Activations
  let dActivated: Activations
  let dGateUp: Activations
  let dAttention: Activations
  let dQKV: Activations

  init(
    _ model: PolicyModel, rows: Int, logitRows: Int, from sizes: inout MatrixAllocator
  ) {
    let width = model.shape.width
    let rounds = model.device.activationBytes != MemoryLayout<Float>.stride
    normed = sizes.takeActivations(rows, width)
    projected = sizes.takeActivations(rows, width)
    activated = sizes.takeActivations(rows, model.shape.hidden)
    tailInput = sizes.take(rows, width)
    tailAttention = sizes.takeActivations(rows, width)
    headInput = sizes.takeActivations(logitRows, width)
    dLogits = rounds ? sizes.takeActivations(logitRows, model.outputColumns) : nil
    dRows = sizes.take(rows, width)
    dTail = sizes.take(rows, width)
    roundedStream = rounds ? sizes.takeActivations(rows, width) : nil
    dNormed = sizes.takeActivations(rows, width)
    dActivated = sizes.takeActivations(rows, model.shape.hidden)
    dGateUp = sizes.takeActivations(rows, 2 * model.shape.hidden)
    dAttention = sizes.takeActivations(rows, width)
    dQKV = sizes.takeActivations(rows, model.heads.rowWidth)
  }
}

/// Takes a buffer per matrix.
struct MatrixAllocator {
  let device: Device
  private(set) var buffers: [DeviceBuffer] = []

  init(device: Device) { self.device = device }

  mutating func take(_ rows: Int, _ columns: Int) -> Matrix {
    let start = takeBytes(rows * columns * MemoryLayout<Float>.stride)
    return Matrix(start.assumingMemoryBound(to: Float.self), rows: rows, columns: columns)
  }

  mutating func takeActivations(_ rows: Int, _ columns: Int) -> Activations {
    let bytes = device.activationBytes
    return Activations(
      takeBytes(rows * columns * bytes), rows: rows, columns: columns, elementBytes: bytes)
  }

  private mutating func takeBytes(_ bytes: Int) -> UnsafeMutableRawPointer {
    let buffer = DeviceBuffer.required(bytes: bytes, on: device)
    buffers.append(buffer)
    return buffer.start
  }
}
