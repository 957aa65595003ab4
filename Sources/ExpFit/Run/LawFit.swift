internal import Glibc

/// The law R = -a exp(H) + b of one run, by unweighted least squares on all its points.
///
/// Linear in x = exp(H), so the closed form is the global optimum. The regression runs on exp(H) -
/// 1, which keeps the digits of small H and has the ceiling b - a (H = 0) as its intercept.
/// Standard errors and intervals allow for autocorrelated residuals (`Autocorrelation`): the
/// sandwich covariance of the least-squares line under AR(1) with rho by restricted likelihood, and
/// t quantiles with n (1 - rho) / (1 + rho) - 2 degrees of freedom. Intervals of a, b and the
/// ceiling are exact in the delta method's sense, for each is linear in the two coefficients.
public struct LawFit: Sendable, Hashable {
  /// The slope a against exp(H); above 0 where the score rises as entropy falls.
  public let a: Double
  /// The constant b.
  public let b: Double
  /// b - a, the score at H = 0.
  public let ceiling: Double
  /// The share of the score's variance that the law explains; 0 where the score never moves.
  public let r2: Double
  /// Root of the mean squared residual.
  public let rmse: Double
  /// Points used.
  public let pointCount: Int
  /// Standard error of a.
  public let aStandardError: Double
  /// Standard error of b.
  public let bStandardError: Double
  /// Standard error of the ceiling.
  public let ceilingStandardError: Double
  /// Covariance of the estimates of a and b.
  public let covarianceAB: Double
  /// Correlation of neighbouring residuals, in [0, 0.98].
  public let residualAutocorrelation: Double
  /// Degrees of freedom of the t quantiles.
  public let degreesOfFreedom: Double
  /// Coverage that the intervals aim at.
  public let level: Double
  /// Interval of a.
  public let aInterval: Interval
  /// Interval of b.
  public let bInterval: Interval
  /// Interval of the ceiling.
  public let ceilingInterval: Interval
  /// Smallest and largest H used.
  public let entropyRange: Interval
  /// Distance in exp(H) from the lowest point to H = 0, over the range of exp(H) in the data.
  public let extrapolation: Double
  /// What a reader has to know.
  public internal(set) var warnings: [LawWarning]

  /// Whether no guard says that the law is contradicted or cannot be identified.
  public var lawHolds: Bool { !warnings.contains(where: \.contradictsLaw) }

  /// Fits the usable points, which are taken in the order given: that of the steps.
  ///
  /// - Parameters:
  ///   - points: The evaluations of one run; unusable ones are left out and listed in a warning.
  ///   - level: Coverage of the intervals, in (0, 1).
  /// - Throws: `NoFit` for a level that is none, fewer than 3 usable points, fewer than 2
  ///   distinct H, or numbers too large or too close to tell apart.
  public init(_ points: [CurvePoint], level: Double = 0.95) throws(NoFit) {
    let used = points.allSatisfy(\.isUsable) ? points : points.filter(\.isUsable)
    try StudentT.check(level: level)
    try LawFit.checkCount(used, of: points.count)
    let x = used.map { expm1($0.entropy) }
    let y = used.map(\.score)
    guard let line = LeastSquaresLine(x: x, y: y) else {
      throw NoFit(
        "the values of H or of the score are too large, or those of H too close, to compute with")
    }
    let errors = Autocorrelation(of: line, x: x, y: y)
    let quantile = StudentT.twoSided(level: level, degreesOfFreedom: errors.degreesOfFreedom)
    a = -line.slope
    ceiling = line.value(at: 0)
    b = line.value(at: -1)
    r2 = line.r2
    rmse = line.rmse
    pointCount = used.count
    aStandardError = errors.varianceOfSlope.squareRoot()
    bStandardError = errors.varianceOfHeight(at: -1 - line.meanX).squareRoot()
    ceilingStandardError = errors.varianceOfHeight(at: -line.meanX).squareRoot()
    covarianceAB = -(errors.covariance - (1 + line.meanX) * errors.varianceOfSlope)
    residualAutocorrelation = errors.rho
    degreesOfFreedom = errors.degreesOfFreedom
    self.level = level
    aInterval = Interval(center: a, halfWidth: quantile * aStandardError)
    bInterval = Interval(center: b, halfWidth: quantile * bStandardError)
    ceilingInterval = Interval(center: ceiling, halfWidth: quantile * ceilingStandardError)
    let lowest = used.reduce(Double.infinity) { min($0, $1.entropy) }
    let highest = used.reduce(-Double.infinity) { max($0, $1.entropy) }
    entropyRange = Interval(low: lowest, high: highest)
    extrapolation = expm1(lowest) / (expm1(highest) - expm1(lowest))
    warnings = []
    guard isFinite else {
      throw NoFit("the values of H or of the score are too large to compute with")
    }
    warnings = LawGuards(fit: self, line: line, points: points, used: used).warnings()
  }

  /// The law's score at an entropy: R = -a exp(H) + b.
  public func score(atEntropy entropy: Double) -> Double { ceiling - a * expm1(entropy) }

  private var isFinite: Bool {
    let values = [a, b, ceiling, r2, rmse, covarianceAB, residualAutocorrelation, extrapolation]
    return values.allSatisfy(\.isFinite) && aInterval.isFinite && bInterval.isFinite
      && ceilingInterval.isFinite && aStandardError.isFinite && bStandardError.isFinite
      && ceilingStandardError.isFinite
  }

  private static func checkCount(_ used: [CurvePoint], of total: Int) throws(NoFit) {
    guard used.count >= 3 else {
      let words = used.count == 1 ? "1 point has" : "\(used.count) points have"
      throw NoFit("\(words) a finite entropy and score, and the law needs at least 3")
    }
    let first = used[0].entropy
    guard used.contains(where: { $0.entropy != first }) else {
      throw NoFit(
        "H is \(shortText(first)) at every point, and the law needs at least 2 distinct values")
    }
  }
}
