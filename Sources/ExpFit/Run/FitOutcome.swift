/// Why there is no fit, in words.
public struct NoFit: Error, Sendable, Hashable, CustomStringConvertible {
  /// The reason, one clause.
  public let reason: String

  /// Makes a reason.
  public init(_ reason: String) { self.reason = reason }

  /// The reason.
  public var description: String { reason }
}

/// A closed interval.
public struct Interval: Sendable, Hashable {
  /// The lower end.
  public var low: Double
  /// The upper end.
  public var high: Double

  /// Makes an interval.
  public init(low: Double, high: Double) {
    self.low = low
    self.high = high
  }

  /// Makes the interval of a half-width around a centre.
  public init(center: Double, halfWidth: Double) {
    self.init(low: center - halfWidth, high: center + halfWidth)
  }

  /// Upper less lower end.
  public var width: Double { high - low }

  /// Whether a value lies inside, ends included.
  public func contains(_ value: Double) -> Bool { low <= value && value <= high }

  var isFinite: Bool { low.isFinite && high.isFinite }
}

/// Something a reader of a fitted number has to know.
public struct LawWarning: Sendable, Hashable, CustomStringConvertible {
  /// What a warning is about.
  public enum Kind: String, Sendable, Hashable, CaseIterable {
    /// Evaluations that were left out, named by step.
    case pointsLeftOut = "points_left_out"
    /// Few points, or few that are independent of their neighbours.
    case fewDegreesOfFreedom = "few_degrees_of_freedom"
    /// Errors of a kind that does not allow for the correlation of the residuals.
    case residualCorrelation = "residual_correlation"
    /// Residuals that correlate over longer distances than an AR(1) series.
    case slowCorrelation = "slow_correlation"
    /// Unequal distances between evaluations, or a step twice.
    case unevenSteps = "uneven_steps"
    /// H below 0, which no entropy of a vocabulary can be.
    case negativeEntropy = "negative_entropy"
    /// H moves so little that a cannot be told from 0.
    case entropyRange = "entropy_range"
    /// H rises, on the whole or after its low.
    case entropyRises = "entropy_rises"
    /// The score never changes.
    case constantScore = "constant_score"
    /// a is not above 0.
    case slopeContradictsLaw = "slope_contradicts_law"
    /// The ceiling lies further below the data than the data reach.
    case extrapolation = "extrapolation"
    /// The ceiling is not a share.
    case ceilingOutOfRange = "ceiling_out_of_range"
    /// The ceiling rests on the first evaluations.
    case firstPoints = "first_points"
    /// What the law leaves over still moves with the step.
    case residualTrend = "residual_trend"
    /// The law explains little.
    case poorFit = "poor_fit"
    /// Another form predicts held-out points better.
    case rivalPredictsBetter = "rival_predicts_better"
  }

  /// What it is about.
  public var kind: Kind
  /// One sentence without its full stop, with the numbers that led to it.
  public var message: String
  /// Whether it says that the law does not hold or cannot be identified, so that no ceiling should
  /// be read off.
  public var contradictsLaw: Bool

  /// Makes a warning.
  public init(_ kind: Kind, _ message: String, contradictsLaw: Bool = false) {
    self.kind = kind
    self.message = message
    self.contradictsLaw = contradictsLaw
  }

  /// The message.
  public var description: String { message }
}
