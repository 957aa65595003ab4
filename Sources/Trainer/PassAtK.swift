/// The probability that at least one of k answers is right, estimated from n answers of which c are.
package enum PassAtK {
  /// Returns `1 - C(n - c, k) / C(n, k)`, which is unbiased (Chen et al., arXiv:2107.03374, equation 1).
  ///
  /// - Precondition: `0 <= right <= samples` and `1 <= k <= samples`.
  package static func estimate(samples: Int, right: Int, k: Int) -> Double {
    precondition((0...samples).contains(right), "\(right) right answers of \(samples)")
    precondition(k >= 1 && k <= samples, "k = \(k) of \(samples) answers")
    guard samples - right >= k else { return 1 }
    // As a product: binomials of a thousand answers are too large for a number.
    var miss = 1.0
    for index in 0..<k { miss *= Double(samples - right - index) / Double(samples - index) }
    return 1 - miss
  }

  /// The k that are recorded: every one up to 16, then powers of two, and the count of samples itself.
  package static func recorded(samples: Int) -> [Int] {
    (1...max(samples, 1)).filter { $0 <= 16 || $0.nonzeroBitCount == 1 || $0 == samples }
  }
}
