internal import Glibc

/// First-order autocorrelation of a line's residuals and what it does to the line's standard
/// errors.
///
/// The correlation rho of neighbouring residuals is estimated by restricted maximum likelihood
/// (Patterson and Thompson 1971; for AR(1) regression Cheang and Reinsel 2000), which corrects most
/// of the downward bias of the residuals' own correlation. It is kept in [0, 0.98]: a negative
/// value would only narrow the intervals. The line stays the unweighted one; its covariance is the
/// sandwich (X'X)⁻¹ X'ΩX (X'X)⁻¹ σ² with Ω = rho^|i-j|. Neighbouring points count as one apart
/// whatever their distance in steps.
struct Autocorrelation {
  /// Points below which rho cannot be told from its own error and is taken as 0.
  static let smallestCount = 8

  let rho: Double
  /// Marginal variance of a residual.
  let variance: Double
  /// Variance of the line's height at the mean of x.
  let varianceOfMean: Double
  /// Covariance of that height and the slope.
  let covariance: Double
  /// Variance of the slope.
  let varianceOfSlope: Double
  /// Points less 2, shrunk as n (1 - rho) / (1 + rho); at least 1.
  let degreesOfFreedom: Double

  init(of line: LeastSquaresLine, x: [Double], y: [Double]) {
    let count = Double(line.count)
    let isExact = line.sumSquaredErrors <= 1e-26 * line.sumYY
    if line.count < Autocorrelation.smallestCount || isExact {
      rho = 0
      variance = line.sumSquaredErrors / max(count - 2, 1)
    } else {
      let products = LaggedProducts(of: line, x: x, y: y)
      rho = products.restrictedMaximum()
      variance = products.residualForm(rho) / (count - 2) / (1 - rho * rho)
    }
    let middle = Autocorrelation.sandwichMiddle(rho: rho, x: x, mean: line.meanX)
    varianceOfMean = variance * middle.oneOne / (count * count)
    covariance = variance * middle.oneX / (count * line.sumXX)
    varianceOfSlope = variance * middle.xx / line.sumXX / line.sumXX
    degreesOfFreedom = max(1, count * (1 - rho) / (1 + rho) - 2)
  }

  /// Variance of the line's height where x is `distance` from its mean.
  func varianceOfHeight(at distance: Double) -> Double {
    let value =
      varianceOfMean + 2 * distance * covariance + distance * distance * varianceOfSlope
    return max(0, value)
  }

  /// X'ΩX for the columns 1 and x - mean, in one pass through the recursion of the geometric
  /// weights.
  private static func sandwichMiddle(
    rho: Double, x: [Double], mean: Double
  ) -> (oneOne: Double, oneX: Double, xx: Double) {
    var result = (oneOne: 0.0, oneX: 0.0, xx: 0.0)
    var pastOne = 0.0
    var pastX = 0.0
    for value in x {
      let dx = value - mean
      result.oneOne += 1 + 2 * pastOne
      result.oneX += dx + pastX + dx * pastOne
      result.xx += dx * (dx + 2 * pastX)
      pastOne = rho * (1 + pastOne)
      pastX = rho * (dx + pastX)
    }
    return result
  }
}

/// Sums of products of the columns 1, x - mean and residual, from which the restricted likelihood
/// at any rho follows in constant time.
///
/// For columns p and q the whitened product is Σ pq + rho² Σ' pq - rho Σ (p_i q_(i-1) + p_(i-1)
/// q_i), where Σ' leaves out the first and the last point.
private struct LaggedProducts {
  private struct Pair {
    var all = 0.0
    var inner = 0.0
    var lagged = 0.0

    func whitened(_ rho: Double) -> Double { all + rho * (rho * inner - lagged) }
  }

  private let count: Double
  private var oneX = Pair()
  private var oneE = Pair()
  private var xx = Pair()
  private var xe = Pair()
  private var ee = Pair()

  init(of line: LeastSquaresLine, x: [Double], y: [Double]) {
    count = Double(line.count)
    var lastX = 0.0
    var lastE = 0.0
    for index in x.indices {
      let dx = x[index] - line.meanX
      let e = (y[index] - line.meanY) - line.slope * dx
      let isInner = index > 0 && index < x.count - 1
      LaggedProducts.add(dx, index > 0 ? dx + lastX : 0, isInner, to: &oneX)
      LaggedProducts.add(e, index > 0 ? e + lastE : 0, isInner, to: &oneE)
      LaggedProducts.add(dx * dx, 2 * dx * lastX, isInner, to: &xx)
      LaggedProducts.add(dx * e, dx * lastE + lastX * e, isInner, to: &xe)
      LaggedProducts.add(e * e, 2 * e * lastE, isInner, to: &ee)
      lastX = dx
      lastE = e
    }
  }

  private static func add(
    _ product: Double, _ lagged: Double, _ isInner: Bool, to pair: inout Pair
  ) {
    pair.all += product
    if isInner { pair.inner += product }
    pair.lagged += lagged
  }

  private func oneOne(_ rho: Double) -> Double {
    count + rho * (rho * (count - 2) - 2 * (count - 1))
  }

  /// The generalised residual sum of squares, in innovations.
  func residualForm(_ rho: Double) -> Double {
    let (p, q, r) = (oneOne(rho), oneX.whitened(rho), xx.whitened(rho))
    let (u, v) = (oneE.whitened(rho), xe.whitened(rho))
    let determinant = p * r - q * q
    let explained = (r * u * u - 2 * q * u * v + p * v * v) / determinant
    return max(ee.whitened(rho) - explained, Double.leastNormalMagnitude)
  }

  /// The restricted log-likelihood up to a constant.
  private func logLikelihood(_ rho: Double) -> Double {
    let q = oneX.whitened(rho)
    let determinant = oneOne(rho) * xx.whitened(rho) - q * q
    guard determinant > 0 else { return -.infinity }
    return -0.5
      * ((count - 2) * log(residualForm(rho)) - log(1 - rho * rho) + log(determinant))
  }

  /// The rho in [0, 0.98] of the largest likelihood: a coarse grid, then golden sections.
  func restrictedMaximum() -> Double {
    let step = 0.07
    var best = (rho: 0.0, value: logLikelihood(0))
    for index in 1...14 {
      let rho = Double(index) * step
      let value = logLikelihood(rho)
      if value > best.value { best = (rho, value) }
    }
    return goldenSectionMaximum(
      from: max(0, best.rho - step), to: min(0.98, best.rho + step), steps: 24, logLikelihood)
  }
}

/// Returns where a function that has one maximum between two places is largest.
func goldenSectionMaximum(
  from start: Double, to end: Double, steps: Int, _ value: (Double) -> Double
) -> Double {
  let ratio = (5.0.squareRoot() - 1) / 2
  var low = start
  var high = end
  var left = high - ratio * (high - low)
  var right = low + ratio * (high - low)
  var atLeft = value(left)
  var atRight = value(right)
  for _ in 0..<steps {
    if atLeft >= atRight {
      (high, right, atRight) = (right, left, atLeft)
      left = high - ratio * (high - low)
      atLeft = value(left)
    } else {
      (low, left, atLeft) = (left, right, atRight)
      right = low + ratio * (high - low)
      atRight = value(right)
    }
  }
  // The ends take part, so that a maximum on the border is met exactly.
  let inner = atLeft >= atRight ? left : right
  return [start, end].reduce(inner) { value($1) > value($0) ? $1 : $0 }
}
