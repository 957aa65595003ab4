internal import Glibc

/// Runs that might be added to a design.
public struct RunAddition: Sendable, Hashable {
  /// Non-embedding parameters N.
  public var size: Double
  /// Seed of the base policy, in use or new; nil for runs that name none.
  public var base: Int?
  /// How many runs, each with a seed of its own.
  public var count: Int

  /// Makes an addition.
  public init(size: Double, base: Int?, count: Int = 1) {
    self.size = size
    self.base = base
    self.count = count
  }
}

/// How wide a prediction interval is expected to be.
public struct ExpectedInterval: Sendable, Hashable {
  /// Variance of a new run around the prediction.
  public var variance: Double
  /// Degrees of freedom of its estimate.
  public var degreesOfFreedom: Double
  /// Half the interval's width.
  public var halfWidth: Double
}

extension ScalingLine {
  /// Returns the interval that one new run at a size would have if runs were added.
  ///
  /// No data are made up: the estimated variances are taken as true, an added run has the typical
  /// first-stage variance, and weights and degrees of freedom follow from the design. Variances
  /// that today's runs cannot tell apart stay together.
  /// - Parameters:
  ///   - size: Non-embedding parameters N of the prediction.
  ///   - additions: Runs to add; none gives today's interval.
  /// - Returns: The expected interval; nil for fewer than 3 sizes today, whose spread around a line
  ///   nobody knows, or numbers that leave their range.
  public func expectedInterval(at size: Double, adding additions: [RunAddition])
    -> ExpectedInterval?
  {
    guard sizeVariance != nil else { return nil }
    var runs = points
    for addition in additions where addition.count > 0 {
      let run = ScalingPoint(
        logSize: log(addition.size), value: 0, variance: error.typicalKnown, base: addition.base)
      runs += Array(repeating: run, count: addition.count)
    }
    return ScalingLine.expectedInterval(
      at: log(size), of: runs, size: error.components.size, base: error.components.base,
      run: error.components.run, level: level)
  }

  /// The interval of a new run at a place under variances that are given; values do not count.
  package static func expectedInterval(
    at logSize: Double, of runs: [ScalingPoint], size: Double, base: Double, run: Double,
    level: Double
  ) -> ExpectedInterval? {
    let nesting = RunNesting(runs.map { ($0.logSize, $0.base) })
    let variances = nesting.order.map { runs[$0].variance }
    let largest = max(size, base, run, ScaledRuns.median(variances))
    guard nesting.sizes.count >= 2, largest > 0, largest.isFinite, logSize.isFinite else {
      return nil
    }
    let scaled = ScaledRuns(unit: largest.squareRoot(), variances: variances)
    let components = Components(size: size / largest, base: base / largest, run: run / largest)
    let covariance = NestedCovariance(components, nesting: nesting, known: scaled.known)
    let design = SizeDesign(covariance)
    let (center, places) = design.centred()
    let basis = SizeBasis(first: places.map { _ in 1 }, second: places)
    let influence = basis.influence(design.sizeWeights)
    let known = VarianceComponents(
      components, nesting: nesting, basis: basis, known: scaled.known)
    let error = SizeError(known, scaled, design: design)
    let weights = zip(influence.first, influence.second).map { $0 + (logSize - center) * $1 }
    guard let spread = error.spread(of: weights, forNewRun: true) else { return nil }
    let halfWidth = spread.halfWidth(level: level)
    guard halfWidth.isFinite else { return nil }
    return ExpectedInterval(
      variance: spread.variance, degreesOfFreedom: spread.degreesOfFreedom, halfWidth: halfWidth)
  }
}
