/// When an arm of a sweep is stopped early: the upper bound of its predicted ceiling lies below the
/// best lower bound of any other arm of its group, by more than a margin.
///
/// An arm is the runs that differ in their seeds only; it is kept or stopped as a whole, because
/// stopping single unlucky seeds would leave the arm an average over its lucky ones. Runs are
/// compared within a group only: the same model size, task and definition of the metrics.
///
/// The bounds are one arm's at one look. Many looks at many arms, and the bias of early fits, make
/// them too narrow for that: `level`, `margin` and `after` are what allows for it, and a replay over
/// recorded sweeps (`PruneReplay`) shows what they are worth.
public struct PruneRule: Sendable, Hashable {
  /// Two-sided coverage of the bounds, in (0, 1).
  public var level: Double
  /// How far below the best lower bound the upper bound must lie, in units of the score.
  public var margin: Double
  /// Share of a run's steps before which it is not judged.
  public var after: Double
  /// Evaluations before which a run is not judged.
  public var points: Int

  /// Makes a rule; the defaults are those that replays found rarely wrong (docs/law/pruning.md).
  public init(
    level: Double = 0.95, margin: Double = 0.02, after: Double = 0.25, points: Int = 8
  ) {
    self.level = level
    self.margin = margin
    self.after = after
    self.points = points
  }

  /// Throws where a setting cannot be used.
  ///
  /// - Throws: `NoFit` naming the setting and what it may be.
  public func check() throws(NoFit) {
    try StudentT.check(level: level)
    guard margin >= 0, margin.isFinite else {
      throw NoFit("a margin is a number of at least 0, not \(shortText(margin))")
    }
    guard after >= 0, after < 1 else {
      throw NoFit(
        "the share of steps before the first look is at least 0 and below 1, not "
          + shortText(after))
    }
    guard points >= 3 else {
      throw NoFit("the law needs at least 3 evaluations, so the least count cannot be \(points)")
    }
  }
}

/// One planned run as pruning sees it.
public struct PruneRun: Sendable, Hashable {
  /// The evaluations so far; none where it has not begun.
  public var curve: Curve
  /// Names the arm: equal for runs that differ in their seeds only.
  public var arm: String
  /// Names the group beside model size and definition of the metrics, which always separate.
  public var group: String
  /// Steps of the whole run.
  public var totalSteps: Int
  /// Whether it has done all of them, so that it cannot be stopped any more.
  public var isFinished: Bool

  /// Makes a run.
  public init(
    curve: Curve, arm: String, group: String = "", totalSteps: Int, isFinished: Bool
  ) {
    self.curve = curve
    self.arm = arm
    self.group = group
    self.totalSteps = totalSteps
    self.isFinished = isFinished
  }
}

/// An arm that should be stopped, and why.
public struct PruneDecision: Sendable, Hashable {
  /// The arm's runs that are not finished, in the order given: those that can be stopped.
  public let runs: [String]
  /// The arm.
  public let arm: String
  /// Non-embedding parameters of the group.
  public let modelParams: Double
  /// The step that the arm was judged at: the least that its judged runs have reached.
  public let step: Int
  /// The arm's predicted ceiling with its bounds.
  public let bounds: PruneBounds
  /// The arm with the best lower bound.
  public let rival: String
  /// That arm's bounds, from evaluations up to the same step where these say less than all.
  public let rivalBounds: PruneBounds
  /// One clause with the numbers.
  public let reason: String
}

/// An arm's predicted ceiling with its bounds.
public struct PruneBounds: Sendable, Hashable {
  /// The mean of its runs' ceilings.
  public let ceiling: Double
  /// The bounds.
  public let interval: Interval
  /// Runs behind it.
  public let runCount: Int
  /// Whether the spread from seed to seed could be estimated and is in the bounds.
  public let knowsSeedSpread: Bool
  /// How far from its data the ceiling of a run is read off, in spans of the data in exp(H); the
  /// largest of its runs.
  public let extrapolation: Double
}
