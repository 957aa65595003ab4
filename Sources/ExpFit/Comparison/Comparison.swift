/// Arms of a sweep compared, paired over everything else that identifies a run.
///
/// Held-out runs count like any other: they are kept from the lines across sizes, not from a
/// comparison at their own size. Runs in which the law does not hold have no a, b and ceiling here.
public struct Comparison: Sendable, Hashable {
  /// Arms and blocks.
  public let design: ComparisonDesign
  /// The baseline; nil where all pairs of arms are compared.
  public let baseline: String?
  /// Every measure's comparisons.
  public let measures: [MeasureComparison]
  /// Whether the law is the same in all arms, by size.
  public let laws: [LawEquality]
  /// Ids of runs that have the key and are in no pair of this comparison.
  public let unpaired: [String]
  /// Arms whose ceiling is higher than the baseline's and whose last score is lower.
  public let unreached: [String]
  /// Coverage that the intervals aim at.
  public let level: Double
  /// The difference of scores that does not matter.
  public let margin: Double
  /// What a reader has to know of the design.
  public let warnings: [String]

  /// Which pairs of arms are compared.
  public enum Pairing: String, Sendable, Hashable, CaseIterable {
    /// Each arm with the baseline.
    case baseline
    /// Each arm with each other.
    case all
  }

  /// Compares.
  ///
  /// - Parameters:
  ///   - curves: The runs, finished ones only.
  ///   - key: The label whose values are the arms.
  ///   - baseline: The arm that others are compared with; `standardBaseline` where nil.
  ///   - pairing: Which pairs of arms are compared.
  ///   - measures: What is compared.
  ///   - margin: A difference of scores that does not matter, above 0.
  ///   - level: Coverage of the intervals, in (0, 1).
  ///   - names: What warnings call the runs, by id; a run that is not named goes by its id.
  /// - Throws: `NoFit` for a key that does not vary, an unknown baseline, a level or margin that is
  ///   none.
  public init(
    _ curves: [Curve], by key: String, baseline: String? = nil, pairing: Pairing = .baseline,
    measures: [ComparisonMeasure] = ComparisonMeasure.allCases, margin: Double = 0.02,
    level: Double = 0.95, names: [String: String] = [:]
  ) throws(NoFit) {
    try StudentT.check(level: level)
    guard margin > 0, margin.isFinite else {
      throw NoFit("a margin is a difference of scores above 0, and \(shortText(margin)) is not")
    }
    let design = try ComparisonDesign(curves, by: key)
    let chosen = baseline ?? Comparison.standardBaseline(of: design.arms)
    guard design.arms.contains(chosen) else {
      throw NoFit(
        "'\(chosen)' is no value of \(key); there are \(listText(design.arms, limit: 60))")
    }
    let runs = curves.map { MeasuredRun($0, level: level) }
    let pairs = Comparison.armPairs(design.arms, baseline: chosen, pairing)
    let builder = PairBuilder(design: design, runs: runs, level: level, margin: margin)
    let compared = measures.map { builder.comparison($0, pairs) }
    self.measures = compared
    laws = design.sizes.map { LawEquality(design, runs, size: $0, level: level, margin: margin) }
    self.design = design
    self.baseline = pairing == .all ? nil : chosen
    self.level = level
    self.margin = margin
    let paired = builder.pairedRuns(pairs)
    unpaired = design.blocks.flatMap { $0.runs.joined() }.filter { !paired.contains($0) }
      .map { curves[$0].id }
    warnings = ComparisonWarnings(design: design, runs: runs, names: names).all(pairs)
    unreached = Comparison.unreached(compared)
  }

  /// The arm named `none`, `off`, `false`, `baseline`, `base` or `grpo`, in this order; else the
  /// first.
  public static func standardBaseline(of arms: [String]) -> String {
    let names = ["none", "off", "false", "baseline", "base", "grpo"]
    return names.first(where: arms.contains) ?? arms[0]
  }

  /// Arms that the law promises more for than the runs came to, at some size or over all.
  private static func unreached(_ measures: [MeasureComparison]) -> [String] {
    func all(_ measure: ComparisonMeasure) -> [ArmComparison] {
      measures.first { $0.measure == measure }.map { $0.bySize + $0.pooled } ?? []
    }
    let scores = all(.lastScore)
    return all(.ceiling).reduce(into: []) { arms, ceiling in
      let score = scores.first {
        $0.arm == ceiling.arm && $0.baseline == ceiling.baseline
          && $0.size?.bitPattern == ceiling.size?.bitPattern
      }
      guard ceiling.verdict == .higher, score?.estimate?.value ?? 0 < 0 else { return }
      if !arms.contains(ceiling.arm) { arms.append(ceiling.arm) }
    }
  }

  /// Places of (arm, baseline) among the arms; the chosen baseline is never the first of a pair.
  private static func armPairs(
    _ arms: [String], baseline: String, _ pairing: Pairing
  ) -> [ArmPair] {
    let first = arms.firstIndex(of: baseline) ?? 0
    let order = [first] + arms.indices.filter { $0 != first }
    let bases = pairing == .all ? order : [first]
    return bases.enumerated().flatMap { place, base in
      order.dropFirst(place + 1).map { ArmPair(arm: $0, baseline: base) }
    }
  }
}

/// Places of two arms.
struct ArmPair {
  let arm: Int
  let baseline: Int
}

/// Forms the pairs of a design.
struct PairBuilder {
  let design: ComparisonDesign
  let runs: [MeasuredRun]
  let level: Double
  let margin: Double
  /// The one size that is looked at; nil for all.
  var only: Double?

  /// Every pair of arms by one measure.
  func comparison(_ measure: ComparisonMeasure, _ pairs: [ArmPair]) -> MeasureComparison {
    let sizes = only.map { [$0] } ?? design.sizes
    var missing: Set<Int> = []
    var bySize: [ArmComparison] = []
    var pooled: [ArmComparison] = []
    for pair in pairs {
      let all = self.pairs(measure, pair, &missing)
      for size in sizes {
        let own = all.filter { $0.size.bitPattern == size.bitPattern }
        bySize.append(arms(measure, pair, size: size, own))
      }
      if sizes.count > 1 { pooled.append(arms(measure, pair, size: nil, all)) }
    }
    let order = sizes.indices.flatMap { size in
      pairs.indices.map { bySize[$0 * sizes.count + size] }
    }
    return MeasureComparison(
      measure, bySize: order, pooled: pooled, missing: missing.sorted().map { runs[$0].curve.id },
      level: level)
  }

  /// The pair of two arms' runs in every block that has both and the measure.
  func pairs(
    _ measure: ComparisonMeasure, _ pair: ArmPair, _ missing: inout Set<Int>
  ) -> [ArmComparison.Pair] {
    blocks(pair).compactMap { block in
      let (own, other) = (block.runs[pair.arm], block.runs[pair.baseline])
      guard
        let values = measure.values(arm: own.map { runs[$0] }, baseline: other.map { runs[$0] })
      else {
        let lacking = (own + other).filter { lacks(measure, $0) }
        missing.formUnion(lacking.isEmpty ? own + other : lacking)
        return nil
      }
      let variance = values.arm.variance.flatMap { own in
        values.baseline.variance.map { own + $0 }
      }
      return ArmComparison.Pair(
        block: block.name, size: block.size, armValue: values.arm.value,
        baselineValue: values.baseline.value, variance: variance)
    }
  }

  /// Runs that have a partner in some pair of arms.
  func pairedRuns(_ pairs: [ArmPair]) -> Set<Int> {
    pairs.reduce(into: []) { paired, pair in
      for block in blocks(pair) {
        paired.formUnion(block.runs[pair.arm] + block.runs[pair.baseline])
      }
    }
  }

  private func blocks(_ pair: ArmPair) -> [ComparisonDesign.Block] {
    design.blocks.filter {
      !$0.runs[pair.arm].isEmpty && !$0.runs[pair.baseline].isEmpty
        && (only == nil || only?.bitPattern == $0.size.bitPattern)
    }
  }

  /// Whether the run itself, not its partner, is why there is no value.
  private func lacks(_ measure: ComparisonMeasure, _ run: Int) -> Bool {
    measure.values(arm: [runs[run]], baseline: [runs[run]]) == nil
  }

  private func arms(
    _ measure: ComparisonMeasure, _ pair: ArmPair, size: Double?, _ pairs: [ArmComparison.Pair]
  ) -> ArmComparison {
    ArmComparison(
      arm: design.arms[pair.arm], baseline: design.arms[pair.baseline], size: size, pairs: pairs,
      level: level, margin: measure.isInScoreUnits ? margin : nil)
  }
}
