package import ExpCore
import Glibc
package import TrainerTensor

/// A decoder-only transformer's parameters and gradients: RMSNorm, rotary positions, grouped-query attention, SwiGLU.
///
/// It is a policy over tokens, or a critic whose output is one value per state.
package final class PolicyModel {
  /// Its widths.
  package let shape: ModelShape
  /// Tokens it knows.
  package let vocabulary: Int
  /// What it computes from its final states.
  package let output: ModelOutput
  /// Tokens of the longest sequence it can read.
  package let contextLength: Int
  /// Its tensors, in the order of the flat buffers.
  package var tensors: [NamedTensor] { layout.tensors }
  /// Floats in the flat buffers, embedding included.
  package var parameterCount: Int { layout.parameterCount }
  /// All parameters, flat, in the host's memory.
  ///
  /// Passes keep copies of them in another layout, which every use of this property voids: ask for it again for
  /// every write after a pass.
  package var parameters: UnsafeMutableBufferPointer<Float> {
    version += 1
    return parameterBuffer.onHost
  }
  /// Their gradients, flat, in the host's memory; backward passes add to them.
  ///
  /// Ask again after every pass.
  package var gradients: UnsafeMutableBufferPointer<Float> { gradientBuffer.onHost }
  /// All parameters, flat, in the host's memory, to be read.
  package var parametersForReading: UnsafeBufferPointer<Float> { parameterBuffer.forReading }
  /// All parameters in the device's memory, to be changed there.
  var deviceParameters: UnsafeMutableBufferPointer<Float> {
    version += 1
    return parameterBuffer.onDevice
  }
  /// Their gradients in the device's memory.
  var deviceGradients: UnsafeMutableBufferPointer<Float> { gradientBuffer.onDevice }

  /// Whether rollouts and training passes give a token the same bits.
  package var isBatchInvariant: Bool { device.isBatchInvariant }

  let device: Device
  let layout: ModelLayout
  let weights: ModelWeights
  let weightGradients: ModelWeights
  let heads: AttentionHeads
  let rotary: RotaryTable
  /// Counts the occasions on which parameters may have changed.
  private var version = 0
  private let forwardPanels: ModelPanels
  private lazy var backwardPanels = ModelPanels(weights, .backward, device: device)
  private let parameterBuffer: SharedFloats
  private let gradientBuffer: SharedFloats
  private let rotaryBuffer: SharedFloats

  /// Numbers it computes from a final state, and floats of their row: whole cache lines.
  var outputs: Int { output == .tokens ? vocabulary : 1 }
  var outputColumns: Int { (outputs + 15) / 16 * 16 }

  /// Makes a model with all parameters 0, on `device` or else on the configured one.
  ///
  /// - Throws: `ModelError` for widths that do not fit together, `TensorError` where memory is missing.
  package init(
    shape: ModelShape, vocabulary: Int, contextLength: Int, output: ModelOutput = .tokens,
    device: Device? = nil
  ) throws {
    try ModelError.check(shape, vocabulary: vocabulary, contextLength: contextLength)
    self.shape = shape
    self.vocabulary = vocabulary
    self.contextLength = contextLength
    self.output = output
    self.device = device ?? TensorRuntime.device
    if let widest = self.device.widestHead, shape.headWidth > widest {
      throw ModelError.impossibleShape(
        shape,
        reason:
          "heads of \(shape.headWidth) channels are wider than the \(widest) that \(self.device) takes"
      )
    }
    layout = ModelLayout(shape: shape, vocabulary: vocabulary, output: output)
    parameterBuffer = try SharedFloats(count: layout.parameterCount, on: self.device)
    gradientBuffer = try SharedFloats(count: layout.parameterCount, on: self.device)
    weights = ModelWeights(layout, over: parameterBuffer.start)
    weightGradients = ModelWeights(layout, over: gradientBuffer.start)
    forwardPanels = ModelPanels(weights, .forward, device: self.device)
    heads = AttentionHeads(query: shape.heads, key: shape.kvHeads, width: shape.headWidth)
    let half = shape.headWidth / 2
    rotaryBuffer = try SharedFloats(count: 2 * contextLength * half, on: self.device)
    rotary = RotaryTable(
      cosines: Matrix(rotaryBuffer.start, rows: contextLength, columns: half),
      sines: Matrix(rotaryBuffer.start + contextLength * half, rows: contextLength, columns: half))
    PolicyModel.fillRotary(rotaryBuffer.onHost, positions: contextLength, half: half)
    rotaryBuffer.settle()
  }

  /// Brings what the host wrote into gradients to the device, which adds to them there.
  func settleGradients() { gradientBuffer.settle() }

  /// The present weights, for products.
  func panels(_ direction: ModelPanels.Direction) -> ModelPanels {
    parameterBuffer.settle()
    let panels = direction == .forward ? forwardPanels : backwardPanels
    panels.refresh(version: version, device: device)
    return panels
  }

  /// Angle of channel pair i at position t: t * 10000^(-i / half), as in RoFormer (arXiv:2104.09864, section 3.2.2).
  private static func fillRotary(
    _ table: UnsafeMutableBufferPointer<Float>, positions: Int, half: Int
  ) {
    for position in 0..<positions {
      for pair in 0..<half {
        let angle = Double(position) * pow(10000, -Double(pair) / Double(half))
        table[position * half + pair] = Float(cos(angle))
        table[(positions + position) * half + pair] = Float(sin(angle))
      }
    }
  }

  /// Draws initial parameters: normal with deviation 0.5 / sqrt(n), over sqrt(2 L) for projections into the residual stream.
  ///
  /// n is the number of input channels, and the width for embedding and output projection. GPT-2's fixed 0.02 is this
  /// at a width of 625; at the widths of a small ladder it starts so near 0 that base policies learn far less in the
  /// same steps. Norm weights become 1, biases and the value head 0: a new critic says 0 everywhere. The same seed gives the same bits whatever the kernel set.
  package func initialise(seed: UInt64) {
    let stream = RandomStream(seed: seed, stream: .initialWeights)
    let depth = (2 * Double(shape.layers)).squareRoot()
    let all = parameters
    for (index, tensor) in tensors.enumerated() {
      let values = UnsafeMutableBufferPointer(rebasing: all[tensor.range])
      if tensor.name.hasPrefix("value_head.") {
        values.update(repeating: 0)
      } else if tensor.decays {
        let writesToResidual =
          tensor.name.hasSuffix("output.weight") || tensor.name.hasSuffix("down.weight")
        let isTable = tensor.name == "embedding.weight" || tensor.name == "head.weight"
        let inputs = isTable ? shape.width : tensor.shape[0]
        let deviation = 0.5 / Double(inputs).squareRoot()
        PolicyModel.fillNormal(
          values, deviation: writesToResidual ? deviation / depth : deviation, stream,
          tensor: UInt32(index))
      } else {
        values.update(repeating: tensor.name.hasSuffix("bias") ? 0 : 1)
      }
    }
  }

  /// Box and Muller's transform of two uniform numbers per pair of elements.
  private static func fillNormal(
    _ values: UnsafeMutableBufferPointer<Float>, deviation: Double, _ stream: RandomStream,
    tensor: UInt32
  ) {
    for pair in 0..<(values.count + 1) / 2 {
      let low = UInt32(truncatingIfNeeded: pair)
      let high = UInt32(truncatingIfNeeded: pair >> 32)
      let radius = (-2 * log(1 - stream.uniform(tensor, low, high, 0))).squareRoot() * deviation
      let angle = 2 * Double.pi * stream.uniform(tensor, low, high, 1)
      values[2 * pair] = Float(radius * cos(angle))
      if 2 * pair + 1 < values.count { values[2 * pair + 1] = Float(radius * sin(angle)) }
    }
  }

  /// Takes over the parameters of a model of the same shape and output.
  package func copyParameters(from other: PolicyModel) {
    precondition(other.output == output, "parameters of a model of another output")
    checkShape(other)
    copy(0..<parameterCount, from: other)
  }

  /// Takes over all parameters but the output projection of a model of the same shape; tied ones belong to the trunk.
  package func copyTrunk(from other: PolicyModel) {
    checkShape(other)
    copy(0..<trunkCount, from: other)
  }

  /// Moves every parameter by `rate` of its distance to that of a model of the same shape and output.
  package func follow(_ other: PolicyModel, rate: Float) {
    precondition(other.output == output, "parameters of a model of another output")
    checkShape(other)
    device.follow(deviceParameters, other.deviceParameters, rate: rate)
  }

  private func checkShape(_ other: PolicyModel) {
    precondition(
      other.shape == shape && other.vocabulary == vocabulary,
      "parameters of a model of another shape")
  }

  private func copy(_ range: Range<Int>, from other: PolicyModel) {
    device.copy(
      UnsafeMutableBufferPointer(rebasing: other.deviceParameters[range]),
      to: UnsafeMutableBufferPointer(rebasing: deviceParameters[range]))
  }

  /// Floats before the output projection.
  private var trunkCount: Int { layout.tensors[layout.finalNorm].range.upperBound }

  /// Sets all gradients to 0.
  package func zeroGradients() { device.clear(deviceGradients) }
}
