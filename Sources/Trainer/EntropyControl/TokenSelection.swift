/// Picks `count` of the candidates; the way to pick is a parameter so that a choice can be repeated or prescribed.
package typealias TokenChooser = (_ candidates: [Int], _ count: Int) -> [Int]

/// The tokens that an entropy control treats apart, and those that a mask keeps in the loss.
package struct TokenSelection: Sendable, Hashable {
  /// Tokens that could have been selected.
  package var candidateCount: Int
  /// Whether each token is selected.
  package var isSelected: [Bool]
  /// Whether each token is kept in the loss; nil for all.
  ///
  /// Tokens left out count in no denominator.
  package var isKept: [Bool]?

  /// Makes the selection of these tokens out of `count`.
  package init(_ tokens: some Sequence<Int>, of count: Int, candidateCount: Int) {
    self.candidateCount = candidateCount
    isSelected = Array(repeating: false, count: count)
    for token in tokens { isSelected[token] = true }
  }

  /// Makes the selection of the tokens that a mask keeps.
  package init(keeping mask: [Bool]) {
    candidateCount = mask.count
    isSelected = mask
    isKept = mask
  }

  /// Returns the part for a range of tokens.
  package func slice(_ range: Range<Int>) -> TokenSelection {
    var slice = self
    slice.isSelected = Array(isSelected[range])
    slice.isKept = isKept.map { Array($0[range]) }
    return slice
  }

  /// Returns this selection, made among the tokens that a mask keeps, as one among all tokens.
  package func spread(over mask: [Bool]) -> TokenSelection {
    var all = TokenSelection([], of: mask.count, candidateCount: candidateCount)
    var kept = mask
    var next = 0
    for token in mask.indices where mask[token] {
      all.isSelected[token] = isSelected[next]
      if let isKept { kept[token] = isKept[next] }
      next += 1
    }
    all.isKept = kept
    return all
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

  /// Returns the entropy that so large a fraction of the tokens reaches: the `1 - fraction` quantile, interpolated
  /// linearly; section 3.7.
  ///
  /// It is infinite for no tokens.
  package static func entropyThreshold(_ entropies: [Double], fraction: Double) -> Double {
    SampleStatistics.quantile(1 - fraction, of: entropies) ?? .infinity
  }

  /// Keeps the tokens whose entropy reaches that threshold, ties included, or with `reverse` the others; section 3.7.
  package static func highEntropy(
    _ entropies: [Double], fraction: Double, reverse: Bool = false
  ) -> TokenSelection {
    let threshold = entropyThreshold(entropies, fraction: fraction)
    return TokenSelection(keeping: entropies.map { ($0 >= threshold) != reverse })
  }

  /// Returns whether each token's probability in the rollout was below the threshold; section 3.6.
  package static func probabilityMask(oldLogProbs: [Double], threshold: Double) -> [Bool] {
    oldLogProbs.map { LogRatio.exponential($0) < threshold }
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
