/// The points of a run beside a line through them: what guards and goodness of fit look at.
struct RunSeries {
  /// All evaluations, unusable ones included.
  let points: [CurvePoint]
  /// Those that the fit used.
  let used: [CurvePoint]
  /// The line as its errors see it.
  let line: LineDesign
  /// exp(H) - 1 of those used.
  let x: [Double]
  /// Their scores less the line.
  let residuals: [Double]
  /// Mean of x.
  let meanX: Double
  /// Σ (x - mean)².
  let sumXX: Double
  /// Σ (score - mean)².
  let sumYY: Double
  /// Σ residual².
  let sumSquaredErrors: Double
  /// Smallest and largest score.
  let scoreRange: Interval
  /// Smallest and largest H.
  let entropyRange: Interval
  /// Distance in exp(H) from the lowest H to 0, over the range of exp(H).
  let extrapolation: Double

  /// Looks at the points used, of which there is one at least.
  init(points: [CurvePoint], used: [CurvePoint], x: [Double], line: LineDesign) {
    (self.points, self.used, self.x, self.line) = (points, used, x, line)
    let count = Double(used.count)
    var (sumX, sumY) = (0.0, 0.0)
    var entropies = Interval(low: .infinity, high: -.infinity)
    var places = entropies
    var scores = entropies
    for index in x.indices {
      let point = used[index]
      sumX += x[index]
      sumY += point.score
      entropies.stretch(to: point.entropy)
      places.stretch(to: x[index])
      scores.stretch(to: point.score)
    }
    let (meanX, meanY) = (sumX / count, sumY / count)
    let (center, height, slope) = (line.center, line.height, line.slope)
    var (sumXX, sumYY, squares) = (0.0, 0.0, 0.0)
    var residuals: [Double] = []
    residuals.reserveCapacity(x.count)
    for index in x.indices {
      let (dx, dy) = (x[index] - meanX, used[index].score - meanY)
      let residual = (used[index].score - height) - slope * (x[index] - center)
      sumXX += dx * dx
      sumYY += dy * dy
      squares += residual * residual
      residuals.append(residual)
    }
    (self.meanX, self.sumXX, self.sumYY) = (meanX, sumXX, sumYY)
    (self.residuals, sumSquaredErrors) = (residuals, squares)
    (entropyRange, scoreRange) = (entropies, scores)
    extrapolation = places.low / (places.high - places.low)
  }

  /// The share of the variance of the scores that the line takes away; 0 where they do not move.
  var r2: Double { sumYY > 0 ? 1 - sumSquaredErrors / sumYY : 0 }

  /// Root of the mean squared residual.
  var rmse: Double { (sumSquaredErrors / Double(used.count)).squareRoot() }

  /// The share of the residuals' squares that a straight line in step, added to the law, takes
  /// away; nil for fewer than 8 points, for residuals that are rounding, and for steps that do not
  /// move on their own.
  var shareOfStep: Double? {
    guard used.count >= 8, sumSquaredErrors > 1e-20 * sumYY else { return nil }
    var sum = 0.0
    for point in used { sum += Double(point.step) }
    let meanStep = sum / Double(used.count)
    var product = 0.0
    for index in x.indices { product += (Double(used[index].step) - meanStep) * (x[index] - meanX) }
    let slope = product / sumXX
    var (shared, squares) = (0.0, 0.0)
    for index in x.indices {
      let step = Double(used[index].step) - meanStep - slope * (x[index] - meanX)
      shared += step * residuals[index]
      squares += step * step
    }
    let share = shared * shared / squares / sumSquaredErrors
    return share.isFinite ? share : nil
  }

  /// How much the innovations e_i - rho e_(i-1) still correlate over lags 2 to m = √n, in standard
  /// errors: √(n / (m - 1)) times the sum of their correlations; nil for fewer than 40 points.
  ///
  /// An AR(1) series leaves none, so on average a little below 0 for the fitted line; noise on top
  /// of a slow wander leaves positive ones (a portmanteau test after Box and Pierce 1970, with the
  /// sign kept).
  func slowCorrelation(rho: Double) -> Double? {
    guard used.count >= 40, sumSquaredErrors > 1e-20 * sumYY else { return nil }
    let innovations = (1..<residuals.count).map { residuals[$0] - rho * residuals[$0 - 1] }
    let lags = max(3, Int(Double(residuals.count).squareRoot().rounded()))
    var squares = 0.0
    for value in innovations { squares += value * value }
    // The sum over lags of products is one of products with the sum of the values before.
    var (sum, before) = (0.0, 0.0)
    for index in innovations.indices {
      if index >= 2 { before += innovations[index - 2] }
      if index > lags { before -= innovations[index - lags - 1] }
      sum += innovations[index] * before
    }
    let value = sum / squares * (Double(residuals.count) / Double(lags - 1)).squareRoot()
    return value.isFinite ? value : nil
  }

  /// The largest rise of H above what was its lowest so far.
  var rebound: (size: Double, from: CurvePoint, to: CurvePoint)? {
    guard let first = used.first else { return nil }
    var lowest = first
    var rebound = (size: 0.0, from: first, to: first)
    for point in used {
      if point.entropy < lowest.entropy { lowest = point }
      let size = point.entropy - lowest.entropy
      if size > rebound.size { rebound = (size, lowest, point) }
    }
    return rebound
  }

  /// The shortest and the longest distance of neighbouring steps.
  var stepGaps: Interval {
    var gaps = Interval(low: .infinity, high: 0)
    for index in 1..<max(1, used.count) {
      gaps.stretch(to: Double(used[index].step) - Double(used[index - 1].step))
    }
    return gaps
  }
}

extension Interval {
  fileprivate mutating func stretch(to value: Double) {
    low = min(low, value)
    high = max(high, value)
  }
}
