internal import Glibc

/// A coefficient of the law against ln N: the generalised least-squares line over runs.
///
/// The model is `value = intercept + slope ln N + u(size) + w(base policy) + v(run) + e(run)`: u is
/// what a size departs from the line by, w what base policies of one size differ by, v what runs of
/// one base policy differ by, and e the first stage's error, whose variance is known. The variances
/// of u, w and v are estimated by restricted likelihood (`VarianceComponents`), those that the
/// design cannot tell apart as one: without two base policies of a size, or with one run each, base
/// policies count as sizes or as runs; without two runs of a size all is counted as sizes. Standard
/// errors are the sandwich under the line's own variances; `SizeError` has the intervals.
public struct ScalingLine: Sendable, Hashable {
  /// The value at ln N = 0.
  public let intercept: Double
  /// Change per natural logarithm of N.
  public let slope: Double
  /// Share of the variance over runs that the line explains; below 0 where it does worse than the
  /// mean.
  public let r2: Double
  /// Root of the mean squared residual over runs.
  public let rmse: Double
  /// Variance of sizes around the line; nil for fewer than 3 sizes.
  public let sizeVariance: Double?
  /// Variance of base policies of one size; nil where the runs cannot tell it from the others.
  public let baseVariance: Double?
  /// Variance of runs of one base policy beyond the first stage's error, base policies' spread
  /// included where `baseVariance` is nil and a size has several; nil where no size has two runs.
  public let seedVariance: Double?
  /// Coverage that the intervals aim at.
  public let level: Double

  let design: SizeDesign
  let error: SizeError
  private let center: Center
  private let basis: SizeBasis
  /// How much each size's mean counts in the value at the centre and in the slope.
  private let influence: Influence
  let points: [ScalingPoint]

  /// ln N that the basis is centred at, and the value there.
  private struct Center: Sendable, Hashable {
    let place: Double
    let value: Double
  }

  private struct Influence: Sendable, Hashable {
    let level: [Double]
    let slope: [Double]
  }

  /// Fits a line by its own weights.
  ///
  /// - Throws: `NoFit` for a level that is none, fewer than 2 distinct sizes, or numbers too large.
  package init(_ points: [ScalingPoint], level: Double) throws(NoFit) {
    try self.init(points, level: level, design: nil, start: nil)
  }

  /// Fits a line by the weights of another over the same runs; nil means its own.
  init(
    _ points: [ScalingPoint], level: Double, design shared: SizeDesign?, start: ScalingLine?
  ) throws(NoFit) {
    try StudentT.check(level: level)
    let nesting = shared?.nesting ?? RunNesting(points.map { ($0.logSize, $0.base) })
    try ScalingLine.checkSizes(nesting.logSizes)
    let estimable = nesting.estimable
    let values = nesting.order.map { points[$0].value }
    let variances = nesting.order.map { points[$0].variance }
    let offset = ScaledRuns.median(values)
    let runs = ScaledRuns(values.map { $0 - offset }, variances: variances)
    let middle = nesting.logSizes.reduce(0, +) / Double(nesting.logSizes.count)
    let ones = [Double](repeating: 1, count: nesting.logSizes.count)
    let fitted = VarianceComponents(
      nesting: nesting,
      basis: SizeBasis(first: ones, second: nesting.logSizes.map { $0 - middle }),
      values: runs.values, known: runs.known,
      start: start?.scaledComponents(unit: runs.unit, free: estimable))
    let design =
      shared
      ?? SizeDesign(NestedCovariance(fitted.values, nesting: nesting, known: runs.known))
    let (place, places) = design.centred()
    let basis = SizeBasis(first: ones, second: places)
    let influence = basis.influence(design.sizeWeights)
    let means = design.means(of: values.map { $0 - offset })
    let slope = zip(influence.second, means).reduce(0) { $0 + $1.0 * $1.1 }
    let value = offset + zip(influence.first, means).reduce(0) { $0 + $1.0 * $1.1 }
    self.points = points
    self.level = level
    self.design = design
    self.basis = basis
    self.influence = Influence(level: influence.first, slope: influence.second)
    self.slope = slope
    center = Center(place: place, value: value)
    intercept = value - slope * place
    error = SizeError(fitted, runs, design: design)
    sizeVariance = estimable.size ? error.components.size : nil
    baseVariance = estimable.base ? error.components.base : nil
    seedVariance = estimable.run ? error.components.run : nil
    let line = LineQuality(
      values: values, fitted: nesting.runPlaces.map { value + slope * ($0 - place) })
    (r2, rmse) = (line.r2, line.rmse)
    let numbers = [intercept, slope, rmse, error.components.list.reduce(0, +)]
    guard numbers.allSatisfy(\.isFinite) else {
      throw NoFit("the coefficients are too large to compute with")
    }
  }

  /// Interval of the slope; nil for fewer than 3 sizes.
  public var slopeInterval: Interval? {
    interval(center: slope, error.spread(of: influence.slope, forNewRun: false))
  }

  /// Interval of the intercept; nil for fewer than 3 sizes.
  public var interceptInterval: Interval? {
    interval(center: intercept, error.spread(of: weights(at: 0), forNewRun: false))
  }

  /// The line's value at a size.
  package func value(at logSize: Double) -> Double {
    center.value + slope * (logSize - center.place)
  }

  /// The line's value at a size, with the interval for one new run there; no interval for fewer
  /// than 3 sizes.
  package func estimate(at logSize: Double) -> Estimate {
    let value = value(at: logSize)
    return Estimate(value: value, interval: interval(center: value, spread(at: logSize)))
  }

  /// The spread of a new run at a size around the line.
  func spread(at logSize: Double) -> SizeError.Spread? {
    error.spread(of: weights(at: logSize), forNewRun: true)
  }

  /// How much each size's mean counts in the line's value at a place.
  func weights(at logSize: Double) -> [Double] {
    zip(influence.level, influence.slope).map { $0 + (logSize - center.place) * $1 }
  }

  private func interval(center: Double, _ spread: SizeError.Spread?) -> Interval? {
    guard let spread else { return nil }
    let result = Interval(center: center, halfWidth: spread.halfWidth(level: level))
    return result.isFinite ? result : nil
  }

  /// The line's variances as a start for another fit of about the same runs; those that are 0 are
  /// lifted a little, for a start on the boundary may stay there.
  private func scaledComponents(unit: Double, free: ComponentSet) -> Components? {
    let scaled = error.components.map { $0 / unit / unit }
    let largest = scaled.list.reduce(0, max)
    guard largest.isFinite, largest > 0 else { return nil }
    return Components(
      size: free.size ? max(scaled.size, 1e-3 * largest) : 0,
      base: free.base ? max(scaled.base, 1e-3 * largest) : 0,
      run: free.run ? max(scaled.run, 1e-3 * largest) : 0)
  }

  private static func checkSizes(_ logSizes: [Double]) throws(NoFit) {
    guard let first = logSizes.first, let last = logSizes.last, logSizes.count >= 2 else {
      throw NoFit("runs of one size only: a line over ln N needs at least 2 sizes")
    }
    guard last - first > 1e-6 else {
      throw NoFit("the sizes differ by less than one in a million, too little for a line over ln N")
    }
  }
}

extension SizeError {
  /// Takes the variances back from the scale on which they were estimated.
  init(
    _ fitted: VarianceComponents, _ runs: ScaledRuns, design: SizeDesign
  ) {
    let square = runs.unit * runs.unit
    components = fitted.values.map { $0 * square }
    covariance = fitted.covariance.map { $0.map { $0 * square * square } }
    baseFactors = design.baseFactors
    runFactors = design.runFactors
    known = design.knownVariances(runs.known).map { $0 * square }
    typicalKnown = ScaledRuns.median(runs.known) * square
    runCount = runs.values.count
  }
}

extension RunNesting {
  /// ln N of each run, in order of the nesting.
  var runPlaces: [Double] {
    var result: [Double] = []
    for (size, bases) in sizes.enumerated() {
      for base in bases {
        result += [Double](repeating: logSizes[size], count: self.bases[base].count)
      }
    }
    return result
  }
}

/// How well fitted values match, unweighted over runs.
struct LineQuality {
  let r2: Double
  let rmse: Double

  init(values: [Double], fitted: [Double]) {
    let count = Double(max(values.count, 1))
    let mean = values.reduce(0) { $0 + $1 / count }
    var (rest, spread) = (0.0, 0.0)
    for (value, guess) in zip(values, fitted) {
      rest += (value - guess) * (value - guess)
      spread += (value - mean) * (value - mean)
    }
    r2 = spread > 0 ? 1 - rest / spread : 0
    rmse = (rest / count).squareRoot()
  }
}

/// A value and, where there is one, its interval.
public struct Estimate: Sendable, Hashable {
  /// The value.
  public var value: Double
  /// The interval; nil where the data do not allow one.
  public var interval: Interval?

  /// Makes an estimate.
  public init(value: Double, interval: Interval?) {
    self.value = value
    self.interval = interval
  }
}

extension ScalingLine {
  /// Intercept, slope and their covariance under variances that are given, not estimated.
  package struct Given: Sendable, Hashable {
    /// The value at ln N = 0.
    package let intercept: Double
    /// Change per natural logarithm of N.
    package let slope: Double
    /// Variance of the intercept, covariance, variance of the slope.
    package let covariance: [Double]

    /// Solves the generalised least squares; the variances and those of the first stage must not
    /// all be 0.
    package init(_ points: [ScalingPoint], size: Double, base: Double, run: Double) {
      let nesting = RunNesting(points.map { ($0.logSize, $0.base) })
      let covariance = NestedCovariance(
        Components(size: size, base: base, run: run), nesting: nesting,
        known: nesting.order.map { points[$0].variance })
      let design = SizeDesign(covariance)
      let (center, places) = design.centred()
      let basis = SizeBasis(first: places.map { _ in 1 }, second: places)
      let influence = basis.influence(design.sizeWeights)
      let means = design.means(of: nesting.order.map { points[$0].value })
      let value = zip(influence.first, means).reduce(0) { $0 + $1.0 * $1.1 }
      slope = zip(influence.second, means).reduce(0) { $0 + $1.0 * $1.1 }
      intercept = value - slope * center
      let inverse = basis.normal(design.sizeWeights).inverse
      self.covariance = [
        inverse.0 - 2 * center * inverse.1 + center * center * inverse.2,
        inverse.1 - center * inverse.2, inverse.2,
      ]
    }
  }
}
