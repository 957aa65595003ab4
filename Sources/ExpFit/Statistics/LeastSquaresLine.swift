/// The unweighted least-squares line y = intercept + slope x, from sums around the means.
///
/// Two passes, so that a large offset of x or y costs no digits.
struct LeastSquaresLine: Sendable, Hashable {
  let count: Int
  let meanX: Double
  let meanY: Double
  let slope: Double
  /// Σ (x - mean)².
  let sumXX: Double
  /// Σ (y - mean)².
  let sumYY: Double
  /// Σ residual².
  let sumSquaredErrors: Double

  /// Fits; nil where x does not move or the sums leave the range of numbers.
  init?(x: [Double], y: [Double]) {
    precondition(x.count == y.count)
    guard !x.isEmpty else { return nil }
    count = x.count
    let scale = 1 / Double(x.count)
    var sumX = 0.0
    var sumY = 0.0
    for index in x.indices {
      sumX += x[index]
      sumY += y[index]
    }
    let meanX = sumX * scale
    let meanY = sumY * scale
    var sumXX = 0.0
    var sumXY = 0.0
    var sumYY = 0.0
    for index in x.indices {
      let dx = x[index] - meanX
      let dy = y[index] - meanY
      sumXX += dx * dx
      sumXY += dx * dy
      sumYY += dy * dy
    }
    let slope = sumXY / sumXX
    var sumSquaredErrors = 0.0
    for index in x.indices {
      let residual = (y[index] - meanY) - slope * (x[index] - meanX)
      sumSquaredErrors += residual * residual
    }
    guard slope.isFinite, sumYY.isFinite, sumSquaredErrors.isFinite else { return nil }
    self.meanX = meanX
    self.meanY = meanY
    self.slope = slope
    self.sumXX = sumXX
    self.sumYY = sumYY
    self.sumSquaredErrors = sumSquaredErrors
  }

  /// The mean of y as a line of slope 0.
  init?(constant y: [Double]) {
    guard !y.isEmpty else { return nil }
    let mean = y.reduce(0, +) / Double(y.count)
    let squares = y.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    guard mean.isFinite, squares.isFinite else { return nil }
    (count, meanX, meanY, slope, sumXX) = (y.count, 0, mean, 0, 0)
    (sumYY, sumSquaredErrors) = (squares, squares)
  }

  func value(at x: Double) -> Double { meanY + slope * (x - meanX) }

  /// The share of the variance of y that the line takes away; 0 where y does not move.
  var r2: Double { sumYY > 0 ? 1 - sumSquaredErrors / sumYY : 0 }

  /// Root of the mean squared residual.
  var rmse: Double { (sumSquaredErrors / Double(count)).squareRoot() }
}
