internal import Glibc

/// A ceiling measured on the runs of one size, with its own uncertainty.
public struct MeasuredCeiling: Sendable, Hashable {
  /// The mean of the runs' ceilings.
  public let value: Double
  /// Its interval: of the fit for one run, of the mean for more; nil where it is not finite.
  public let interval: Interval?
  /// Runs with a fit.
  public let runCount: Int
  /// Runs in whose fits a guard says that the law does not hold or is not identified.
  public let doubtfulCount: Int

  /// Measures the runs of a size.
  ///
  /// The interval of a mean over n runs uses Student's t with n - 1 degrees of freedom on the spread
  /// of the ceilings, or the fits' own errors where these are larger.
  /// - Throws: `NoFit` where no run has a fit.
  public init(_ runs: [RunFit], level: Double) throws(NoFit) {
    try StudentT.check(level: level)
    let laws = runs.compactMap { run -> LawFit? in
      guard case .success(let law) = run.law else { return nil }
      return law
    }
    guard let first = laws.first else { throw NoFit("no run of the size has a fit") }
    let count = Double(laws.count)
    let mean = laws.reduce(0) { $0 + $1.ceiling } / count
    value = mean
    runCount = laws.count
    doubtfulCount = laws.count { !$0.lawHolds }
    guard laws.count > 1 else {
      interval = first.ceilingInterval
      return
    }
    let spread = laws.reduce(0) { $0 + ($1.ceiling - mean) * ($1.ceiling - mean) } / (count - 1)
    let fits = laws.reduce(0) { $0 + $1.ceilingStandardError * $1.ceilingStandardError } / count
    let degrees = spread >= fits ? count - 1 : laws.reduce(0) { $0 + $1.degreesOfFreedom }
    let quantile = StudentT.twoSided(level: level, degreesOfFreedom: max(degrees, 1))
    let half = quantile * (max(spread, fits) / count).squareRoot()
    interval = half.isFinite ? Interval(center: mean, halfWidth: half) : nil
  }
}

/// A prediction that was made before, settled by what was measured.
public struct ScoredPrediction: Sendable, Hashable {
  /// What was written down.
  public struct Claim: Sendable, Hashable {
    /// The law's a.
    public var a: Double
    /// The law's b.
    public var b: Double
    /// The ceiling; nil where it was withheld.
    public var ceiling: Double?
    /// The ceiling's interval; nil where there was none.
    public var interval: Interval?
    /// Coverage that the interval aims at.
    public var level: Double
    /// The ceiling by "same as the largest size run"; nil where it was not written down.
    public var naiveLargest: Double?
    /// The ceiling by "mean of the sizes"; nil where it was not written down.
    public var naiveMean: Double?

    /// Makes a claim.
    public init(
      a: Double, b: Double, ceiling: Double?, interval: Interval?, level: Double,
      naiveLargest: Double?, naiveMean: Double?
    ) {
      self.a = a
      self.b = b
      self.ceiling = ceiling
      self.interval = interval
      self.level = level
      self.naiveLargest = naiveLargest
      self.naiveMean = naiveMean
    }
  }

  /// What was written down.
  public let claim: Claim
  /// What was measured.
  public let measured: MeasuredCeiling
  /// Root of the mean squared distance between the predicted scores at the measured H and the
  /// measured scores.
  public let curveRMSE: Double

  /// Settles a claim.
  ///
  /// - Throws: `NoFit` where no run of the size has a fit, or the claim's level is none.
  public init(_ claim: Claim, against runs: [RunFit]) throws(NoFit) {
    self.claim = claim
    measured = try MeasuredCeiling(runs, level: claim.level)
    var (squares, count) = (0.0, 0)
    for point in runs.flatMap(\.curve.usablePoints) {
      let distance = claim.b - claim.a * exp(point.entropy) - point.score
      squares += distance * distance
      count += 1
    }
    curveRMSE = (squares / Double(max(count, 1))).squareRoot()
  }

  /// Predicted less measured ceiling; nil where it was withheld.
  public var error: Double? { claim.ceiling.map { $0 - measured.value } }
  /// Whether the measured ceiling lies in the predicted interval; nil where there is none.
  public var isInside: Bool? {
    claim.ceiling == nil ? nil : claim.interval?.contains(measured.value)
  }
  /// The interval score of the prediction; nil where there is no interval.
  public var intervalScore: Double? {
    claim.ceiling == nil ? nil : claim.interval?.score(of: measured.value, level: claim.level)
  }
  /// Error of "same as the largest size run".
  public var naiveLargestError: Double? { claim.naiveLargest.map { $0 - measured.value } }
  /// Error of "mean of the sizes".
  public var naiveMeanError: Double? { claim.naiveMean.map { $0 - measured.value } }
  /// Whether the error is smaller than that of both naive predictions; nil where one is not known.
  public var beatsNaive: Bool? {
    guard let error, let naiveLargestError, let naiveMeanError else { return nil }
    return abs(error) < min(abs(naiveLargestError), abs(naiveMeanError))
  }
}

extension Interval {
  /// Returns the interval score of a prediction interval for what came: its width, and 2 / (1 -
  /// level) times the distance by which the value lies outside; smaller is better.
  ///
  /// Gneiting and Raftery, Journal of the American Statistical Association 102 (2007), 359-378,
  /// equation 43.
  /// - Precondition: `level < 1`.
  public func score(of value: Double, level: Double) -> Double {
    precondition(level < 1)
    return width + 2 / (1 - level) * (max(0, low - value) + max(0, value - high))
  }
}
