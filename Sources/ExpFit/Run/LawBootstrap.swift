/// Intervals of a, b and the ceiling by a moving-block bootstrap of the residuals (Künsch 1989),
/// studentised (bootstrap-t; Hall 1988).
///
/// Residuals are drawn in blocks of neighbours, so that their correlation survives, added to the
/// fitted values and fitted again; what is recorded is how many standard errors each estimate is
/// off, with standard errors that allow for AR(1), as the default's. Equal data and seed give equal
/// intervals.
public struct LawBootstrap: Sendable, Hashable {
  /// Resamples where a caller does not say.
  public static let standardCount = 999
  /// The seed where a caller does not say.
  public static let standardSeed: UInt64 = 20_250_522

  /// Interval of a.
  public let aInterval: Interval
  /// Interval of b.
  public let bInterval: Interval
  /// Interval of the ceiling.
  public let ceilingInterval: Interval
  /// Neighbouring residuals drawn together.
  public let blockLength: Int
  /// Resamples that the intervals rest on: those whose errors were above 0.
  public let resampleCount: Int
  /// Coverage that the intervals aim at.
  public let level: Double
}

extension LawFit {
  /// The bootstrap intervals of a run, beside those of `LawFit(points)`.
  ///
  /// - Parameters:
  ///   - points: The evaluations of one run, as for `LawFit`.
  ///   - level: Coverage of the intervals, in (0, 1).
  ///   - estimator: What is fitted; not `.generalised`, whose order of points blocks would break.
  ///   - promptCount: Prompts behind each score, which `.binomial` needs.
  ///   - count: Resamples, 99 at least.
  ///   - seed: Of the draws.
  /// - Returns: Bootstrap-t intervals of a, b and the ceiling.
  /// - Throws: `NoFit` as `LawFit`, for fewer than 8 usable points, and for residuals that are 0.
  public static func bootstrapped(
    _ points: [CurvePoint], level: Double = 0.95,
    estimator: LawMethod.Estimator = .leastSquares, promptCount: Int? = nil,
    count: Int = LawBootstrap.standardCount, seed: UInt64 = LawBootstrap.standardSeed
  ) throws(NoFit) -> LawBootstrap {
    _ = try LawMethod(estimator, errors: .bootstrap)
    let used = points.filter(\.isUsable)
    try StudentT.check(level: level)
    try LawFit.checkCount(used, of: points.count)
    let (x, y) = LawFit.coordinates(used)
    let plain = try LawEstimate.leastSquares(x: x, y: y)
    let line = try LawEstimate.line(
      plain, x: x, y: y, estimator: estimator, promptCount: promptCount)
    let resampling = try BlockResampling(
      line, x: x, y: y, estimator: estimator, promptCount: promptCount)
    return try resampling.run(level: level, count: count, seed: seed).intervals
  }
}
