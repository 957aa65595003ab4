internal import Glibc

/// The law R = -a exp(H) + b of one run.
///
/// Linear in x = exp(H), so unweighted least squares, the default, has its global optimum in closed
/// form. The regression runs on exp(H) - 1, which keeps the digits of small H and has the ceiling b
/// - a (H = 0) as its intercept. By default standard errors and intervals allow for autocorrelated
/// residuals: the sandwich covariance of the least-squares line under AR(1), with rho averaged over
/// its restricted likelihood (`RestrictedLikelihood`), and t quantiles. `LawMethod` names the other
/// ways. Intervals of a, b and the ceiling are exact in the delta method's sense, for each is
/// linear in the two coefficients.
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
  /// Correlation of neighbouring residuals, in [-0.98, 0.98]; 0 where it cannot be told.
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
  /// How it was fitted.
  public let method: LawMethod
  /// How much of the ceiling rests on the first evaluations.
  public let influence: LawInfluence
  /// What a reader has to know.
  public internal(set) var warnings: [LawWarning]

  /// Whether no guard says that the law is contradicted or cannot be identified.
  public var lawHolds: Bool { !warnings.contains(where: \.contradictsLaw) }

  /// Fits the usable points, which are taken in the order given: that of the steps.
  ///
  /// - Parameters:
  ///   - points: The evaluations of one run; unusable ones are left out and listed in a warning.
  ///   - level: Coverage of the intervals, in (0, 1).
  ///   - method: What chooses a and b, and what the errors allow for.
  ///   - promptCount: Prompts behind each score; only binomial weights need it.
  /// - Throws: `NoFit` for a level that is none, fewer than 3 usable points, fewer than 2
  ///   distinct H, numbers too large or too close to tell apart, or a method that the data do not
  ///   allow.
  public init(
    _ points: [CurvePoint], level: Double = 0.95, method: LawMethod = .standard,
    promptCount: Int? = nil
  ) throws(NoFit) {
    let used = points.allSatisfy(\.isUsable) ? points : points.filter(\.isUsable)
    try StudentT.check(level: level)
    try LawFit.checkCount(used, of: points.count)
    let (x, y) = LawFit.coordinates(used)
    let estimate = try LawEstimate(
      x: x, y: y, level: level, method: method, promptCount: promptCount)
    let (line, errors) = (estimate.line, estimate.covariance)
    let run = RunSeries(points: points, used: used, x: x, line: line)
    a = -line.slope
    ceiling = line.value(at: 0)
    b = line.value(at: -1)
    r2 = run.r2
    rmse = run.rmse
    pointCount = used.count
    aStandardError = errors.slope.squareRoot()
    bStandardError = errors.varianceOfHeight(at: -1 - line.center).squareRoot()
    ceilingStandardError = errors.varianceOfHeight(at: -line.center).squareRoot()
    covarianceAB = -(errors.cross - (1 + line.center) * errors.slope)
    residualAutocorrelation = errors.rho
    degreesOfFreedom = errors.degreesOfFreedom
    self.level = level
    self.method = method
    let quantile = StudentT.twoSided(level: level, degreesOfFreedom: errors.degreesOfFreedom)
    let bootstrap = estimate.bootstrap
    aInterval =
      bootstrap?.aInterval ?? Interval(center: a, halfWidth: quantile * aStandardError)
    bInterval =
      bootstrap?.bInterval ?? Interval(center: b, halfWidth: quantile * bStandardError)
    ceilingInterval =
      bootstrap?.ceilingInterval
      ?? Interval(center: ceiling, halfWidth: quantile * ceilingStandardError)
    entropyRange = run.entropyRange
    extrapolation = run.extrapolation
    influence =
      method.estimator == .leastSquares
      ? LawInfluence(line, standardError: ceilingStandardError)
      : LawInfluence(
        x: x, y: y, method: method, promptCount: promptCount, ceiling: ceiling,
        standardError: line.isExact ? 0 : ceilingStandardError)
    warnings = []
    guard isFinite else {
      throw NoFit("the values of H or of the score are too large to compute with")
    }
    warnings = LawGuards(fit: self, run: run).warnings()
  }

  /// x = exp(H) - 1 and R of points.
  static func coordinates(_ points: [CurvePoint]) -> (x: [Double], y: [Double]) {
    (points.map { expm1($0.entropy) }, points.map(\.score))
  }

  /// The law's score at an entropy: R = -a exp(H) + b.
  public func score(atEntropy entropy: Double) -> Double { ceiling - a * expm1(entropy) }

  private var isFinite: Bool {
    let values = [a, b, ceiling, r2, rmse, covarianceAB, residualAutocorrelation, extrapolation]
    return values.allSatisfy(\.isFinite) && aInterval.isFinite && bInterval.isFinite
      && ceilingInterval.isFinite && aStandardError.isFinite && bStandardError.isFinite
      && ceilingStandardError.isFinite
  }

  static func checkCount(_ used: [CurvePoint], of total: Int) throws(NoFit) {
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
