internal import Glibc

/// One run's number in the second stage: its place, its value, and how well the first stage knows
/// it.
package struct ScalingPoint: Sendable, Hashable {
  /// Natural logarithm of the non-embedding parameters.
  var logSize: Double
  var value: Double
  /// Squared standard error of the first stage.
  var variance: Double

  package init(logSize: Double, value: Double, variance: Double) {
    self.logSize = logSize
    self.value = value
    self.variance = variance
  }
}

/// A coefficient of the law against ln N: the unweighted least-squares line over runs, with an
/// honest error model.
///
/// The model is `value = intercept + slope ln N + u(size) + v(run) + e(run)`: u is what a size
/// departs from the line by (lack of fit, base policy), v what seeds differ by, and e the first
/// stage's error, whose variance is known. The variances of u and v come from moments (Henderson's
/// method 3: squares within sizes, then squares around the line, each less what the other parts
/// add; never below 0). The line stays unweighted; its variance is the sandwich under the estimated
/// components. A prediction for a new run at a new size adds a new u, v and the mean first-stage
/// variance. Quantiles are t with Satterthwaite's degrees of freedom, at most n - 2; with three
/// sizes, whose line leaves a single one, 1 is used. Without two runs of a size, seeds cannot be
/// told from sizes and count as sizes.
public struct ScalingLine: Sendable, Hashable {
  /// The value at ln N = 0.
  public let intercept: Double
  /// Change per natural logarithm of N.
  public let slope: Double
  /// Share of the variance over runs that the line explains.
  public let r2: Double
  /// Root of the mean squared residual over runs.
  public let rmse: Double
  /// Variance of sizes around the line; nil for fewer than 3 sizes.
  public let sizeVariance: Double?
  /// Variance of runs of one size beyond the first stage's error; nil where no size has two runs.
  public let seedVariance: Double?
  /// Coverage that the intervals aim at.
  public let level: Double

  private let line: LeastSquaresLine
  private let points: [ScalingPoint]
  private let groups: [Group]
  private let components: VarianceComponents

  /// The runs of one size.
  struct Group: Sendable, Hashable {
    let logSize: Double
    let indices: [Int]
  }

  package init(_ points: [ScalingPoint], level: Double) throws(NoFit) {
    try StudentT.check(level: level)
    let groups = ScalingLine.groups(of: points)
    guard groups.count >= 2 else {
      throw NoFit("runs of one size only: a line over ln N needs at least 2 sizes")
    }
    guard let line = LeastSquaresLine(x: points.map(\.logSize), y: points.map(\.value)) else {
      throw NoFit("the coefficients are too large to compute with")
    }
    self.line = line
    self.points = points
    self.groups = groups
    self.level = level
    intercept = line.value(at: 0)
    slope = line.slope
    r2 = line.r2
    rmse = line.rmse
    components = VarianceComponents(line: line, points: points, groups: groups)
    sizeVariance = components.size
    seedVariance = components.seed
  }

  /// Interval of the slope; nil for fewer than 3 sizes.
  public var slopeInterval: Interval? {
    interval(center: slope) { ($0 - line.meanX) / line.sumXX }
  }

  /// Interval of the intercept; nil for fewer than 3 sizes.
  public var interceptInterval: Interval? {
    interval(center: intercept) { weight(of: $0, at: 0) }
  }

  /// The line's value at a size, with the interval for one new run there; no interval for fewer
  /// than 3 sizes.
  package func estimate(at logSize: Double) -> Estimate {
    let value = line.value(at: logSize)
    let interval = interval(center: value, forNewRun: true) { weight(of: $0, at: logSize) }
    return Estimate(value: value, interval: interval)
  }

  /// How much a run at one size counts in the line's value at another.
  private func weight(of runLogSize: Double, at logSize: Double) -> Double {
    1 / Double(line.count) + (runLogSize - line.meanX) * (logSize - line.meanX) / line.sumXX
  }

  private func interval(
    center: Double, forNewRun: Bool = false, weight: (Double) -> Double
  ) -> Interval? {
    guard components.size != nil else { return nil }
    var (size, seed, known) = forNewRun ? (1.0, 1.0, components.meanKnown) : (0, 0, 0)
    for group in groups {
      let each = weight(group.logSize)
      let count = Double(group.indices.count)
      size += each * each * count * count
      seed += each * each * count
      known += each * each * group.indices.reduce(0) { $0 + points[$1].variance }
    }
    let (variance, degrees) = components.variance(size: size, seed: seed, known: known)
    let quantile = StudentT.twoSided(level: level, degreesOfFreedom: degrees)
    let result = Interval(center: center, halfWidth: quantile * variance.squareRoot())
    return result.isFinite ? result : nil
  }

  static func groups(of points: [ScalingPoint]) -> [Group] {
    let byLogSize = Dictionary(grouping: points.indices) { points[$0].logSize }
    return byLogSize.map { Group(logSize: $0.key, indices: $0.value) }
      .sorted { $0.logSize < $1.logSize }
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

/// The variances of sizes and of seeds around a scaling line, and the error of any sum of them.
private struct VarianceComponents: Sendable, Hashable {
  /// Of sizes around the line; nil for fewer than 3 sizes.
  let size: Double?
  /// Of runs of one size; nil where no size has two runs.
  let seed: Double?
  /// Mean first-stage variance of a run.
  let meanKnown: Double

  private let lackOfFit: Double
  private let within: Double
  private let lackDegrees: Double
  private let withinDegrees: Double
  /// What one unit of size variance adds to the squares around the line.
  private let sizeTrace: Double

  init(line: LeastSquaresLine, points: [ScalingPoint], groups: [ScalingLine.Group]) {
    let count = Double(points.count)
    lackDegrees = Double(groups.count) - 2
    withinDegrees = count - Double(groups.count)
    var (within, withinKnown, sizeTrace, totalKnown) = (0.0, 0.0, count, 0.0)
    for group in groups {
      let members = group.indices.map { points[$0] }
      let runs = Double(members.count)
      let mean = members.reduce(0) { $0 + $1.value } / runs
      let known = members.reduce(0) { $0 + $1.variance }
      let distance = group.logSize - line.meanX
      let leverage = 1 / count + distance * distance / line.sumXX
      within += members.reduce(0) { $0 + ($1.value - mean) * ($1.value - mean) }
      withinKnown += known * (1 - 1 / runs)
      totalKnown += known * (1 - leverage)
      sizeTrace -= runs * runs * leverage
    }
    let seedVariance = withinDegrees > 0 ? max(0, (within - withinKnown) / withinDegrees) : nil
    let rest = line.sumSquaredErrors - (count - 2) * (seedVariance ?? 0) - totalKnown
    seed = seedVariance
    size = lackDegrees > 0 ? max(0, rest / sizeTrace) : nil
    meanKnown = points.reduce(0) { $0 + $1.variance } / count
    lackOfFit = max(0, line.sumSquaredErrors - within)
    self.within = within
    self.sizeTrace = sizeTrace
  }

  /// The variance of a sum with these weights on the components, and Satterthwaite's degrees of
  /// freedom for it.
  ///
  /// The estimate is linear in two independent sums of squares, within sizes and of sizes around
  /// the line, wherever a component was not cut off at 0; what is known adds no error of its own.
  func variance(
    size sizeWeight: Double, seed seedWeight: Double, known: Double
  ) -> (variance: Double, degrees: Double) {
    let total = sizeWeight * (size ?? 0) + seedWeight * (seed ?? 0) + known
    let upper = max(lackDegrees + withinDegrees, 1)
    guard lackDegrees > 1 else { return (total, 1) }
    let isSizeFree = (size ?? 0) > 0
    let fromLack = isSizeFree ? sizeWeight / sizeTrace * lackOfFit : 0
    var fromWithin = 0.0
    if let seed, seed > 0 {
      let lost = isSizeFree ? sizeWeight * lackDegrees / sizeTrace : 0
      fromWithin = (seedWeight - lost) * within / withinDegrees
    }
    let errors =
      fromLack * fromLack / lackDegrees
      + (withinDegrees > 0 ? fromWithin * fromWithin / withinDegrees : 0)
    guard errors > 0 else { return (total, upper) }
    return (total, min(upper, max(1, total * total / errors)))
  }
}
