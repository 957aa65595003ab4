/// A line for the law with its covariance, by any method.
struct LawEstimate {
  let line: LineDesign
  let covariance: LineCovariance
  /// Intervals that do not follow from the covariance; nil where t quantiles make them.
  private(set) var bootstrap: LawBootstrap?

  /// Fits R over x = exp(H) - 1.
  init(
    x: [Double], y: [Double], level: Double, method: LawMethod, promptCount: Int?
  ) throws(NoFit) {
    let plain = try LawEstimate.leastSquares(x: x, y: y)
    if method.estimator == .generalised {
      (line, covariance) = Autocorrelation.generalised(plain)
      return
    }
    line = try LawEstimate.line(
      plain, x: x, y: y, estimator: method.estimator, promptCount: promptCount)
    switch method.errors {
    case .autoregressive: covariance = Autocorrelation.sandwich(line)
    case .hac: covariance = NeweyWest.covariance(line)
    case .independent: covariance = LineCovariance(independent: line)
    case .bootstrap:
      let resampling = try BlockResampling(
        line, x: x, y: y, estimator: method.estimator, promptCount: promptCount)
      let found = try resampling.run(
        level: level, count: LawBootstrap.standardCount, seed: LawBootstrap.standardSeed)
      bootstrap = found.intervals
      covariance = found.covariance
    }
  }

  static func leastSquares(x: [Double], y: [Double]) throws(NoFit) -> LineDesign {
    guard let line = LineDesign(x: x, y: y) else {
      throw NoFit(
        "the values of H or of the score are too large, or those of H too close, to compute with")
    }
    return line
  }

  /// The line of an estimator, without its errors.
  static func line(
    _ plain: LineDesign, x: [Double], y: [Double], estimator: LawMethod.Estimator,
    promptCount: Int?
  ) throws(NoFit) -> LineDesign {
    switch estimator {
    case .leastSquares: plain
    case .generalised: Autocorrelation.generalised(plain).line
    case .huber: try HuberLine.fit(plain, y: y, x: x)
    case .binomial: try BinomialLine.fit(plain, y: y, x: x, promptCount: promptCount)
    }
  }
}
