package import ExpCore

/// How many sequences are decoded at a time.
package enum RolloutCapacity {
  /// Bytes that keys and values of a decoding batch may take.
  private static let cacheBytes = 128 << 20
  /// Beyond this many, decoding gets no faster.
  private static let mostSequences = 1024

  /// Returns how many of the wanted sequences to decode at a time; it changes memory and speed only, never a token.
  package static func sequences(wanted: Int, shape: ModelShape, length: Int) -> Int {
    let keyWidth = shape.kvHeads * shape.headWidth
    let bytes = max(2 * shape.layers * keyWidth * length * 4, 1)
    return max(1, min(wanted, mostSequences, max(cacheBytes / bytes, 8)))
  }
}
