import ExpCore
import TrainerTensor

/// The parts of a transformer block that training and sampling share, so that both give the same bits.
struct BlockSteps {
  let model: PolicyModel
  /// The weights as they were when these steps were made.
  let panels: ModelPanels
  private let device: Device

  /// Takes over the model's present parameters.
  init(model: PolicyModel) {
    self.model = model
    device = model.device
    panels = model.panels(.forward)
  }

  /// Rotated queries and keys, and values, of normed rows.
  func queryKeyValue(
    _ layer: Int, normed: Activations, positions: UnsafePointer<Int32>, into qkv: Activations
  ) {
    let block = model.weights.blocks[layer]
    device.multiply(normed, panels.blocks[layer].queryKeyValue, into: qkv)
    if let bias = block.queryKeyValueBias { device.addBias(bias, to: qkv) }
    device.rotate(qkv, positions: positions, table: model.rotary, heads: model.heads)
  }

  /// From the attention's result to the block's last projection, which is still to be added to `rows.middle`.
  func finish(_ layer: Int, input: Matrix, attention: Activations, rows: BlockRows) {
    let block = panels.blocks[layer]
    device.multiply(attention, block.attentionOutput, into: rows.projected)
    device.addAndNorm(
      input, rows.projected, weight: model.weights.blocks[layer].mlpNorm, sum: rows.middle,
      into: rows.normed,
      rstd: rows.middleRstd)
    device.multiply(rows.normed, block.gateUp, into: rows.gateUp)
    device.swiGLU(rows.gateUp, into: rows.activated)
    device.multiply(rows.activated, block.down, into: rows.projected)
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
    2 * Double(rows) * Double(model.shape.width) * Double(model.outputs)
  }
}

/// Where a block's steps behind the attention put their results.
struct BlockRows {
  var projected: Activations
  var middle: Matrix
  var middleRstd: UnsafeMutablePointer<Float>
  var normed: Activations
  var gateUp: Activations
  var activated: Activations
}
