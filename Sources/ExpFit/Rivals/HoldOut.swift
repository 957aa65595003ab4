/// The points that a form is fitted on; it is judged on the rest.
public enum HoldOutSplit: Sendable, Hashable {
  /// The first share of the points, rounded up.
  case firstShare(Double)
  /// The points up to a step.
  case throughStep(Int)

  /// 60 % of the points; the split that rivals are ranked by.
  public static let standard = HoldOutSplit.firstShare(0.6)
  /// The paper's early prediction as a share of the run.
  public static let earlyShare = HoldOutSplit.firstShare(0.15)
  /// The paper's early prediction in steps.
  public static let earlySteps = HoldOutSplit.throughStep(36)

  /// How many of the points, in order of the step, are fitted; nil where fewer than 3 would be or
  /// nothing would be left.
  func trainingCount(ofSteps steps: [Double]) -> Int? {
    let count: Int
    switch self {
    case .firstShare(let share):
      count = max(3, Int((share * Double(steps.count)).rounded(.up)))
    case .throughStep(let step):
      count = steps.firstIndex { $0 > Double(step) } ?? steps.count
    }
    return count >= 3 && count < steps.count ? count : nil
  }
}

/// How far a form fitted on the first points is from the later ones.
public struct HoldOutErrors: Sendable, Hashable {
  /// Points fitted on.
  public let trainingCount: Int
  /// Points predicted.
  public let testCount: Int
  /// Root of the mean squared error over the points predicted.
  public let rmse: Double
  /// Predicted less measured score at the last point.
  public let finalError: Double
}

extension HoldOutErrors {
  /// Judges a form, fitted on the first points of a series, on the rest; nil where nothing is left
  /// or an error is not finite.
  init?(of fitted: FittedForm, on series: FormSeries) {
    guard fitted.count < series.count else { return nil }
    var sum = 0.0
    var last = 0.0
    for index in fitted.count..<series.count {
      last = fitted.score(at: index, of: series) - series.scores[index]
      sum += last * last
    }
    trainingCount = fitted.count
    testCount = series.count - fitted.count
    rmse = (sum / Double(testCount)).squareRoot()
    finalError = last
    guard rmse.isFinite else { return nil }
  }
}
