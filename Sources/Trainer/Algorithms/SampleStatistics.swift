/// Means and spreads of flat arrays, defined for empty ones too; algorithms.md section 0.
package enum SampleStatistics {
  /// How whitening divides.
  package enum Whitening: Sendable, Hashable {
    /// By `sqrt(variance + 1e-8)` with the unbiased variance, as verl does.
    case unbiased
    /// By `sqrt(max(variance, 1e-8))` with the biased variance, as OpenRLHF does.
    case clampedBiased
  }

  /// Returns the mean; 0 of nothing.
  package static func mean(_ values: some Collection<Double>) -> Double {
    values.isEmpty ? 0 : values.reduce(0, +) / Double(values.count)
  }

  /// Returns the variance with N - 1 below, or N where it is biased; 0 of fewer than two values.
  package static func variance(
    _ values: some Collection<Double>, isBiased: Bool = false
  ) -> Double {
    guard values.count > 1 else { return 0 }
    let mean = mean(values)
    let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    return squares / Double(isBiased ? values.count : values.count - 1)
  }

  /// Returns `(x - mean) / spread`, plus the mean again where it is kept.
  ///
  /// Mean and spread are those of the values that `mask` keeps, of all where it keeps none or is nil. Fewer than two
  /// of them, or equal ones, make deviations that say nothing: then the result is 0 (or the mean) throughout.
  package static func whiten(
    _ values: [Double], _ form: Whitening = .unbiased, over mask: [Bool]? = nil,
    keepsMean: Bool = false
  ) -> [Double] {
    let kept = mask.map { mask in values.indices.lazy.filter { mask[$0] }.map { values[$0] } } ?? []
    let sample = kept.isEmpty ? values : kept
    let mean = mean(sample)
    let offset = keepsMean ? mean : 0
    guard sample.count > 1, !isFlat(sample) else { return values.map { _ in offset } }
    let spread =
      switch form {
      case .unbiased: (variance(sample) + 1e-8).squareRoot()
      case .clampedBiased: max(variance(sample, isBiased: true), 1e-8).squareRoot()
      }
    return values.map { ($0 - mean) / spread + offset }
  }

  /// Returns `(x - mean) / deviation` with the biased deviation; 0 throughout where all are equal.
  package static func standardised(_ values: [Double]) -> [Double] {
    let mean = mean(values)
    let deviation = isFlat(values) ? 0 : variance(values, isBiased: true).squareRoot()
    // Differences may also be too small to square.
    return values.map { deviation > 0 ? ($0 - mean) / deviation : 0 }
  }

  /// Whether all values are the same; their mean may round off them.
  package static func isFlat(_ values: some Collection<Double>) -> Bool {
    values.allSatisfy { $0 == values.first }
  }

  /// Returns the value below which a fraction of the values lies, interpolated linearly between neighbours; nil of
  /// nothing.
  package static func quantile(_ fraction: Double, of values: [Double]) -> Double? {
    let sorted = values.sorted()
    guard let last = sorted.last else { return nil }
    let exact = min(max(fraction, 0), 1) * Double(sorted.count - 1)
    // A fraction such as 1 - 0.7 must not fall beside the place that is meant.
    let place = (exact - exact.rounded()).magnitude < 1e-9 ? exact.rounded() : exact
    let index = Int(place)
    guard index + 1 < sorted.count else { return last }
    return sorted[index] + (place - Double(index)) * (sorted[index + 1] - sorted[index])
  }

  /// Returns the mean product of deviations (divided by N); 0 of nothing.
  package static func covariance(_ left: [Double], _ right: [Double]) -> Double {
    precondition(left.count == right.count, "\(left.count) values against \(right.count)")
    let (leftMean, rightMean) = (mean(left), mean(right))
    return mean(zip(left, right).map { ($0 - leftMean) * ($1 - rightMean) })
  }
}
