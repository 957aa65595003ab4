/// A linear axis: the range that is shown and the ticks at 1, 2 or 5 times a power of ten.
struct PlotAxis: Sendable, Hashable {
  /// The least value shown.
  let low: Double
  /// The greatest value shown.
  let high: Double
  /// Where ticks stand, ascending.
  let ticks: [Double]
  /// The decimals that tell the ticks apart.
  let decimals: Int

  /// Larger values are left out of plots: their squares and differences would overflow.
  static let limit = 1e100

  /// Makes an axis over all values, with about `count` ticks and a margin of 1/25 of the range at both ends.
  ///
  /// - Precondition: `values` is not empty, and every value is finite and at most `limit` in magnitude.
  init(covering values: [Double], tickCount count: Int) {
    var low = values.min() ?? 0
    var high = values.max() ?? 1
    // Values that differ by rounding only would give ticks that all read alike.
    let least = max(low.magnitude, high.magnitude) * 1e-6
    if high - low <= least {
      let half = low == 0 && high == 0 ? 0.5 : max(low.magnitude, high.magnitude) * 0.05
      low -= half
      high += half
    } else {
      let margin = (high - low) / 25
      low -= margin
      high += margin
    }
    self.low = low
    self.high = high
    let (step, power) = PlotAxis.niceStep(for: (high - low) / Double(max(count, 1)))
    decimals = max(0, -power)
    var ticks: [Double] = []
    // Ticks are multiples of the step, so 0 is exactly 0 and no error accumulates.
    let first = (low / step).rounded(.up)
    for index in 0...(2 * max(count, 1) + 2) {
      let tick = (first + Double(index)) * step
      if tick > high { break }
      ticks.append(tick)
    }
    self.ticks = ticks
  }

  /// Returns where a value lies, 0 at `low` and 1 at `high`.
  func position(of value: Double) -> Double { (value - low) / (high - low) }

  /// Returns a tick's text.
  func label(_ tick: Double) -> String {
    decimals > 6 || tick.magnitude >= 1e7
      ? NumberText.significant(tick, digits: 4) : NumberText.fixed(tick, decimals: decimals)
  }

  /// The least of 1, 2, 5 times a power of ten that is not below `raw`, with the power of its first digit.
  private static func niceStep(for raw: Double) -> (step: Double, power: Int) {
    let power = DecimalText(raw)?.leadingPower ?? 0
    for (shift, factors) in [(power, [1.0, 2, 5]), (power + 1, [1.0])] {
      for factor in factors {
        let step = PlotAxis.times(factor, tenTo: shift)
        if step >= raw * (1 - 1e-9) { return (step, shift) }
      }
    }
    return (raw, power)
  }

  /// `factor * 10^power`, by division for negative powers because 0.1 is not exact but 10 is.
  private static func times(_ factor: Double, tenTo power: Int) -> Double {
    var scale = 1.0
    for _ in 0..<power.magnitude { scale *= 10 }
    return power < 0 ? factor / scale : factor * scale
  }
}
