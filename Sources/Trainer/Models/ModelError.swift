package import ExpCore

/// Why a model cannot be made.
package enum ModelError: Error, Sendable, Hashable, CustomStringConvertible {
  /// Widths that do not fit together.
  case impossibleShape(ModelShape, reason: String)
  /// A vocabulary or context without room.
  case impossibleSize(String)

  /// The problem in words.
  package var description: String {
    switch self {
    case .impossibleShape(let shape, let reason):
      "no model has width \(shape.width), \(shape.layers) layers, \(shape.heads) heads over "
        + "\(shape.kvHeads), hidden width \(shape.hidden): \(reason)"
    case .impossibleSize(let reason): reason
    }
  }

  static func check(_ shape: ModelShape, vocabulary: Int, contextLength: Int) throws(ModelError) {
    func require(_ holds: Bool, _ reason: String) throws(ModelError) {
      if !holds { throw .impossibleShape(shape, reason: reason) }
    }
    let widths = [shape.width, shape.layers, shape.heads, shape.kvHeads, shape.hidden]
    try require(widths.allSatisfy { $0 > 0 }, "every width must be at least 1")
    try require(widths.allSatisfy { $0 <= 1 << 20 }, "no width may exceed 1048576")
    try require(shape.width % shape.heads == 0, "heads must divide the width")
    try require(shape.headWidth % 2 == 0, "the width of a head must be even")
    try require(shape.heads % shape.kvHeads == 0, "key heads must divide the heads")
    guard (1...1 << 24).contains(vocabulary) else {
      throw .impossibleSize("no model has a vocabulary of \(vocabulary) tokens")
    }
    guard (1...1 << 20).contains(contextLength) else {
      throw .impossibleSize("no model has a context of \(contextLength) tokens")
    }
  }
}
