internal import Glibc

/// Sums of products of a design's two columns and residuals, from which generalised least squares
/// under AR(1) at any rho follow in constant time.
///
/// For columns p and q the whitened product is Σ pq + rho² Σ' pq - rho Σ (p_i q_(i-1) + p_(i-1)
/// q_i), where Σ' leaves out the first and the last point.
struct LaggedProducts {
  private struct Pair {
    var all = 0.0
    var lagged = 0.0
    /// The first and the last product, which Σ' leaves out.
    var ends = 0.0

    func whitened(_ rho: Double) -> Double { all + rho * (rho * (all - ends) - lagged) }

    func slope(_ rho: Double) -> Double { 2 * rho * (all - ends) - lagged }
  }

  let count: Double
  private var oneOne = Pair()
  private var oneX = Pair()
  private var oneE = Pair()
  private var xx = Pair()
  private var xe = Pair()
  private var ee = Pair()

  init(of design: LineDesign) {
    count = Double(design.count)
    let last = design.count - 1
    var (lastOne, lastX, lastE) = (0.0, 0.0, 0.0)
    for index in 0...last {
      let (one, x, e) = (design.ones[index], design.slopes[index], design.residuals[index])
      oneOne.all += one * one
      oneOne.lagged += 2 * one * lastOne
      oneX.all += one * x
      oneX.lagged += one * lastX + lastOne * x
      oneE.all += one * e
      oneE.lagged += one * lastE + lastOne * e
      xx.all += x * x
      xx.lagged += 2 * x * lastX
      xe.all += x * e
      xe.lagged += x * lastE + lastX * e
      ee.all += e * e
      ee.lagged += 2 * e * lastE
      (lastOne, lastX, lastE) = (one, x, e)
    }
    for index in [0, last] {
      let (one, x, e) = (design.ones[index], design.slopes[index], design.residuals[index])
      oneOne.ends += one * one
      oneX.ends += one * x
      oneE.ends += one * e
      xx.ends += x * x
      xe.ends += x * e
      ee.ends += e * e
    }
  }

  /// Generalised least squares of the residuals at a rho: what it adds to height and slope, the
  /// residual sum of squares in innovations, and the inverse of the information.
  func generalised(
    _ rho: Double
  ) -> (
    height: Double, slope: Double, squares: Double,
    inverse: (oneOne: Double, oneX: Double, xx: Double), determinant: Double
  ) {
    let (p, q, r) = (oneOne.whitened(rho), oneX.whitened(rho), xx.whitened(rho))
    let (u, v) = (oneE.whitened(rho), xe.whitened(rho))
    let determinant = p * r - q * q
    let height = (r * u - q * v) / determinant
    let slope = (p * v - q * u) / determinant
    let squares = ee.whitened(rho) - height * u - slope * v
    return (
      height, slope, max(squares, Double.leastNormalMagnitude),
      (r / determinant, -q / determinant, p / determinant), determinant
    )
  }

  /// The restricted log-likelihood up to a constant.
  func logLikelihood(_ rho: Double) -> Double {
    let fit = generalised(rho)
    guard fit.determinant > 0 else { return -.infinity }
    return -0.5 * ((count - 2) * log(fit.squares) + log(fit.determinant / (1 - rho * rho)))
  }

  /// The slope of the restricted log-likelihood.
  ///
  /// The squares are a minimum over height and slope, so only the explicit rho counts in theirs.
  func slope(_ rho: Double) -> Double {
    let fit = generalised(rho)
    let (h, s) = (fit.height, fit.slope)
    var squares = ee.slope(rho) - 2 * (h * oneE.slope(rho) + s * xe.slope(rho))
    squares += h * h * oneOne.slope(rho) + 2 * h * s * oneX.slope(rho) + s * s * xx.slope(rho)
    let determinant =
      oneOne.slope(rho) * xx.whitened(rho) + oneOne.whitened(rho) * xx.slope(rho)
      - 2 * oneX.whitened(rho) * oneX.slope(rho)
    return -0.5
      * ((count - 2) * squares / fit.squares + 2 * rho / (1 - rho * rho)
        + determinant / fit.determinant)
  }
}
