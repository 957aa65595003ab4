/// A rule replayed over finished runs: what it would have stopped, saved, and got wrong.
///
/// All arms of a group advance together, evaluation by evaluation, as if all of its runs had been
/// started at once; an arm that is stopped measures nothing more. At the end every stopped arm is
/// judged by what its runs in fact went on to measure.
public struct PruneReplay: Sendable, Hashable {
  /// A finished run with what it cost.
  public struct Record: Sendable, Hashable {
    /// The run, with all its evaluations.
    public var run: PruneRun
    /// Core-seconds that it took; nil where nobody measured.
    public var coreSeconds: Double?

    /// Makes a record.
    public init(run: PruneRun, coreSeconds: Double? = nil) {
      self.run = run
      self.coreSeconds = coreSeconds
    }
  }

  /// What an arm came to in the end.
  public struct Final: Sendable, Hashable {
    /// Mean of its runs' ceilings, each by all its evaluations; nil where a run has none that holds.
    public let ceiling: Double?
    /// Mean over its runs of the mean of the last three scores.
    public let score: Double
  }

  /// A stopped arm beside the best arm that was kept.
  public struct Verdict: Sendable, Hashable {
    /// The decision.
    public let decision: PruneDecision
    /// What the arm came to.
    public let final: Final
    /// The highest ceiling of a kept arm; nil where none has one.
    public let bestKeptCeiling: Double?
    /// The highest last score of a kept arm.
    public let bestKeptScore: Double
    /// Steps that its runs would not have made.
    public let savedSteps: Int
    /// Core-seconds of those steps; nil where nobody measured.
    public let savedCoreSeconds: Double?

    /// The arm's ceiling less the best kept one; above 0 the rule was wrong.
    public var ceilingLead: Double? {
      guard let own = final.ceiling, let best = bestKeptCeiling else { return nil }
      return own - best
    }
    /// The arm's last score less the best kept one; above 0 the rule was wrong about the score.
    public var scoreLead: Double { final.score - bestKeptScore }
  }

  /// The rule.
  public let rule: PruneRule
  /// Arms that took part: those of groups with at least two.
  public let armCount: Int
  /// Groups with at least two arms.
  public let groupCount: Int
  /// The stopped arms, in the order of the step.
  public let verdicts: [Verdict]
  /// Arms that no rule can judge, because in one of their runs no law is found to hold.
  public let unjudged: [String]
  /// Steps of all runs that took part.
  public let totalSteps: Int
  /// Core-seconds of all runs that took part; nil where not all were measured.
  public let totalCoreSeconds: Double?

  /// Replays a rule.
  ///
  /// - Parameters:
  ///   - rule: The rule.
  ///   - records: Finished runs; held-out ones take no part.
  /// - Throws: `NoFit` where a setting of the rule cannot be used.
  public init(_ rule: PruneRule, over records: [Record]) throws(NoFit) {
    self.init(try PruneReplay.all([rule], over: records)[0])
  }

  /// Replays several rules over the same runs; fits that they share are made once.
  ///
  /// - Throws: `NoFit` where a setting of a rule cannot be used.
  public static func all(
    _ rules: [PruneRule], over records: [Record]
  ) throws(NoFit) -> [PruneReplay] {
    for rule in rules { try rule.check() }
    let groups = PruneRule.groups(of: records.map(\.run)).map { $0.map { records[$0] } }
      .filter { Set($0.map(\.run.arm)).count > 1 }
    var fits: [Double: [PruneFits]] = [:]
    return rules.map { rule in
      var known = fits[rule.level] ?? groups.map { _ in PruneFits(level: rule.level) }
      let courses = groups.indices.map { GroupReplay(rule, groups[$0], &known[$0]) }
      fits[rule.level] = known
      return PruneReplay(rule, courses)
    }
  }

  private init(_ other: PruneReplay) { self = other }

  private init(_ rule: PruneRule, _ courses: [GroupReplay]) {
    self.rule = rule
    groupCount = courses.count
    armCount = courses.reduce(0) { $0 + $1.armCount }
    totalSteps = courses.reduce(0) { $0 + $1.totalSteps }
    totalCoreSeconds = courses.isEmpty ? nil : PruneReplay.sum(courses.map(\.totalCoreSeconds))
    unjudged = courses.flatMap(\.unjudged)
    verdicts = courses.flatMap(\.verdicts).sorted { $0.decision.step < $1.decision.step }
  }

  /// Steps that all stopped runs would not have made.
  public var savedSteps: Int { verdicts.reduce(0) { $0 + $1.savedSteps } }
  /// Core-seconds of those steps; nil where nobody measured.
  public var savedCoreSeconds: Double? {
    totalCoreSeconds == nil ? nil : PruneReplay.sum(verdicts.map(\.savedCoreSeconds))
  }
  /// Stopped arms of which a ceiling is known, beside a kept one.
  public var judgedCount: Int { verdicts.count { $0.ceilingLead != nil } }
  /// Stopped arms whose ceiling proved higher than that of every kept arm.
  public var wrongCount: Int { verdicts.count { $0.ceilingLead ?? -1 > 0 } }
  /// Stopped arms whose ceiling proved no more than the margin below the best kept one, or higher.
  public var closeCount: Int { verdicts.count { $0.ceilingLead ?? -.infinity >= -rule.margin } }
  /// Stopped arms whose last score proved higher than that of every kept arm.
  public var wrongScoreCount: Int { verdicts.count { $0.scoreLead > 0 } }
  /// What the best ceiling would have lost: 0 where no stopped arm was the best.
  public var ceilingRegret: Double { verdicts.reduce(0) { max($0, $1.ceilingLead ?? 0) } }
  /// What the best last score would have lost.
  public var scoreRegret: Double { verdicts.reduce(0) { max($0, $1.scoreLead) } }

  static func sum(_ values: [Double?]) -> Double? {
    var total = 0.0
    for value in values {
      guard let value else { return nil }
      total += value
    }
    return total
  }
}
