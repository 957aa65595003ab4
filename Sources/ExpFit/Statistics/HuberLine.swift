/// Huber's robust line: iterated reweighted least squares with k = 1.345 and the scale by the
/// residuals' median absolute value / 0.6745 (Huber 1981, chapter 7), which an outlier moves little.
enum HuberLine {
  static let threshold = 1.345
  /// The upper quartile of the standard normal.
  private static let quartile = 0.674_489_750_196_081_7

  /// The line, its residuals replaced by the pseudo-residuals K s ψ(r/s) / mean ψ'.
  ///
  /// The estimate is the least-squares line through itself plus those, so every error model of a
  /// least-squares line applies to it; under independence it gives Huber's first covariance
  /// estimate, K² s² [Σψ² / (n - 2)] / [mean ψ']² (X'X)⁻¹ with K = 1 + (2 / n) var ψ' / (mean ψ')²
  /// (Huber 1981, equation 7.6.5).
  static func fit(_ plain: LineDesign, y: [Double], x: [Double]) throws(NoFit) -> LineDesign {
    if plain.isExact { return plain }
    let (line, scale) = try settle(plain, y: y, x: x)
    let count = Double(plain.count)
    let standardized = residuals(of: line, x: x, y: y).map { $0 / scale }
    let inside = Double(standardized.count { abs($0) <= threshold }) / count
    let correction = 1 + 2 / count * (inside - inside * inside) / (inside * inside)
    let pseudo = standardized.map {
      correction * scale * max(-threshold, min(threshold, $0)) / inside
    }
    let distance = plain.center - line.center
    return LineDesign(
      like: plain, height: line.height + line.slope * distance, slope: line.slope,
      residuals: pseudo)
  }

  /// Reweights until height and slope stay.
  ///
  /// The scale moves along for 100 rounds; held from there on, it makes the problem convex, so that
  /// it settles where a small sample's median jumps.
  private static func settle(
    _ plain: LineDesign, y: [Double], x: [Double]
  ) throws(NoFit) -> (line: LineDesign, scale: Double) {
    var line = plain
    var scale = self.scale(residuals(of: line, x: x, y: y))
    for round in 0..<1000 {
      guard scale > 0 else {
        throw NoFit(
          "more than half of the points lie exactly on one line, so Huber's scale is 0; use "
            + "least_squares")
      }
      let limit = threshold * scale
      let weights = residuals(of: line, x: x, y: y).map { abs($0) <= limit ? 1 : limit / abs($0) }
      guard let next = LineDesign(x: x, y: y, weights: weights) else {
        throw NoFit("Huber's weights leave values of H too close to compute with")
      }
      let change = abs(next.value(at: plain.center) - line.value(at: plain.center))
      let turn = abs(next.slope - line.slope)
      line = next
      if round < 100 { scale = self.scale(residuals(of: line, x: x, y: y)) }
      if change <= 1e-14 * scale, turn <= 1e-14 * abs(line.slope) + 1e-300 { break }
    }
    return (line, scale)
  }

  private static func residuals(of line: LineDesign, x: [Double], y: [Double]) -> [Double] {
    x.indices.map { (y[$0] - line.height) - line.slope * (x[$0] - line.center) }
  }

  private static func scale(_ residuals: [Double]) -> Double {
    let sizes = residuals.map(abs).sorted()
    let middle = sizes.count / 2
    let median = sizes.count % 2 == 1 ? sizes[middle] : 0.5 * (sizes[middle - 1] + sizes[middle])
    return median / quartile
  }
}
