/// Means and spreads of flat arrays, defined for empty ones too; algorithms.md section 0.
package enum SampleStatistics {
  /// Returns the mean; 0 of nothing.
  package static func mean(_ values: some Collection<Double>) -> Double {
    values.isEmpty ? 0 : values.reduce(0, +) / Double(values.count)
  }

  /// Returns the variance with N - 1 below; 0 of fewer than two values.
  package static func variance(_ values: some Collection<Double>) -> Double {
    guard values.count > 1 else { return 0 }
    let mean = mean(values)
    return values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count - 1)
  }

  /// Returns `(x - mean) / sqrt(variance + 1e-8)` with the unbiased variance; 0 throughout for fewer than two values.
  package static func whiten(_ values: [Double]) -> [Double] {
    guard values.count > 1 else { return values.map { _ in 0 } }
    let mean = mean(values)
    let scale = 1 / (variance(values) + 1e-8).squareRoot()
    return values.map { ($0 - mean) * scale }
  }

  /// Returns the mean product of deviations (divided by N); 0 of nothing.
  package static func covariance(_ left: [Double], _ right: [Double]) -> Double {
    precondition(left.count == right.count, "\(left.count) values against \(right.count)")
    let (leftMean, rightMean) = (mean(left), mean(right))
    return mean(zip(left, right).map { ($0 - leftMean) * ($1 - rightMean) })
  }
}
