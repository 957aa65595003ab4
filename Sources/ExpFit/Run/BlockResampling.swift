internal import Glibc

/// Resamples of a fitted run and what becomes of the fit.
struct BlockResampling {
  private let line: LineDesign
  private let x: [Double]
  private let fitted: [Double]
  /// Centred and scaled by √(n / (n - 2)), in units of the weights' roots.
  private let residuals: [Double]
  private let estimator: LawMethod.Estimator
  private let promptCount: Int?
  private let covariance: LineCovariance
  let blockLength: Int

  static let smallestCount = 8

  /// Prepares the residuals of a line.
  init(
    _ line: LineDesign, x: [Double], y: [Double], estimator: LawMethod.Estimator, promptCount: Int?
  ) throws(NoFit) {
    guard x.count >= BlockResampling.smallestCount else {
      throw NoFit(
        "a bootstrap in blocks needs at least \(BlockResampling.smallestCount) points, "
          + "and \(x.count) are there")
    }
    guard !line.isExact else {
      throw NoFit("every point lies on the law, so there are no residuals to draw from")
    }
    self.line = line
    self.x = x
    self.estimator = estimator
    self.promptCount = promptCount
    covariance = Autocorrelation.sandwich(line)
    blockLength = BlockResampling.blockLength(of: x.count, rho: covariance.rho)
    fitted = x.map { line.value(at: $0) }
    // Huber's line has pseudo-residuals; the scores' own are drawn.
    let own = x.indices.map { line.ones[$0] * (y[$0] - line.value(at: x[$0])) }
    let mean = own.reduce(0, +) / Double(own.count)
    let scale = (Double(own.count) / (Double(own.count) - 2)).squareRoot()
    residuals = own.map { scale * ($0 - mean) }
  }

  /// The length that is best for the variance of a mean under AR(1), (2 rho / (1 - rho²))^(2/3)
  /// n^(1/3) (Carlstein 1986), rounded up; at most a quarter of the points.
  static func blockLength(of count: Int, rho: Double) -> Int {
    let known = max(0, rho)
    let length = pow(2 * known / (1 - known * known), 2.0 / 3) * cbrt(Double(count))
    return max(1, min(count / 4, Int(length.rounded(.up))))
  }

  /// Draws and fits; the covariance is that of the resampled estimates.
  func run(
    level: Double, count: Int, seed: UInt64
  ) throws(NoFit) -> (intervals: LawBootstrap, covariance: LineCovariance) {
    guard count >= 99 else { throw NoFit("a bootstrap needs at least 99 resamples") }
    let own = LawNumbersWithErrors(line, covariance)
    var generator = SplitMix(seed: seed)
    var ratios: [[Double]] = [[], [], []]
    var moments = CoefficientMoments(line)
    for _ in 0..<count {
      guard let resampled = refit(scores(&generator)) else { continue }
      let numbers = LawNumbersWithErrors(resampled, Autocorrelation.sandwich(resampled))
      guard numbers.isUsable else { continue }
      moments.add(resampled)
      for index in 0..<3 {
        ratios[index].append((numbers.values[index] - own.values[index]) / numbers.errors[index])
      }
    }
    guard ratios[0].count >= 99 else {
      throw NoFit("too few of the bootstrap's resamples have a fit")
    }
    let intervals = (0..<3).map { index in
      BlockResampling.interval(
        own.values[index], own.errors[index], ratios: ratios[index].sorted(), level: level)
    }
    let bootstrap = LawBootstrap(
      aInterval: intervals[0], bInterval: intervals[1], ceilingInterval: intervals[2],
      blockLength: blockLength, resampleCount: ratios[0].count, level: level)
    return (
      bootstrap,
      moments.covariance(rho: covariance.rho, degreesOfFreedom: covariance.degreesOfFreedom)
    )
  }

  private func scores(_ generator: inout SplitMix) -> [Double] {
    var scores = fitted
    var index = 0
    while index < scores.count {
      let start = generator.below(residuals.count - blockLength + 1)
      for offset in 0..<min(blockLength, scores.count - index) {
        scores[index + offset] += residuals[start + offset] / line.ones[index + offset]
      }
      index += blockLength
    }
    return scores
  }

  private func refit(_ scores: [Double]) -> LineDesign? {
    guard let plain = LineDesign(x: x, y: scores) else { return nil }
    if estimator == .binomial {
      // Drawn scores may leave [0, 1], so the weights stay those of the fit.
      return LineDesign(x: x, y: scores, weights: line.ones.map { $0 * $0 })
    }
    // try?: a resample that cannot be fitted is not counted, and the count is stated.
    return try? LawEstimate.line(
      plain, x: x, y: scores, estimator: estimator, promptCount: promptCount)
  }

  /// Bootstrap-t: the upper quantile of the ratios gives the lower end.
  private static func interval(
    _ value: Double, _ error: Double, ratios: [Double], level: Double
  ) -> Interval {
    let tail = (1 - level) / 2
    func quantile(_ share: Double) -> Double {
      let place = share * Double(ratios.count + 1) - 1
      let low = max(0, min(ratios.count - 1, Int(place.rounded(.down))))
      let high = min(ratios.count - 1, low + 1)
      return ratios[low] + max(0, place - Double(low)) * (ratios[high] - ratios[low])
    }
    return Interval(
      low: value - error * quantile(1 - tail), high: value - error * quantile(tail))
  }
}

/// a, b and the ceiling of a line over exp(H) - 1 with their standard errors.
struct LawNumbersWithErrors {
  let values: [Double]
  let errors: [Double]

  init(_ line: LineDesign, _ covariance: LineCovariance) {
    values = [-line.slope, line.value(at: -1), line.value(at: 0)]
    errors = [
      covariance.slope.squareRoot(),
      covariance.varianceOfHeight(at: -1 - line.center).squareRoot(),
      covariance.varianceOfHeight(at: -line.center).squareRoot(),
    ]
  }

  var isUsable: Bool {
    values.allSatisfy(\.isFinite) && errors.allSatisfy { $0 > 0 && $0.isFinite }
  }
}

/// Second moments of resampled heights and slopes around their means.
private struct CoefficientMoments {
  private let origin: LineDesign
  private var count = 0.0
  private var (height, slope) = (0.0, 0.0)
  private var (heights, cross, slopes) = (0.0, 0.0, 0.0)

  init(_ origin: LineDesign) { self.origin = origin }

  mutating func add(_ line: LineDesign) {
    let dh = line.value(at: origin.center) - origin.height
    let ds = line.slope - origin.slope
    count += 1
    height += dh
    slope += ds
    heights += dh * dh
    cross += dh * ds
    slopes += ds * ds
  }

  func covariance(rho: Double, degreesOfFreedom: Double) -> LineCovariance {
    LineCovariance(
      height: max(0, (heights - height * height / count) / (count - 1)),
      cross: (cross - height * slope / count) / (count - 1),
      slope: max(0, (slopes - slope * slope / count) / (count - 1)), rho: rho,
      degreesOfFreedom: degreesOfFreedom)
  }
}
