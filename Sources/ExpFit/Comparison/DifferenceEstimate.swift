internal import Glibc

/// A mean paired difference with everything that says how much to trust it.
///
/// The pairs are the unit. At one size it is Student's paired t (1908). Over several sizes it is the
/// mean of the sizes' means, its variance the sum of the sizes' own variances, with Satterthwaite's
/// degrees of freedom (1946); a size with one pair takes the spread of the others. Where every size
/// has one pair only, the sizes themselves are the unit.
public struct DifferenceEstimate: Sendable, Hashable {
  /// What the standard error was taken from.
  public enum Spread: String, Sendable, Hashable {
    /// The pairs of each size around its mean.
    case pairs
    /// The sizes around their mean, one pair each.
    case sizes
  }

  /// The mean difference, arm less baseline.
  public let value: Double
  /// Pairs.
  public let pairCount: Int
  /// Sizes with at least one pair.
  public let sizeCount: Int
  /// Standard error of the mean difference; nil where the pairs cannot show one.
  public let standardError: Double?
  /// Degrees of freedom of t.
  public let degreesOfFreedom: Double?
  /// What the standard error was taken from.
  public let spread: Spread?
  /// Interval for this comparison alone.
  public let interval: Interval?
  /// Two-sided p of no difference.
  public let p: Double?
  /// Exact two-sided p of the sign-flip test; nil beyond 16 pairs.
  public let signFlipP: Double?
  /// The p with which two one-sided tests (Schuirmann 1987) find the difference within the margin.
  public let equivalenceP: Double?
  /// Hedges' g_av: the difference over the mean of the arms' standard deviations across seeds,
  /// corrected for small samples; nil for fewer than 3 pairs.
  public let hedgesG: Double?
  /// Standard error of the difference by the evaluation of the curves alone, which leaves out what
  /// another seed would change.
  public let evaluationError: Double?
  /// Why there is no interval.
  public let reason: String?
  /// Interval that holds together with the others of its family (Bonferroni).
  public internal(set) var simultaneousInterval: Interval?
  /// p by Holm's method over the family.
  public internal(set) var holmP: Double?
  /// p of equivalence by Holm's method over the family.
  public internal(set) var holmEquivalenceP: Double?

  /// Estimates; groups are sizes with at least one pair each.
  package init?(_ groups: [PairGroup], level: Double, margin: Double?) {
    let means = groups.map(\.mean)
    guard !groups.isEmpty, means.allSatisfy(\.isFinite) else { return nil }
    let value = means.reduce(0, +) / Double(groups.count)
    let spread = PairSpread(groups)
    self.value = value
    pairCount = groups.reduce(0) { $0 + $1.differences.count }
    sizeCount = groups.count
    hedgesG = DifferenceEstimate.hedgesG(groups, value)
    evaluationError = DifferenceEstimate.evaluationError(groups)
    guard let spread, spread.error > 1e-12 * abs(value), spread.error.isFinite else {
      reason = DifferenceEstimate.reason(groups, spread, value)
      (standardError, degreesOfFreedom, interval, p) = (nil, nil, nil, nil)
      (self.spread, signFlipP, equivalenceP) = (nil, nil, nil)
      return
    }
    let weighted = groups.flatMap { group in
      group.differences.map { $0 / Double(group.differences.count) }
    }
    signFlipP = SignFlip.twoSidedP(weighted)
    let degrees = spread.degreesOfFreedom
    standardError = spread.error
    degreesOfFreedom = degrees
    self.spread = spread.kind
    interval = Interval(
      center: value,
      halfWidth: spread.error * StudentT.twoSided(level: level, degreesOfFreedom: degrees))
    p = 2 * StudentT.upperTail(abs(value) / spread.error, degreesOfFreedom: degrees)
    equivalenceP = margin.map {
      DifferenceEstimate.lowerOrUpperTail(($0 - abs(value)) / spread.error, degrees)
    }
    reason = nil
  }

  /// P(T > t) for t of either sign.
  private static func lowerOrUpperTail(_ t: Double, _ degrees: Double) -> Double {
    let tail = StudentT.upperTail(abs(t), degreesOfFreedom: degrees)
    return t >= 0 ? tail : 1 - tail
  }

  private static func reason(
    _ groups: [PairGroup], _ spread: PairSpread?, _ value: Double
  ) -> String {
    guard let spread else {
      return "1 pair: how much another seed would change it cannot be known"
    }
    if !spread.error.isFinite { return "the values are too large to compute with" }
    return groups.allSatisfy { $0.differences.allSatisfy { $0 == 0 } }
      ? "the two runs of every pair have the same value"
      : "all pairs differ by the same amount, so they show no spread"
  }

  private static func hedgesG(_ groups: [PairGroup], _ value: Double) -> Double? {
    let degrees = Double(groups.reduce(0) { $0 + $1.differences.count - 1 })
    guard degrees >= 2 else { return nil }
    let arm = groups.reduce(0) { $0 + PairGroup.squares($1.armValues) } / degrees
    let baseline = groups.reduce(0) { $0 + PairGroup.squares($1.baselineValues) } / degrees
    let deviation = ((arm + baseline) / 2).squareRoot()
    // Runs that agree to rounding have no spread that a difference could be measured in.
    let largest = groups.flatMap(\.armValues).map(abs).max() ?? 0
    guard deviation > 1e-12 * largest else { return nil }
    let size = value / deviation
    let g = size * smallSampleFactor(degrees)
    return g.isFinite ? g : nil
  }

  /// Hedges' exact factor Γ(m/2) / (√(m/2) Γ((m - 1)/2)) (1981, equation 6e).
  package static func smallSampleFactor(_ degrees: Double) -> Double {
    exp(lgamma(degrees / 2).0 - lgamma((degrees - 1) / 2).0) / (degrees / 2).squareRoot()
  }

  private static func evaluationError(_ groups: [PairGroup]) -> Double? {
    var sum = 0.0
    for group in groups {
      let known = group.variances.compactMap(\.self)
      guard known.count == group.differences.count else { return nil }
      sum += known.reduce(0, +) / Double(known.count * known.count)
    }
    let error = sum.squareRoot() / Double(groups.count)
    return error.isFinite ? error : nil
  }
}

/// The standard error of a mean of sizes' mean differences.
private struct PairSpread {
  let error: Double
  let degreesOfFreedom: Double
  let kind: DifferenceEstimate.Spread

  /// nil where there is one pair in all.
  init?(_ groups: [PairGroup]) {
    let sizes = Double(groups.count)
    let degrees = groups.map { Double($0.differences.count - 1) }
    let total = degrees.reduce(0, +)
    guard total > 0 else {
      guard groups.count > 1 else { return nil }
      error = (PairGroup.squares(groups.map(\.mean)) / (sizes - 1) / sizes).squareRoot()
      degreesOfFreedom = sizes - 1
      kind = .sizes
      return
    }
    let single = Double(degrees.count { $0 == 0 })
    var parts: [(variance: Double, degrees: Double)] = []
    for (group, own) in zip(groups, degrees) where own > 0 {
      // Its own mean, and its share of the spread that sizes with one pair borrow.
      let weight = (1 / (own + 1) + single * own / total) / (sizes * sizes)
      parts.append((weight * group.sumSquares / own, own))
    }
    let variance = parts.reduce(0) { $0 + $1.variance }
    // Shares of the variance, for its square may be beyond the range of numbers.
    let denominator = parts.reduce(0) { sum, part in
      let share = part.variance / variance
      return sum + share * share / part.degrees
    }
    error = variance.squareRoot()
    degreesOfFreedom = denominator > 0 ? 1 / denominator : total
    kind = .pairs
  }
}
