import TrainerTensor

/// A model's weight matrices laid out for products, forwards or transposed for gradients.
final class ModelPanels {
  /// Panels of one block.
  struct Block {
    let queryKeyValue: WeightPanels
    let attentionOutput: WeightPanels
    let gateUp: WeightPanels
    let down: WeightPanels
  }

  enum Direction {
    /// Inputs to outputs.
    case forward
    /// Gradients of outputs to gradients of inputs.
    case backward
  }

  let blocks: [Block]
  let head: WeightPanels
  private let pairs: [(panels: WeightPanels, weights: Matrix, transposed: Bool)]
  private let buffers: [DeviceBuffer]
  /// The parameters' version that the panels hold.
  private var version = -1

  init(_ weights: ModelWeights, _ direction: Direction, device: Device) {
    var pairs: [(panels: WeightPanels, weights: Matrix, transposed: Bool)] = []
    var buffers: [DeviceBuffer] = []
    func take(_ matrix: Matrix, transposed: Bool) -> WeightPanels {
      let rows = transposed ? matrix.columns : matrix.rows
      let columns = transposed ? matrix.rows : matrix.columns
      let buffer = DeviceBuffer.required(
        bytes: device.panelBytes(rows: rows, columns: columns), on: device)
      let panels = WeightPanels(buffer.start, rows: rows, columns: columns)
      buffers.append(buffer)
      pairs.append((panels, matrix, transposed))
      return panels
    }
    let turned = direction == .backward
    blocks = weights.blocks.map { block in
      Block(
        queryKeyValue: take(block.queryKeyValue, transposed: turned),
        attentionOutput: take(block.attentionOutput, transposed: turned),
        gateUp: take(block.gateUp, transposed: turned),
        down: take(block.down, transposed: turned))
    }
    // The head is stored with a row per output.
    head = take(weights.head, transposed: !turned)
    self.pairs = pairs
    self.buffers = buffers
  }

  /// Takes over the parameters, unless they are still of the version that was taken last.
  func refresh(version wanted: Int, device: Device) {
    guard version != wanted else { return }
    version = wanted
    for pair in pairs {
      device.pack(pair.weights, transposed: pair.transposed, into: pair.panels)
    }
  }
}
