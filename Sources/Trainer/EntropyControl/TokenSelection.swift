/// Picks `count` of the candidates; the way to pick is a parameter so that a choice can be repeated or prescribed.
package typealias TokenChooser = (_ candidates: [Int], _ count: Int) -> [Int]

/// The tokens that an entropy control treats apart.
package struct TokenSelection: Sendable, Hashable {
  /// Tokens that could have been selected.
  package var candidateCount: Int
  /// Whether each token is selected.
  package var isSelected: [Bool]

  /// Makes the selection of these tokens out of `count`.
  package init(_ tokens: some Sequence<Int>, of count: Int, candidateCount: Int) {
    self.candidateCount = candidateCount
    isSelected = Array(repeating: false, count: count)
    for token in tokens { isSelected[token] = true }
  }

  /// Selects for Clip-Cov: `max(floor(fraction * N), 1)` tokens, at random, with `low < cov < high` strictly and not yet
  /// stopped by the clip; algorithms.md section 3.4.
  ///
  /// With fewer candidates all of them are taken, with none nothing is.
  package static func clipCov(
    covariances: [Double], stopped: [Bool], fraction: Double, low: Double, high: Double,
    chooser: TokenChooser
  ) -> TokenSelection {
    let candidates = covariances.indices.filter { token in
      covariances[token] > low && covariances[token] < high && !stopped[token]
    }
    let wanted = TokenCovariance.selectionCount(fraction, of: covariances.count)
    let chosen =
      candidates.count <= wanted ? candidates : chooser(candidates, wanted)
    return TokenSelection(chosen, of: covariances.count, candidateCount: candidates.count)
  }

  /// Selects for KL-Cov: the `max(1, floor(fraction * N))` tokens of largest covariance, ties by index; section 3.5.
  package static func klCov(covariances: [Double], fraction: Double) -> TokenSelection {
    let count = TokenCovariance.selectionCount(fraction, of: covariances.count)
    return TokenSelection(
      TokenCovariance.ranking(covariances).prefix(count), of: covariances.count,
      candidateCount: covariances.count)
  }

  /// Makes a chooser that draws uniformly without replacement from the numbers of one index of a stream.
  package static func randomChooser(_ stream: RandomStream, index: UInt64) -> TokenChooser {
    { candidates, count in
      var random = RandomSequence(stream, index: index)
      var pool = candidates
      // The first `count` places of a Fisher-Yates shuffle.
      for place in 0..<min(count, pool.count) {
        pool.swapAt(place, place + random.below(pool.count - place))
      }
      return Array(pool.prefix(count))
    }
  }
}
