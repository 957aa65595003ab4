internal import Glibc

/// The k of R = R∞ - c exp(-k (step - first)) with the smallest squared error.
///
/// R∞ and c are linear given k and are projected out. A grid of k by factors of 2 over neighbours
/// put together finds the valley; Gauss-Newton steps in ln k on all points find its bottom, with
/// Kaufman's gradient (Golub and Pereyra, SIAM Journal on Numerical Analysis 10, 1973; Kaufman, BIT
/// 15, 1975).
struct SaturationRate {
  /// k in 1/steps.
  let perStep: Double
  /// Whether the data tell R∞: they go at least a tenth of the way there, and more than a jump after
  /// the first point.
  let isInside: Bool

  /// k in spans of the data.
  private static let lowest = 0.01
  private static let octaves = 17

  /// Searches; nil where the steps do not move.
  init?(steps: ArraySlice<Double>, scores: [Double]) {
    guard let first = steps.first, let last = steps.last, last > first else { return nil }
    let span = last - first
    let times = steps.map { ($0 - first) / span }
    let mean = scores.reduce(0, +) / Double(scores.count)
    let search = ExponentialSearch(times: times, deviations: scores.map { $0 - mean })
    let rate = search.bottom(from: SaturationRate.valley(times, scores, mean: mean))
    perStep = rate / span
    let highest = SaturationRate.lowest * exp2(Double(SaturationRate.octaves))
    isInside = rate > 0.1 && rate < highest / 2
  }

  private static func valley(_ times: [Double], _ scores: [Double], mean: Double) -> Double {
    let thinned = Thinned(times[...], scores[...])
    var features = thinned.x.map { exp(-lowest * $0) }
    let count = thinned.weights.reduce(0, +)
    var best = (rate: lowest, explained: -Double.infinity)
    var rate = lowest
    for _ in 0...octaves {
      var (sum, squares, products) = (0.0, 0.0, 0.0)
      for index in features.indices {
        let weighted = thinned.weights[index] * features[index]
        sum += weighted
        squares += weighted * features[index]
        products += weighted * (thinned.y[index] - mean)
        features[index] *= features[index]
      }
      let spread = squares - sum * sum / count
      let explained = spread > 0 ? products * products / spread : -.infinity
      if explained > best.explained { best = (rate, explained) }
      rate *= 2
    }
    return best.rate
  }
}

/// Sums over exp(-k time) and its derivative.
private struct ExponentialSearch {
  private let times: [Double]
  private let deviations: [Double]
  /// Distance of neighbouring times where all are equal, which saves an exponential per point.
  private let gap: Double?

  init(times: [Double], deviations: [Double]) {
    self.times = times
    self.deviations = deviations
    let first = times[1] - times[0]
    let isEven = zip(times, times.dropFirst()).allSatisfy { abs($1 - $0 - first) < 1e-9 * first }
    gap = isEven ? first : nil
  }

  /// The k of the valley's bottom, within a factor of 4 of where the search starts.
  func bottom(from start: Double) -> Double {
    var place = log(start)
    let range = (place - log(4))...(place + log(4))
    var here = look(at: place)
    for _ in 0..<40 {
      guard here.step.isFinite else { break }
      var step = max(-1, min(1, here.step))
      var accepted = false
      for _ in 0..<8 {
        let next = max(range.lowerBound, min(range.upperBound, place + step))
        let there = look(at: next)
        if there.explained > here.explained {
          step = next - place
          (place, here, accepted) = (next, there, true)
          break
        }
        step /= 4
      }
      if !accepted || abs(step) < 1e-7 { break }
    }
    return exp(place)
  }

  /// How much of the squares a line over the exponential takes away, and the Gauss-Newton step in
  /// ln k.
  private func look(at logRate: Double) -> (explained: Double, step: Double) {
    let rate = exp(logRate)
    let ratio = gap.map { exp(-rate * $0) } ?? 0
    var feature = 1.0
    var (f, ff, fy, d, dd, fd, dy) = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    for index in times.indices {
      if gap == nil { feature = exp(-rate * times[index]) }
      let slope = -rate * times[index] * feature
      f += feature
      ff += feature * feature
      fy += feature * deviations[index]
      d += slope
      dd += slope * slope
      fd += feature * slope
      dy += slope * deviations[index]
      feature *= ratio
    }
    let count = Double(times.count)
    ff -= f * f / count
    fd -= f * d / count
    dd -= d * d / count
    guard ff > 0 else { return (-.infinity, .nan) }
    let weight = fy / ff
    return (fy * weight, (dy - weight * fd) / (weight * (dd - fd * fd / ff)))
  }
}
