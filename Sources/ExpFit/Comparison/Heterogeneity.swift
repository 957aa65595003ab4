/// Whether the effect of an arm is the same at every size.
///
/// One-way analysis of variance of the pairs' differences by size: F is the mean square between the
/// sizes over that within them (Fisher 1925).
public struct Heterogeneity: Sendable, Hashable {
  /// F with `numerator` and `denominator` degrees of freedom, and its p.
  public let test: EffectTest
  /// Standard deviation of the effect between sizes beyond what the spread of pairs explains.
  public let standardDeviation: Double

  /// nil for fewer than 2 sizes and where no size has 2 pairs that differ.
  package init?(_ groups: [PairGroup]) {
    let count = Double(groups.reduce(0) { $0 + $1.differences.count })
    let between = Double(groups.count - 1)
    let within = count - Double(groups.count)
    guard between > 0, within > 0 else { return nil }
    let mean = groups.reduce(0) { $0 + $1.differences.reduce(0, +) } / count
    var (squaresBetween, squaresWithin, squaredCounts) = (0.0, 0.0, 0.0)
    for group in groups {
      let pairs = Double(group.differences.count)
      squaresBetween += pairs * (group.mean - mean) * (group.mean - mean)
      squaresWithin += group.sumSquares
      squaredCounts += pairs * pairs
    }
    let (meanBetween, meanWithin) = (squaresBetween / between, squaresWithin / within)
    guard meanWithin > 0,
      let test = EffectTest(f: meanBetween / meanWithin, numerator: between, denominator: within)
    else { return nil }
    self.test = test
    let pairsPerSize = (count - squaredCounts / count) / between
    standardDeviation = (max(0, meanBetween - meanWithin) / pairsPerSize).squareRoot()
  }
}

/// An F test.
public struct EffectTest: Sendable, Hashable {
  /// The statistic.
  public let f: Double
  /// Degrees of freedom of the effect.
  public let numerator: Double
  /// Degrees of freedom of the error.
  public let denominator: Double
  /// P of a statistic as large where there is no effect.
  public let p: Double
  /// p by Holm's method over the family; nil for a test that is in none.
  public internal(set) var holmP: Double?

  /// nil for a statistic that is no number.
  init?(f: Double, numerator: Double, denominator: Double) {
    guard f.isFinite, f >= 0, numerator > 0, denominator > 0, numerator.isFinite,
      denominator.isFinite
    else { return nil }
    (self.f, self.numerator, self.denominator) = (f, numerator, denominator)
    p = FisherF.upperTail(f, numerator, denominator)
  }
}
