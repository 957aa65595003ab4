import Glibc
import TrainerTensor

/// Nucleus sampling: the least set of likeliest tokens whose probabilities reach a share (arXiv:1904.09751, section 3.1).
struct NucleusFilter {
  /// What takes the place of an excluded token's logit: its weight underflows to 0.
  private static let excluded: Float = -1e30

  private let vocabulary: Int
  private var weights: [Double]
  private var order: [Int]

  init(vocabulary: Int) {
    self.vocabulary = vocabulary
    weights = Array(repeating: 0, count: vocabulary)
    order = Array(0..<vocabulary)
  }

  /// Copies logits with those outside the nucleus of softmax(logits * inverseTemperature) excluded.
  ///
  /// The likeliest token always stays; equal ones are taken in order of their index.
  mutating func restrict(
    _ logits: Matrix, inverseTemperature: Float, share: Double, into out: Matrix
  ) {
    for row in 0..<logits.rows {
      let source = logits.base + row * logits.columns
      let target = out.base + row * out.columns
      target.update(repeating: NucleusFilter.excluded, count: out.columns)
      let largest = UnsafeBufferPointer(start: source, count: vocabulary).max() ?? 0
      var sum = 0.0
      for token in 0..<vocabulary {
        weights[token] = exp(Double((source[token] - largest) * inverseTemperature))
        sum += weights[token]
        order[token] = token
      }
      order.sort { weights[$0] != weights[$1] ? weights[$0] > weights[$1] : $0 < $1 }
      var reached = 0.0
      for token in order {
        target[token] = source[token]
        reached += weights[token]
        if reached >= share * sum { break }
      }
    }
  }
}
