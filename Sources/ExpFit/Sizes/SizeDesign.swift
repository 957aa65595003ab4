internal import Glibc

/// How much every run counts in the mean of its size, and every size in a line: one set of weights
/// for a, b and the ceiling, so that the ceiling's line is the difference of the others.
struct SizeDesign: Sendable, Hashable {
  let nesting: RunNesting
  /// Of each run, in order of the nesting; 1 in sum over a size.
  let shares: [Double]
  /// Of each size: the precision of its mean, up to a common factor.
  let sizeWeights: [Double]
  /// Of each size: Σ (sum of a base's shares)², what a base policy's variance is multiplied with in
  /// the variance of the size's mean.
  let baseFactors: [Double]
  /// Of each size: Σ share², the same for a run's variance.
  let runFactors: [Double]

  init(_ covariance: NestedCovariance) {
    nesting = covariance.nesting
    shares = covariance.shares
    sizeWeights = covariance.sizeWeights
    var (baseFactors, runFactors) = ([Double](), [Double]())
    for bases in nesting.sizes {
      var (base, run) = (0.0, 0.0)
      for index in bases {
        var sum = 0.0
        for place in nesting.bases[index] {
          sum += shares[place]
          run += shares[place] * shares[place]
        }
        base += sum * sum
      }
      baseFactors.append(base)
      runFactors.append(run)
    }
    self.baseFactors = baseFactors
    self.runFactors = runFactors
  }

  /// The weighted mean of each size, of values in order of the nesting.
  func means(of values: [Double]) -> [Double] { sums(of: values) { $0 } }

  /// Σ share² variance of each size: the known part of the variance of its mean.
  func knownVariances(_ variances: [Double]) -> [Double] { sums(of: variances) { $0 * $0 } }

  private func sums(of values: [Double], _ factor: (Double) -> Double) -> [Double] {
    nesting.sizes.map { bases in
      var sum = 0.0
      for place in nesting.bases[bases.lowerBound]
        .lowerBound..<nesting.bases[bases.upperBound - 1].upperBound
      {
        sum += factor(shares[place]) * values[place]
      }
      return sum
    }
  }

  /// ln N of the sizes around their weighted mean, which keeps the columns of a line far from
  /// parallel.
  func centred() -> (center: Double, places: [Double]) {
    let total = sizeWeights.reduce(0, +)
    let center = zip(sizeWeights, nesting.logSizes).reduce(0) { $0 + $1.0 * $1.1 } / total
    return (center, nesting.logSizes.map { $0 - center })
  }
}

/// Values and known variances of the runs in order of the nesting, on a scale where the restricted
/// likelihood is well conditioned.
struct ScaledRuns: Sendable, Hashable {
  /// The unit that values are divided by.
  let unit: Double
  /// Values over the unit.
  let values: [Double]
  /// First-stage variances over the unit squared, between 1e-20 and 1e20.
  ///
  /// Below, rounding would decide the weights of runs that lie on the law exactly; above, a run has
  /// no weight left to lose.
  let known: [Double]

  init(_ values: [Double], variances: [Double]) {
    let middle = ScaledRuns.median(values)
    let distances = values.map { abs($0 - middle) }
    var unit = ScaledRuns.median(distances)
    if !(unit > 0) { unit = distances.reduce(0, max) }
    if !(unit > 0) { unit = 1 }
    self.init(unit: unit, values: values.map { $0 / unit }, variances: variances)
  }

  /// Takes a unit that is known; no values.
  init(unit: Double, variances: [Double]) {
    self.init(unit: unit, values: variances.map { _ in 0 }, variances: variances)
  }

  private init(unit: Double, values: [Double], variances: [Double]) {
    self.unit = unit
    self.values = values
    known = variances.map { variance in
      let scaled = variance.squareRoot() / unit
      return scaled.isFinite ? min(max(scaled * scaled, 1e-20), 1e20) : 1e20
    }
  }

  /// The middle of the values, 0 for none.
  static func median(_ values: [Double]) -> Double {
    guard !values.isEmpty else { return 0 }
    let sorted = values.sorted()
    let middle = sorted.count / 2
    return sorted.count % 2 == 1 ? sorted[middle] : sorted[middle - 1] / 2 + sorted[middle] / 2
  }
}
