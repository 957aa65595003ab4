/// Whether a and b are the same in all arms, at one size.
///
/// The joint model R = -a_g exp(H) + b_g with a law per run, taken in two stages: each run's (a, b)
/// from its curve, then an additive model of arm and block over runs (`ArmVariance`), whose error
/// is what varies from run to run within arms, evaluation error included. Tested are a and b
/// together (Wilks) and each alone (F, Holm's p over the two). One run per arm leaves no
/// such error; then only the curves themselves can be compared (`CurveEquality`).
public struct LawEquality: Sendable, Hashable {
  /// An arm's mean law.
  public struct Arm: Sendable, Hashable {
    /// The arm.
    public let name: String
    /// Runs in which the law holds.
    public let runCount: Int
    /// Means over these runs; nil for none.
    public let mean: LawNumbers?
    /// Ids of runs in which it does not.
    public let leftOut: [String]
  }

  /// Non-embedding parameters.
  public let size: Double
  /// The arms that have runs of this size.
  public let arms: [Arm]
  /// Blocks with runs of two arms or more in which the law holds.
  public let blockCount: Int
  /// Pillai's trace of a and b together, an effect size; nil where there are too few runs.
  public let trace: Double?
  /// Wilks' test of a and b together.
  public let joint: EffectTest?
  /// Test of a alone; its Holm p is over a and b.
  public let a: EffectTest?
  /// Test of b alone.
  public let b: EffectTest?
  /// Test of the ceiling alone, which is no third number: b - a.
  public let ceiling: EffectTest?
  /// With one run per arm: whether these curves follow one law.
  public let curves: EffectTest?
  /// Spread of runs around arm and block.
  public let runSpread: LawNumbers?
  /// Root mean square of the runs' standard errors by their curves alone.
  public let evaluationError: LawNumbers?
  /// Spread between arms beyond what equal arms would show; 0 where there is none.
  public let armSpread: LawNumbers?
  /// The arm whose runs vary most, where that is more than chance; the tests are then too eager.
  public let unequalSpread: UnequalSpread?
  /// Differences of a, b and ceiling between all pairs of arms; a family each.
  public let differences: [MeasureComparison]
  /// Whether all ceilings lie within the margin of each other.
  public let equivalence: Equivalence?
  /// Why there is no test over runs.
  public let reason: String?

  /// An arm whose ceilings vary more from run to run than those of the others.
  public struct UnequalSpread: Sendable, Hashable {
    /// The arm.
    public let arm: String
    /// Its standard deviation over that of the others.
    public let ratio: Double
  }

  /// Two one-sided tests on every pair of arms: all have to succeed, so the largest p counts and no
  /// adjustment is needed (Berger 1982).
  public struct Equivalence: Sendable, Hashable {
    /// The difference that does not matter.
    public let margin: Double
    /// The largest p of a pair.
    public let p: Double
    /// The pair with that p.
    public let arm: String
    /// The other of the pair.
    public let baseline: String
    /// Whether the largest p is small enough.
    public let isShown: Bool
  }

  init(
    _ design: ComparisonDesign, _ runs: [MeasuredRun], size: Double, level: Double, margin: Double
  ) {
    let blocks = design.blocks.filter { $0.size.bitPattern == size.bitPattern }
    let cells = LawCells(blocks, runs, armCount: design.arms.count)
    self.size = size
    arms = design.arms.indices.filter { arm in blocks.contains { !$0.runs[arm].isEmpty } }
      .map { cells.arm($0, named: design.arms[$0]) }
    let rows = cells.connectedRows
    blockCount = Set(rows.map(\.block)).count
    let variance = ArmVariance(rows)
    trace = variance?.pillai
    joint = variance?.joint
    let alone = Holm.adjusted([variance?.test(of: 0)?.p, variance?.test(of: 1)?.p])
    a = variance?.test(of: 0)?.adjusted(alone[0])
    b = variance?.test(of: 1)?.adjusted(alone[1])
    ceiling = variance?.test(of: 2)
    let isSingle = (variance?.error ?? 0) < 1
    curves = isSingle ? cells.curveTest : nil
    runSpread = LawNumbers { variance?.runSpread(of: $0) }
    evaluationError = cells.evaluationError
    let perArm = Double(rows.count) / Double(max(1, Set(rows.map(\.arm)).count))
    armSpread = LawNumbers { variance?.armSpread(of: $0, runsPerArm: perArm) }
    unequalSpread = variance?.widestArm(alpha: 1 - level).map {
      UnequalSpread(arm: design.arms[$0.arm], ratio: $0.ratio)
    }
    let builder = PairBuilder(
      design: design, runs: runs, level: level, margin: margin, only: size)
    let present = design.arms.indices.filter { arm in rows.contains { $0.arm == arm } }
    let pairs = present.enumerated().flatMap { place, base in
      present.dropFirst(place + 1).map { ArmPair(arm: $0, baseline: base) }
    }
    differences = [ComparisonMeasure.a, .b, .ceiling].map { builder.comparison($0, pairs) }
    equivalence = LawEquality.equivalence(differences[2].bySize, level: level, margin: margin)
    reason = LawEquality.reason(rows: rows, variance: variance)
  }

  private static func equivalence(
    _ pairs: [ArmComparison], level: Double, margin: Double
  ) -> Equivalence? {
    let known = pairs.compactMap { pair in pair.estimate?.equivalenceP.map { (pair, $0) } }
    guard known.count == pairs.count, let worst = known.max(by: { $0.1 < $1.1 }) else { return nil }
    return Equivalence(
      margin: margin, p: worst.1, arm: worst.0.arm, baseline: worst.0.baseline,
      isShown: worst.1 <= 1 - level)
  }

  private static func reason(rows: [ArmVariance.Row], variance: ArmVariance?) -> String? {
    guard !rows.isEmpty, let variance else {
      return "no block has runs of two arms in which the law holds"
    }
    if variance.error < 1 {
      return
        "one run per arm: what another seed would change is unknown, so a and b of the arms "
        + "cannot be compared, only these curves"
    }
    if variance.joint == nil {
      return variance.error < 2
        ? "too few runs to test a and b together: 1 degree of freedom of the error, and 2 are "
          + "needed; each alone is tested" : "a and b of the runs leave nothing to test together"
    }
    return nil
  }
}

extension EffectTest {
  fileprivate func adjusted(_ p: Double?) -> EffectTest {
    var test = self
    test.holmP = p
    return test
  }
}

extension LawNumbers {
  /// From a function of 0 for a, 1 for b, 2 for the ceiling; nil where one is nil.
  fileprivate init?(_ number: (Int) -> Double?) {
    guard let a = number(0), let b = number(1), let ceiling = number(2) else { return nil }
    self.init(a: a, b: b, ceiling: ceiling)
  }
}

/// The laws of the runs of one size by block and arm.
private struct LawCells {
  private let blocks: [ComparisonDesign.Block]
  private let runs: [MeasuredRun]
  private let armCount: Int

  init(_ blocks: [ComparisonDesign.Block], _ runs: [MeasuredRun], armCount: Int) {
    (self.blocks, self.runs, self.armCount) = (blocks, runs, armCount)
  }

  func arm(_ arm: Int, named name: String) -> LawEquality.Arm {
    let own = blocks.flatMap { $0.runs[arm] }
    let numbers = own.compactMap { runs[$0].numbers }
    return LawEquality.Arm(
      name: name, runCount: numbers.count, mean: LawNumbers(meanOf: numbers),
      leftOut: own.filter { runs[$0].numbers == nil }.map { runs[$0].curve.id })
  }

  /// The mean law of each block and arm, in blocks that have two arms or more.
  var connectedRows: [ArmVariance.Row] {
    blocks.indices.flatMap { block -> [ArmVariance.Row] in
      let rows = (0..<armCount).compactMap { arm in
        LawNumbers(meanOf: blocks[block].runs[arm].compactMap { runs[$0].numbers }).map {
          ArmVariance.Row(arm: arm, block: block, numbers: $0)
        }
      }
      return rows.count > 1 ? rows : []
    }
  }

  private var laws: [LawFit] {
    blocks.flatMap { $0.runs.joined() }.compactMap { index in
      guard case .success(let fit) = runs[index].law else { return nil }
      return fit
    }
  }

  /// The test of single curves; nil where an arm has more than one.
  var curveTest: EffectTest? {
    let counts = (0..<armCount).map { arm in
      blocks.reduce(0) { $0 + $1.runs[arm].count { runs[$0].numbers != nil } }
    }
    guard counts.allSatisfy({ $0 < 2 }) else { return nil }
    return CurveEquality.test(laws.map(CurveLaw.init))
  }

  var evaluationError: LawNumbers? {
    let all = laws
    guard !all.isEmpty else { return nil }
    func root(_ error: (LawFit) -> Double) -> Double {
      (all.reduce(0) { $0 + error($1) * error($1) } / Double(all.count)).squareRoot()
    }
    return LawNumbers(
      a: root(\.aStandardError), b: root(\.bStandardError), ceiling: root(\.ceilingStandardError))
  }
}
