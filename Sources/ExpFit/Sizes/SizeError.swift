internal import Glibc

/// The error of a weighted sum of size means, and of a new run around it.
///
/// A sum with weights l over size means has the variance
/// Σ l² (size + baseFactor base + runFactor run + known); a new run at a new size adds one of each
/// variance and the first-stage variance of a typical run. Quantiles are Student's t with
/// Satterthwaite's degrees of freedom, 2 V² / Var(V), where Var(V) is that of the estimated
/// variances above 0 by their expected information (Giesbrecht and Burns 1985, Kenward and Roger
/// 1997). They are at most n - 2, which stands for all variances at 0 too, and at least 1; with
/// three sizes, whose line leaves a single one, they are 1.
struct SizeError: Sendable, Hashable {
  let components: Components
  /// Covariance of the estimates of the components.
  let covariance: [[Double]]
  let baseFactors: [Double]
  let runFactors: [Double]
  /// Known variance of each size's mean.
  let known: [Double]
  /// First-stage variance of a typical run: the median, which one bad run does not move.
  let typicalKnown: Double
  let runCount: Int

  /// A variance with the degrees of freedom of its estimate.
  struct Spread: Sendable, Hashable {
    let variance: Double
    let degreesOfFreedom: Double

    /// Half the width of an interval.
    func halfWidth(level: Double) -> Double {
      StudentT.twoSided(level: level, degreesOfFreedom: degreesOfFreedom) * variance.squareRoot()
    }
  }

  /// The spread of a sum of size means, for a new run around it where asked; nil for fewer than 3
  /// sizes, whose spread around a line nobody knows.
  func spread(of weights: [Double], forNewRun: Bool) -> Spread? {
    var sums = factors(weights, weights)
    sums.add(newRun: forNewRun)
    let variance = value(sums) + (forNewRun ? typicalKnown : 0)
    return spread(variance: variance, factors: sums.components)
  }

  /// How often each variance counts in the product of two sums of size means, and the known part.
  struct Factors {
    var components: Components
    var known: Double

    mutating func add(newRun: Bool) {
      guard newRun else { return }
      components = components.map { $0 + 1 }
    }
  }

  func factors(_ left: [Double], _ right: [Double]) -> Factors {
    var (size, base, run, sum) = (0.0, 0.0, 0.0, 0.0)
    for index in left.indices {
      let square = left[index] * right[index]
      size += square
      base += square * baseFactors[index]
      run += square * runFactors[index]
      sum += square * known[index]
    }
    return Factors(components: Components(size: size, base: base, run: run), known: sum)
  }

  func value(_ factors: Factors) -> Double {
    zip(factors.components.list, components.list).reduce(factors.known) { $0 + $1.0 * $1.1 }
  }

  func spread(variance: Double, factors: Components) -> Spread? {
    let sizeCount = known.count
    guard sizeCount >= 3 else { return nil }
    guard sizeCount > 3 else { return Spread(variance: variance, degreesOfFreedom: 1) }
    let upper = Double(max(runCount - 2, 1))
    let list = factors.list
    var error = 0.0
    for row in 0..<3 {
      for column in 0..<3 { error += list[row] * list[column] * covariance[row][column] }
    }
    guard error > 0 else { return Spread(variance: variance, degreesOfFreedom: upper) }
    // Square of the ratio, for the square of a small variance may leave the range of numbers.
    let ratio = variance / error.squareRoot()
    return Spread(
      variance: variance, degreesOfFreedom: min(upper, max(1, 2 * ratio * ratio)))
  }
}
