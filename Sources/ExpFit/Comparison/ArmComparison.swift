/// An arm against a baseline by one measure, at one size or over all.
public struct ArmComparison: Sendable, Hashable {
  /// One pair.
  public struct Pair: Sendable, Hashable {
    /// What the two runs agree in.
    public let block: String
    /// Non-embedding parameters.
    public let size: Double
    /// The arm's value; a logarithm where the measure is a ratio.
    public let armValue: Double
    /// The baseline's value.
    public let baselineValue: Double
    /// Squared standard error of the difference by the evaluation of the curves; nil where unknown.
    let variance: Double?
  }

  /// What a comparison comes to.
  public enum Verdict: Sendable, Hashable {
    /// Better, or more where more is not better.
    case higher
    /// Worse, or less.
    case lower
    /// No difference larger than the margin: shown by two one-sided tests.
    case equivalent
    /// Higher by itself, but not as one of the family.
    case higherAlone
    /// Lower by itself, but not as one of the family.
    case lowerAlone
    /// No difference was shown; one as large as this is not ruled out.
    case notShown(possible: Double)
    /// No pair or one, or pairs without spread.
    case cannotTell(reason: String)
  }

  /// The arm.
  public let arm: String
  /// What it is compared with.
  public let baseline: String
  /// The size; nil for the comparison over all sizes.
  public let size: Double?
  /// The pairs in order of size.
  public let pairs: [Pair]
  /// The mean difference; nil without a pair.
  public internal(set) var estimate: DifferenceEstimate?
  /// Whether the effect differs between sizes; nil at one size.
  public let heterogeneity: Heterogeneity?
  /// Sizes' mean differences, ascending in size, where there is more than one size.
  public let sizeMeans: [Double]
  /// 1 - level: the chance of a false "helps" in the family.
  let alpha: Double

  init(
    arm: String, baseline: String, size: Double?, pairs: [Pair], level: Double, margin: Double?
  ) {
    (self.arm, self.baseline, self.size, self.pairs) = (arm, baseline, size, pairs)
    alpha = 1 - level
    let groups = ArmComparison.groups(pairs)
    estimate = DifferenceEstimate(groups, level: level, margin: margin)
    heterogeneity = size == nil ? Heterogeneity(groups) : nil
    sizeMeans = size == nil && groups.count > 1 ? groups.map(\.mean) : []
  }

  /// Whether some sizes show a gain and others a loss.
  public var signChanges: Bool {
    sizeMeans.contains { $0 > 0 } && sizeMeans.contains { $0 < 0 }
  }

  /// What it comes to, after Holm's adjustment over the family.
  public var verdict: Verdict {
    guard let estimate else { return .cannotTell(reason: "no pair") }
    guard let p = estimate.holmP, let interval = estimate.simultaneousInterval else {
      if let reason = estimate.reason, estimate.pairCount > 1 {
        return .cannotTell(reason: reason)
      }
      return .cannotTell(reason: "1 pair")
    }
    if p <= alpha { return estimate.value > 0 ? .higher : .lower }
    if let p = estimate.holmEquivalenceP, p <= alpha { return .equivalent }
    if let p = estimate.p, p <= alpha { return estimate.value > 0 ? .higherAlone : .lowerAlone }
    return .notShown(possible: max(abs(interval.low), abs(interval.high)))
  }

  private static func groups(_ pairs: [Pair]) -> [PairGroup] {
    var groups: [PairGroup] = []
    for pair in pairs {
      if groups.last?.size.bitPattern != pair.size.bitPattern {
        groups.append(PairGroup(size: pair.size))
      }
      let last = groups.count - 1
      groups[last].add(
        arm: pair.armValue, baseline: pair.baselineValue, variance: pair.variance)
    }
    return groups
  }
}

/// All comparisons by one measure: a family of tests for each size's and one for the pooled ones.
public struct MeasureComparison: Sendable, Hashable {
  /// The measure.
  public let measure: ComparisonMeasure
  /// Each pair of arms at each size.
  public let bySize: [ArmComparison]
  /// Each pair of arms over all sizes; empty where there is one size.
  public let pooled: [ArmComparison]
  /// Ids of runs that would be in a pair and lack the measure.
  public let missing: [String]

  /// Comparisons by size that have a p value: the family of Holm's method.
  public var familySize: Int { bySize.count { $0.estimate?.p != nil } }
  /// The same of the pooled ones.
  public var pooledFamilySize: Int { pooled.count { $0.estimate?.p != nil } }

  init(
    _ measure: ComparisonMeasure, bySize: [ArmComparison], pooled: [ArmComparison],
    missing: [String], level: Double
  ) {
    self.measure = measure
    self.bySize = MeasureComparison.adjusted(bySize, level: level)
    self.pooled = MeasureComparison.adjusted(pooled, level: level)
    self.missing = missing
  }

  /// Adds what a family has beyond its members: Holm's p and Bonferroni's intervals.
  static func adjusted(_ comparisons: [ArmComparison], level: Double) -> [ArmComparison] {
    var adjusted = comparisons
    let p = Holm.adjusted(comparisons.map { $0.estimate?.p })
    let equivalence = Holm.adjusted(comparisons.map { $0.estimate?.equivalenceP })
    let members = Double(max(1, p.count { $0 != nil }))
    let tail = (1 - level) / 2 / members
    for index in comparisons.indices {
      guard let own = comparisons[index].estimate, let error = own.standardError,
        let degrees = own.degreesOfFreedom
      else { continue }
      let quantile = -StudentT.quantile(tail, degreesOfFreedom: degrees)
      adjusted[index].estimate?.simultaneousInterval = Interval(
        center: own.value, halfWidth: quantile * error)
      adjusted[index].estimate?.holmP = p[index]
      adjusted[index].estimate?.holmEquivalenceP = equivalence[index]
    }
    return adjusted
  }
}
