internal import Glibc

/// A coefficient of the law as a power of the size: value = factor N^exponent.
///
/// Weighted non-linear least squares on the sizes' means, with the weights of the log-linear lines,
/// so both forms answer to the same errors on the same scale. For a given exponent the factor is
/// linear; the exponent is found by a scan and a golden section over it.
public struct PowerCurve: Sendable, Hashable {
  /// The power of N.
  public let exponent: Double
  /// The value at the sizes' weighted mean of ln N.
  let height: Double
  /// That mean.
  let center: Double
  /// Root of the mean squared residual over runs.
  public let rmse: Double
  /// Share of the variance over runs that the curve explains.
  public let r2: Double

  let basis: SizeBasis
  let error: SizeError
  private let influence: [[Double]]

  /// The factor c of c N^exponent; infinite or 0 where it leaves the range of numbers.
  public var factor: Double { height * exp(-exponent * center) }

  func value(at logSize: Double) -> Double { height * exp(exponent * (logSize - center)) }

  /// How much each size's mean counts in the value at a place, to first order.
  func weights(at logSize: Double) -> [Double] {
    let growth = exp(exponent * (logSize - center))
    let slope = height * (logSize - center) * growth
    return influence[0].indices.map { growth * influence[0][$0] + slope * influence[1][$0] }
  }

  /// Fits values in order of the design's nesting.
  init?(_ values: [Double], variances: [Double], design: SizeDesign) {
    let (center, places) = design.centred()
    let means = design.means(of: values)
    let exponent = PowerCurve.exponent(means, places, design.sizeWeights)
    let growth = places.map { exp(exponent * $0) }
    let height = PowerCurve.height(means, growth, design.sizeWeights)
    let fitted = design.nesting.runPlaces.map { height * exp(exponent * ($0 - center)) }
    guard height > 0, height.isFinite, fitted.allSatisfy(\.isFinite) else { return nil }
    let basis = SizeBasis(
      first: growth, second: zip(growth, places).map { height * $0 * $1 })
    let quality = LineQuality(values: values, fitted: fitted)
    (r2, rmse) = (quality.r2, quality.rmse)
    (self.exponent, self.height, self.center, self.basis) = (exponent, height, center, basis)
    error = SizeError(
      residuals: zip(values, fitted).map { $0 - $1 }, variances: variances, basis: basis,
      design: design)
    let influence = basis.influence(design.sizeWeights)
    self.influence = [influence.first, influence.second]
  }

  private static func height(_ means: [Double], _ growth: [Double], _ weights: [Double]) -> Double {
    var (product, square) = (0.0, 0.0)
    for size in means.indices {
      product += weights[size] * means[size] * growth[size]
      square += weights[size] * growth[size] * growth[size]
    }
    return product / square
  }

  private static func exponent(
    _ means: [Double], _ places: [Double], _ weights: [Double]
  ) -> Double {
    func squares(_ exponent: Double) -> Double {
      let growth = places.map { exp(exponent * $0) }
      let height = height(means, growth, weights)
      return means.indices.reduce(0) {
        let rest = means[$1] - height * growth[$1]
        return $0 + weights[$1] * rest * rest
      }
    }
    let reach = (places.last ?? 0) - (places.first ?? 0)
    // Beyond a factor of exp(20) over the sizes run the curve is a step.
    let step = 20 / reach / 100
    let scan = (-100...100).map { (at: Double($0) * step, value: squares(Double($0) * step)) }
    let best = scan.min { $0.value < $1.value }?.at ?? 0
    return goldenSection(from: best - step, to: best + step, squares)
  }
}

extension SizeError {
  /// The spread of residuals around a curve whose first derivatives are the basis.
  init(residuals: [Double], variances: [Double], basis: SizeBasis, design: SizeDesign) {
    let runs = ScaledRuns(residuals, variances: variances)
    let fitted = VarianceComponents(
      nesting: design.nesting, basis: basis, values: runs.values, known: runs.known)
    self.init(fitted, runs, design: design)
  }
}

/// The place of a function's least value in an interval where it has one valley.
func goldenSection(from low: Double, to high: Double, _ value: (Double) -> Double) -> Double {
  let ratio = (5.0.squareRoot() - 1) / 2
  var (low, high) = (low, high)
  var (left, right) = (high - ratio * (high - low), low + ratio * (high - low))
  var (leftValue, rightValue) = (value(left), value(right))
  for _ in 0..<60 {
    if leftValue <= rightValue {
      (high, right, rightValue) = (right, left, leftValue)
      left = high - ratio * (high - low)
      leftValue = value(left)
    } else {
      (low, left, leftValue) = (left, right, rightValue)
      right = low + ratio * (high - low)
      rightValue = value(right)
    }
  }
  return (low + high) / 2
}

/// a and b as powers of the size, and the ceiling as their difference.
public struct PowerFit: Sendable, Hashable {
  /// a.
  public let a: PowerCurve
  /// b.
  public let b: PowerCurve
  /// The spread of the ceilings around the difference of both curves.
  let ceilingError: SizeError

  /// Fits the values of the lines with their design.
  ///
  /// - Throws: `NoFit` for fewer than 3 sizes, or values that are not above 0.
  init(a: ScalingLine, b: ScalingLine, ceiling: ScalingLine) throws(NoFit) {
    let design = ceiling.design
    guard design.nesting.logSizes.count >= 3 else {
      throw NoFit("two sizes cannot tell a power of N from a line in ln N")
    }
    func curve(_ line: ScalingLine, _ name: String) throws(NoFit) -> PowerCurve {
      let points = design.nesting.order.map { line.points[$0] }
      if let low = points.map(\.value).min(), low <= 0 {
        throw NoFit("a run has \(name) = \(shortText(low)), and a power of N is above 0")
      }
      let fit = PowerCurve(
        points.map(\.value), variances: points.map(\.variance), design: design)
      guard let fit else { throw NoFit("no power of N describes \(name) in finite numbers") }
      return fit
    }
    let (curveA, curveB) = (try curve(a, "a"), try curve(b, "b"))
    let points = design.nesting.order.map { ceiling.points[$0] }
    let places = design.nesting.runPlaces
    (self.a, self.b) = (curveA, curveB)
    ceilingError = SizeError(
      residuals: zip(points, places).map {
        $0.value - (curveB.value(at: $1) - curveA.value(at: $1))
      }, variances: points.map(\.variance), basis: curveB.basis, design: design)
  }

  /// The ceiling at a size.
  func ceiling(at logSize: Double) -> Double { b.value(at: logSize) - a.value(at: logSize) }

  /// The spread of a new run's ceiling, by the delta method.
  ///
  /// Both curves weigh the sizes in their own way, wb and wa; with the covariance of a and b from
  /// Var(b - a) = Var(a) + Var(b) - 2 Cov, the variance of Σ wb b - Σ wa a is
  /// Σ wa wb Var(b - a) + (wb - wa)(wb Var(b) - wa Var(a)).
  func ceilingSpread(at logSize: Double) -> SizeError.Spread? {
    let (wa, wb) = (a.weights(at: logSize), b.weights(at: logSize))
    let difference = zip(wb, wa).map { $0 - $1 }
    var own = ceilingError.factors(wa, wb)
    own.add(newRun: true)
    let extra =
      b.error.value(b.error.factors(difference, wb))
      - a.error.value(a.error.factors(difference, wa))
    let alone = ceilingError.components.list.reduce(ceilingError.typicalKnown, +)
    let variance = max(ceilingError.value(own) + ceilingError.typicalKnown + extra, alone)
    return ceilingError.spread(variance: variance, factors: own.components)
  }
}
