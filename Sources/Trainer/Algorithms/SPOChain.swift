/// Segments of one answer and their advantages; algorithms.md section 2.8.
///
/// A boundary is a state of the answer, named by the token it lies just behind; -1 is the bare prompt.
package enum SPOChain {
  /// Returns boundaries at every `interval`-th token of probability below the threshold, from the first on; each lies
  /// just before its token.
  package static func cutPoints(
    probabilities: [Double], threshold: Double, interval: Int
  ) -> [Int] {
    precondition(interval > 0, "every \(interval)-th cut point")
    let unsure = probabilities.indices.filter { probabilities[$0] < threshold }
    return stride(from: 0, to: unsure.count, by: interval).map { unsure[$0] - 1 }
  }

  /// Returns the prompt and every state `tokens` further on, short of the answer's end.
  package static func fixedLength(responseLength: Int, tokens: Int) -> [Int] {
    precondition(tokens > 0, "segments of \(tokens) tokens")
    return stride(from: 0, to: responseLength, by: tokens).map { $0 - 1 }
  }

  /// Returns the advantage of each token: the value at its segment's end less that at its beginning.
  ///
  /// The last segment ends with the answer's own score. Tokens before the first boundary get 0: the state they start
  /// from has no value. So do tokens of probability above the threshold, which are no decisions.
  /// - Precondition: `boundaries` rise, from -1 at least to a token of the answer at most, and have a value each.
  package static func advantages(
    probabilities: [Double], boundaries: [Int], values: [Double], score: Double, threshold: Double
  ) -> [Double] {
    precondition(
      boundaries.count == values.count, "\(boundaries.count) boundaries, \(values.count) values")
    var result = [Double](repeating: 0, count: probabilities.count)
    for (index, boundary) in boundaries.enumerated() {
      let isLast = index + 1 == boundaries.count
      let end = isLast ? probabilities.count - 1 : boundaries[index + 1]
      precondition(boundary >= -1 && end >= boundary && end < probabilities.count, "boundaries")
      let advantage = (isLast ? score : values[index + 1]) - values[index]
      for token in boundary + 1..<end + 1 where probabilities[token] <= threshold {
        result[token] = advantage
      }
    }
    return result
  }
}
