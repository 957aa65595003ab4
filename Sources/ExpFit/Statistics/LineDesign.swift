/// A fitted line as its error models see it: two orthogonal columns and what is left over.
///
/// The columns are √w and √w (x - center), where `center` is the weighted mean of x, so that the
/// height there and the slope are uncorrelated under independent errors. Residuals are in the same
/// units: √w (y - line). Unweighted fits have w = 1.
struct LineDesign {
  /// √w of each point.
  let ones: [Double]
  /// √w (x - center) of each point.
  let slopes: [Double]
  /// √w (y - line) of each point; orthogonal to both columns.
  let residuals: [Double]
  /// The place at which the height is given.
  let center: Double
  /// The line's height at the centre.
  let height: Double
  let slope: Double
  /// Σ w.
  let sumOnes: Double
  /// Σ w (x - center)².
  let sumSlopes: Double
  /// Whether the residuals are no more than rounding.
  let isExact: Bool

  var count: Int { residuals.count }

  /// The least-squares line; nil where x does not move or the sums leave the range of numbers.
  init?(x: [Double], y: [Double]) {
    guard let line = LeastSquaresLine(x: x, y: y) else { return nil }
    self.init(line, x: x, y: y)
  }

  /// The design of a least-squares line through points.
  init(_ line: LeastSquaresLine, x: [Double], y: [Double]) {
    ones = Array(repeating: 1, count: x.count)
    center = line.meanX
    height = line.meanY
    slope = line.slope
    let (meanX, meanY, slope) = (line.meanX, line.meanY, line.slope)
    slopes = x.map { $0 - meanX }
    residuals = x.indices.map { (y[$0] - meanY) - slope * (x[$0] - meanX) }
    sumOnes = Double(x.count)
    sumSlopes = line.sumXX
    isExact = line.sumSquaredErrors <= LineDesign.rounding * line.sumYY
  }

  /// The weighted least-squares line; nil where x does not move or the sums leave the range of
  /// numbers.
  init?(x: [Double], y: [Double], weights: [Double]) {
    precondition(x.count == y.count && x.count == weights.count)
    var (total, sumX, sumY) = (0.0, 0.0, 0.0)
    for index in x.indices {
      total += weights[index]
      sumX += weights[index] * x[index]
      sumY += weights[index] * y[index]
    }
    let (center, height) = (sumX / total, sumY / total)
    var (sumXX, sumXY, sumYY) = (0.0, 0.0, 0.0)
    for index in x.indices {
      let (dx, dy) = (x[index] - center, y[index] - height)
      sumXX += weights[index] * dx * dx
      sumXY += weights[index] * dx * dy
      sumYY += weights[index] * dy * dy
    }
    let slope = sumXY / sumXX
    guard slope.isFinite, height.isFinite, sumYY.isFinite else { return nil }
    let roots = weights.map { $0.squareRoot() }
    ones = roots
    slopes = x.indices.map { roots[$0] * (x[$0] - center) }
    residuals = x.indices.map { roots[$0] * ((y[$0] - height) - slope * (x[$0] - center)) }
    (self.center, self.height, self.slope) = (center, height, slope)
    (sumOnes, sumSlopes) = (total, sumXX)
    isExact = residuals.reduce(0) { $0 + $1 * $1 } <= LineDesign.rounding * sumYY
  }

  /// The unweighted line of given height and slope with residuals that another estimator defines.
  init(like plain: LineDesign, height: Double, slope: Double, residuals: [Double]) {
    (ones, slopes, center) = (plain.ones, plain.slopes, plain.center)
    (sumOnes, sumSlopes, isExact) = (plain.sumOnes, plain.sumSlopes, plain.isExact)
    (self.height, self.slope, self.residuals) = (height, slope, residuals)
  }

  /// Share of the squares of y below which residuals are rounding.
  private static let rounding = 1e-26

  func value(at x: Double) -> Double { height + slope * (x - center) }

  var sumSquaredErrors: Double { residuals.reduce(0) { $0 + $1 * $1 } }
}

/// Covariance of a line's height at its centre and its slope, and how well it is known.
struct LineCovariance {
  /// Variance of the height at the centre.
  var height: Double
  /// Covariance of that height and the slope.
  var cross: Double
  /// Variance of the slope.
  var slope: Double
  /// Correlation of neighbouring residuals that it allows for.
  var rho: Double
  /// Degrees of freedom of the t quantiles.
  var degreesOfFreedom: Double

  /// Variance of the line's height where x is `distance` from the centre.
  func varianceOfHeight(at distance: Double) -> Double {
    max(0, height + 2 * distance * cross + distance * distance * slope)
  }

  /// The textbook covariance under independent errors of one variance.
  init(independent design: LineDesign) {
    let degrees = max(1, Double(design.count) - 2)
    let variance = design.sumSquaredErrors / degrees
    self.init(
      height: variance / design.sumOnes, cross: 0, slope: variance / design.sumSlopes, rho: 0,
      degreesOfFreedom: degrees)
  }

  init(height: Double, cross: Double, slope: Double, rho: Double, degreesOfFreedom: Double) {
    self.height = height
    self.cross = cross
    self.slope = slope
    self.rho = rho
    self.degreesOfFreedom = degreesOfFreedom
  }
}
