internal import Glibc

/// One number of a run that arms are compared by.
public enum ComparisonMeasure: String, Sendable, Hashable, CaseIterable {
  /// The score at H = 0 that the law gives, b - a.
  case ceiling
  /// The last validation score.
  case lastScore = "last_score"
  /// The validation score at the last step that both runs of a pair have.
  case equalStepScore = "equal_step_score"
  /// The best validation score, which grows with the number of evaluations too.
  case bestScore = "best_score"
  /// Mean entropy over the last fifth of the baseline's steps.
  case plateauEntropy = "plateau_entropy"
  /// The ratio of those means, compared as logarithms.
  case plateauEntropyRatio = "plateau_entropy_ratio"
  /// The last entropy.
  case lastEntropy = "last_entropy"
  /// The law's slope.
  case a
  /// The law's constant.
  case b

  /// Whether more of it is better.
  public var isBetterHigher: Bool {
    switch self {
    case .ceiling, .lastScore, .equalStepScore, .bestScore: true
    default: false
    }
  }

  /// Whether it is in units of the score, so that a margin of the score means something.
  public var isInScoreUnits: Bool { isBetterHigher || self == .a || self == .b }

  /// Whether it is one of the law's numbers.
  public var isOfLaw: Bool { self == .ceiling || self == .a || self == .b }

  /// Whether it is compared by its logarithm, so that differences are ratios.
  public var isRatio: Bool { self == .plateauEntropyRatio }

  /// The share of the baseline's steps that counts as its plateau.
  public static let plateauShare = 0.2

  /// What it is, in words.
  public var words: String {
    switch self {
    case .ceiling: "ceiling b - a (score at H = 0 by the law)"
    case .lastScore: "last validation score"
    case .equalStepScore: "validation score at the last step that both runs have"
    case .bestScore: "best validation score"
    case .plateauEntropy: "mean H over the last fifth of the baseline's steps, nats"
    case .plateauEntropyRatio: "H over the last fifth of the baseline's steps, over the baseline's"
    case .lastEntropy: "H at the last evaluation, nats"
    case .a: "a, the law's slope"
    case .b: "b, the law's constant"
    }
  }
}

/// A run with its law, as measures read it.
struct MeasuredRun {
  let curve: Curve
  let law: Result<LawFit, NoFit>

  init(_ curve: Curve, level: Double) {
    self.curve = curve
    law = Result { () throws(NoFit) in
      let fit = try LawFit(curve.points, level: level, promptCount: curve.promptCount)
      guard fit.lawHolds else {
        throw NoFit(fit.warnings.first(where: \.contradictsLaw)?.message ?? "the law does not hold")
      }
      return fit
    }
  }

  /// The law's numbers, where the law holds.
  var numbers: LawNumbers? {
    guard case .success(let fit) = law else { return nil }
    return LawNumbers(a: fit.a, b: fit.b, ceiling: fit.ceiling)
  }
}

/// The value of a measure in a run that is one of a pair.
struct MeasuredValue {
  let value: Double
  /// Squared standard error of the one curve's evaluation, where the measure has one.
  var variance: Double?
}

extension ComparisonMeasure {
  /// The values of a block's two arms; nil where either has none.
  ///
  /// Repeated runs enter with their mean.
  func values(
    arm: [MeasuredRun], baseline: [MeasuredRun]
  ) -> (arm: MeasuredValue, baseline: MeasuredValue)? {
    let both = arm + baseline
    var step: Int?
    var window: ClosedRange<Int>?
    if self == .equalStepScore {
      guard let shared = ComparisonMeasure.lastSharedStep(both) else { return nil }
      step = shared
    }
    if self == .plateauEntropy || self == .plateauEntropyRatio {
      guard let plateau = ComparisonMeasure.plateau(of: baseline) else { return nil }
      window = plateau
    }
    guard let own = mean(arm, step, window), let other = mean(baseline, step, window) else {
      return nil
    }
    return (own, other)
  }

  private func mean(
    _ runs: [MeasuredRun], _ step: Int?, _ window: ClosedRange<Int>?
  ) -> MeasuredValue? {
    let values = runs.compactMap { value(of: $0, step, window) }
    guard !values.isEmpty, values.count == runs.count else { return nil }
    let count = Double(values.count)
    let variances = values.compactMap(\.variance)
    return MeasuredValue(
      value: values.reduce(0) { $0 + $1.value } / count,
      variance: variances.count == values.count
        ? variances.reduce(0, +) / (count * count) : nil)
  }

  private func value(
    of run: MeasuredRun, _ step: Int?, _ window: ClosedRange<Int>?
  ) -> MeasuredValue? {
    let points = run.curve.points
    var value: Double?
    switch self {
    case .lastScore: value = points.last { $0.score.isFinite }?.score
    case .bestScore: value = points.map(\.score).filter(\.isFinite).max()
    case .equalStepScore: value = points.last { $0.step == step && $0.score.isFinite }?.score
    case .lastEntropy: value = points.last { $0.entropy.isFinite }?.entropy
    case .plateauEntropy: value = window.flatMap { ComparisonMeasure.meanEntropy(points, $0) }
    case .plateauEntropyRatio:
      value = window.flatMap { ComparisonMeasure.meanEntropy(points, $0) }
        .flatMap { $0 > 0 ? log($0) : nil }
    case .a, .b, .ceiling: return lawValue(run)
    }
    return value.map { MeasuredValue(value: $0) }
  }

  private func lawValue(_ run: MeasuredRun) -> MeasuredValue? {
    guard case .success(let fit) = run.law else { return nil }
    let (value, error) =
      switch self {
      case .a: (fit.a, fit.aStandardError)
      case .b: (fit.b, fit.bStandardError)
      default: (fit.ceiling, fit.ceilingStandardError)
      }
    return MeasuredValue(value: value, variance: error * error)
  }

  private static func lastSharedStep(_ runs: [MeasuredRun]) -> Int? {
    var shared: Set<Int>?
    for run in runs {
      let steps = Set(run.curve.points.filter { $0.score.isFinite }.map(\.step))
      shared = shared?.intersection(steps) ?? steps
    }
    return shared?.max()
  }

  /// The last fifth of the steps of the shortest of these runs.
  static func plateau(of runs: [MeasuredRun]) -> ClosedRange<Int>? {
    let lasts = runs.map { $0.curve.points.last { $0.entropy.isFinite }?.step }
    guard let last = lasts.compactMap(\.self).min(), lasts.allSatisfy({ $0 != nil }) else {
      return nil
    }
    // The window is open below: of 100 steps it is 81 to 100.
    let first = Double(last) * (1 - plateauShare)
    guard let before = Int(exactly: first.rounded(.down)), before < last else { return last...last }
    return (before + 1)...last
  }

  static func meanEntropy(_ points: [CurvePoint], _ window: ClosedRange<Int>) -> Double? {
    let values = points.filter { window.contains($0.step) && $0.entropy.isFinite }.map(\.entropy)
    return values.isEmpty ? nil : values.reduce(0, +) / Double(values.count)
  }
}
