import ExpCore
import TrainerTensor

/// The parts of a transformer block that training and sampling share, so that both give the same bits.
struct BlockSteps {
  let model: PolicyModel
  private var device: Device { model.device }

  /// Rotated queries and keys, and values, of normed rows.
  func queryKeyValue(
    _ layer: Int, normed: Matrix, positions: UnsafePointer<Int32>, into qkv: Matrix
  ) {
    let block = model.weights.blocks[layer]
    device.multiplyRows(normed, block.queryKeyValue, into: qkv)
    if let bias = block.queryKeyValueBias { device.addBias(bias, to: qkv) }
    device.rotate(qkv, positions: positions, table: model.rotary, heads: model.heads)
  }

  /// From the attention's result to the block's last projection, which is still to be added to `rows.middle`.
  func finish(_ layer: Int, input: Matrix, attention: Matrix, rows: BlockRows) {
    let block = model.weights.blocks[layer]
    device.multiplyRows(attention, block.attentionOutput, into: rows.projected)
    device.addAndNorm(
      input, rows.projected, weight: block.mlpNorm, sum: rows.middle, into: rows.normed,
      rstd: rows.middleRstd)
    device.multiplyRows(rows.normed, block.gateUp, into: rows.gateUp)
    device.swiGLU(rows.gateUp, into: rows.activated)
    device.multiplyRows(rows.activated, block.down, into: rows.projected)
  }

  /// Floating-point operations of a block's products over so many rows, forward only.
  ///
  /// `outputRows` of them go through everything behind the attention; `pairs` are attention's query-key pairs.
  func operations(rows: Int, outputRows: Int, pairs: Int) -> Double {
    let shape = model.shape
    let width = Double(shape.width)
    let input = width * Double(model.heads.rowWidth)
    let output = width * width + 3 * width * Double(shape.hidden)
    return 2 * (Double(rows) * input + Double(outputRows) * output) + 4 * width * Double(pairs)
  }

  /// Floating-point operations of the output projection over so many rows, forward only.
  func headOperations(rows: Int) -> Double {
    2 * Double(rows) * Double(model.shape.width) * Double(model.vocabulary)
  }
}

/// Where a block's steps behind the attention put their results.
struct BlockRows {
  var projected: Matrix
  var middle: Matrix
  var middleRstd: UnsafeMutablePointer<Float>
  var normed: Matrix
  var gateUp: Matrix
  var activated: Matrix
}

/// The output projection, transposed and padded so that its product has whole vectors of columns.
struct PaddedHead {
  let weights: Matrix
  private let buffer: FloatBuffer

  init(_ model: PolicyModel) {
    let columns = PaddedHead.columns(model)
    buffer = FloatBuffer.required(count: model.shape.width * columns)
    weights = Matrix(buffer.start, rows: model.shape.width, columns: columns)
  }

  static func columns(_ model: PolicyModel) -> Int { (model.vocabulary + 15) / 16 * 16 }

  /// Takes over the model's present parameters.
  func refresh(_ model: PolicyModel) { model.device.transpose(model.weights.head, into: weights) }
}
