/// What settled predictions say together.
public struct ScoreSummary: Sendable, Hashable {
  /// Below this many predictions nothing is proved either way.
  public static let fewCount = 20

  /// Settled predictions with a ceiling.
  public let count: Int
  /// Of them, those with an interval.
  public let intervalCount: Int
  /// Measured ceilings inside their interval.
  public let insideCount: Int
  /// 95 % Wilson interval of the share inside; nil without intervals.
  public let insideRange: Interval?
  /// Mean of predicted less measured.
  public let meanError: Double?
  /// Root of the mean squared error.
  public let rmse: Double?
  /// The same of "same as the largest size run"; nil where one was not written down.
  public let naiveLargestRMSE: Double?
  /// The same of "mean of the sizes"; nil where one was not written down.
  public let naiveMeanRMSE: Double?
  /// Predictions closer than both naive ones.
  public let beatsNaiveCount: Int
  /// Settled predictions whose ceiling was withheld.
  public let withheldCount: Int

  /// Takes the predictions that count: registered before their runs, one a size and sweep.
  public init(_ scored: [ScoredPrediction]) {
    let given = scored.filter { $0.error != nil }
    count = given.count
    withheldCount = scored.count - given.count
    let inside = given.compactMap(\.isInside)
    intervalCount = inside.count
    insideCount = inside.count { $0 }
    insideRange = Interval.wilson(successes: insideCount, trials: intervalCount)
    let errors = given.compactMap(\.error)
    meanError = errors.isEmpty ? nil : errors.reduce(0, +) / Double(errors.count)
    rmse = ScoreSummary.rootMeanSquare(given.map(\.error))
    naiveLargestRMSE = ScoreSummary.rootMeanSquare(given.map(\.naiveLargestError))
    naiveMeanRMSE = ScoreSummary.rootMeanSquare(given.map(\.naiveMeanError))
    beatsNaiveCount = given.count { $0.beatsNaive == true }
  }

  private static func rootMeanSquare(_ values: [Double?]) -> Double? {
    let known = values.compactMap { $0 }
    guard !known.isEmpty, known.count == values.count else { return nil }
    return (known.reduce(0) { $0 + $1 * $1 } / Double(known.count)).squareRoot()
  }
}
