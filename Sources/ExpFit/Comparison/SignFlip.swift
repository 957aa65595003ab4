/// The exact sign-flip permutation test of paired differences (Fisher 1935; Good 2005).
///
/// If an arm changes nothing, each pair's difference could as well have had the other sign. The p
/// value is the share of all 2ⁿ ways to choose the signs whose weighted sum is at least as far from
/// 0 as the one found. It needs no normal distribution, and cannot be smaller than 2 / 2ⁿ.
package enum SignFlip {
  /// Pairs up to which all ways are counted.
  package static let mostPairs = 16

  /// The smallest two-sided p that so many pairs can give.
  package static func smallestP(pairs: Int) -> Double {
    var p = 2.0
    for _ in 0..<min(pairs, 1000) { p /= 2 }
    return min(1, p)
  }

  /// Returns the two-sided p; nil for no pair and for more than `mostPairs`.
  ///
  /// Terms are differences times their weights in the statistic.
  package static func twoSidedP(_ terms: [Double]) -> Double? {
    guard !terms.isEmpty, terms.count <= mostPairs else { return nil }
    let observed = abs(terms.reduce(0, +))
    let sizes = terms.map(abs)
    // Sums that differ by rounding only are ties.
    let threshold = observed - 1e-12 * sizes.reduce(0, +)
    var sum = sizes.reduce(0, +)
    var isNegative = [Bool](repeating: false, count: terms.count)
    // The last sign stays: the other half of the ways mirrors this one. Gray code flips one a time.
    let ways = 1 << (terms.count - 1)
    var extreme = 0
    for way in 1...ways {
      if abs(sum) >= threshold { extreme += 1 }
      let place = way.trailingZeroBitCount
      guard place < terms.count - 1 else { break }
      sum += isNegative[place] ? 2 * sizes[place] : -2 * sizes[place]
      isNegative[place].toggle()
    }
    return Double(extreme) / Double(ways)
  }
}
