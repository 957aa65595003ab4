extension Interval {
  /// Returns Wilson's interval for a probability after `successes` of `trials`; nil without trials.
  ///
  /// Wilson, Journal of the American Statistical Association 22 (1927), 209-212: it stays in [0, 1]
  /// and has a width above 0 at 0 and at `trials` successes, where the usual one has none.
  /// - Precondition: `0 <= successes <= trials`, `0 < level < 1`.
  public static func wilson(successes: Int, trials: Int, level: Double = 0.95) -> Interval? {
    precondition(successes >= 0 && successes <= trials)
    guard trials > 0 else { return nil }
    let count = Double(trials)
    let share = Double(successes) / count
    let z = StudentT.twoSided(level: level, degreesOfFreedom: 1e9)
    let shrink = 1 + z * z / count
    let center = (share + z * z / (2 * count)) / shrink
    let half =
      z / shrink * (share * (1 - share) / count + z * z / (4 * count * count)).squareRoot()
    return Interval(low: max(0, center - half), high: min(1, center + half))
  }
}
