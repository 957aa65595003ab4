package import ExpCore
package import TrainerTensor

/// How many sequences are decoded at a time.
package enum RolloutCapacity {
  /// Beyond this many, decoding gets no faster.
  private static let mostSequences = 1024

  /// Returns how many of the wanted sequences to decode at a time; it changes memory and speed only, never a token.
  package static func sequences(
    wanted: Int, shape: ModelShape, length: Int, device: Device = TensorRuntime.device
  ) -> Int {
    let keyWidth = shape.kvHeads * shape.headWidth
    let bytes = max(2 * shape.layers * keyWidth * length * device.activationBytes, 1)
    return max(1, min(wanted, mostSequences, max(device.cacheBytes / bytes, 8)))
  }
}
