internal import Glibc

/// The restricted likelihood of rho, the correlation of neighbouring residuals of a line under
/// AR(1) (Patterson and Thompson 1971; for regressions Cheang and Reinsel 2000).
///
/// It corrects most of the downward bias of the residuals' own correlation. Neighbouring points
/// count as one apart whatever their distance in steps.
struct RestrictedLikelihood {
  /// The largest |rho| considered.
  static let limit = 0.98
  /// The limit on Fisher's scale, atanh(rho).
  private static let farthest = atanh(limit)
  private static let intervals = 30

  private let products: LaggedProducts

  init(_ products: LaggedProducts) { self.products = products }

  /// The rho of the largest likelihood, in [-0.98, 0.98], to the last digits: a zero of the
  /// likelihood's slope.
  func maximum() -> Double {
    let grid = Grid(low: -Self.farthest, high: Self.farthest, products)
    var low = tanh(max(-Self.farthest, grid.bestPlace - grid.step))
    var high = tanh(min(Self.farthest, grid.bestPlace + grid.step))
    for _ in 0..<80 {
      let middle = 0.5 * (low + high)
      if products.slope(middle) > 0 { low = middle } else { high = middle }
      if high - low <= 1e-16 { break }
    }
    return 0.5 * (low + high)
  }

  /// The mean of atanh(rho) over the likelihood, as a rho, and the mean degrees of freedom.
  ///
  /// The likelihood is taken as a density of rho (a flat prior), as its maximum alone ignores that
  /// rho is the worse known the fewer the points. On Fisher's scale the logarithm of a standard
  /// error is nearly linear, so this rho stands for the geometric mean of the standard errors over
  /// what rho may be. The degrees of freedom are the harmonic mean of n (1 - rho) / (1 + rho) - 2,
  /// with rho at least 0 and at least 1 of them: their reciprocal is what a variance's own relative
  /// variance is proportional to.
  func average() -> (rho: Double, degreesOfFreedom: Double) {
    let count = products.count
    var grid = Grid(low: -Self.farthest, high: Self.farthest, products)
    for _ in 0..<12 {
      let best = tanh(grid.bestPlace)
      let width = 1 / ((count - 2) * (1 - best * best)).squareRoot()
      if grid.step <= width { break }
      let reach = grid.step + 10 * width
      grid = Grid(
        low: max(-Self.farthest, grid.bestPlace - reach),
        high: min(Self.farthest, grid.bestPlace + reach), products)
    }
    return grid.average(count: count)
  }

  /// The likelihood at equally spaced places of atanh(rho).
  private struct Grid {
    let low: Double
    let step: Double
    private(set) var bestPlace: Double
    private var bestValue: Double
    private var nodes: [(rho: Double, value: Double)] = []

    init(low: Double, high: Double, _ products: LaggedProducts) {
      self.low = low
      step = (high - low) / Double(RestrictedLikelihood.intervals)
      (bestPlace, bestValue) = (0, -.infinity)
      nodes.reserveCapacity(RestrictedLikelihood.intervals + 1)
      for index in 0...RestrictedLikelihood.intervals {
        let place = low + Double(index) * step
        let rho = tanh(place)
        let value = products.logLikelihood(rho)
        nodes.append((rho, value))
        if value > bestValue { (bestPlace, bestValue) = (place, value) }
      }
    }

    /// Means by the trapezoidal rule: for a whole peak as wide as a step good to 1e-8, for one that
    /// the limits cut, as those of few points are, and across the kink at 0 to about 1 %.
    func average(count: Double) -> (rho: Double, degreesOfFreedom: Double) {
      var (total, places, reciprocals) = (0.0, 0.0, 0.0)
      for (index, node) in nodes.enumerated() where node.value > bestValue - 50 {
        let isEnd = index == 0 || index == nodes.count - 1
        // d rho = (1 - rho²) d atanh(rho).
        let weight =
          exp(node.value - bestValue) * (1 - node.rho * node.rho) * (isEnd ? 0.5 : 1)
        let rho = max(0, node.rho)
        total += weight
        places += weight * (low + Double(index) * step)
        reciprocals += weight / max(1, count * (1 - rho) / (1 + rho) - 2)
      }
      guard total > 0 else { return (0, max(1, count - 2)) }
      return (tanh(places / total), total / reciprocals)
    }
  }
}
