internal import Glibc

/// A form that a run's scores are described by: the law or one of its rivals.
public enum LawForm: String, Sendable, Hashable, CaseIterable {
  /// R = -a exp(H) + b.
  case law
  /// R = c + d H.
  case linearInEntropy = "linear_in_entropy"
  /// R = c + d step.
  case lineInStep = "line_in_step"
  /// R = R∞ - c exp(-k (step - first step)), k > 0.
  case saturationInStep = "saturation_in_step"
  /// R = the mean, whatever H and step.
  case mean

  /// Fitted numbers, the residual variance among them, as AICc counts them.
  var parameterCount: Int {
    switch self {
    case .mean: 2
    case .law, .linearInEntropy, .lineInStep: 3
    case .saturationInStep: 4
    }
  }
}

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
  func trainingCount(of points: [CurvePoint]) -> Int? {
    let count: Int
    switch self {
    case .firstShare(let share):
      count = max(3, Int((share * Double(points.count)).rounded(.up)))
    case .throughStep(let step):
      count = points.firstIndex { $0.step > step } ?? points.count
    }
    return count >= 3 && count < points.count ? count : nil
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

/// One form on one run.
public struct FormComparison: Sendable, Hashable {
  /// The form.
  public let form: LawForm
  /// Share of the variance explained on all points; nil where the form cannot be fitted.
  public let r2: Double?
  /// Akaike's criterion with the small-sample correction, on all points; nil where it is not
  /// defined.
  public let aicc: Double?
  /// Errors by `HoldOutSplit.standard`.
  public let heldOut: HoldOutErrors?
  /// Errors by `HoldOutSplit.earlyShare`.
  public let earlyShare: HoldOutErrors?
  /// Errors by `HoldOutSplit.earlySteps`.
  public let earlySteps: HoldOutErrors?
}

/// The law beside its rivals on one run.
public struct RivalComparison: Sendable, Hashable {
  /// Every form, the law first.
  public let forms: [FormComparison]

  /// Compares all forms on the usable points, taken in order of the step.
  public init(_ points: [CurvePoint]) {
    let used = points.allSatisfy(\.isUsable) ? points : points.filter(\.isUsable)
    forms = LawForm.allCases.map { form in
      let whole = FittedForm(form, on: used[...])
      return FormComparison(
        form: form, r2: whole?.line.r2, aicc: whole?.aicc,
        heldOut: RivalComparison.errors(of: form, used, .standard),
        earlyShare: RivalComparison.errors(of: form, used, .earlyShare),
        earlySteps: RivalComparison.errors(of: form, used, .earlySteps))
    }
  }

  /// The law's own line of the comparison.
  public var law: FormComparison { forms[0] }

  /// The rival with the smallest held-out error; nil where none could be judged.
  public var best: FormComparison? {
    forms.dropFirst().filter { $0.heldOut != nil }
      .min { ($0.heldOut?.rmse ?? .infinity) < ($1.heldOut?.rmse ?? .infinity) }
  }

  private static func errors(
    of form: LawForm, _ points: [CurvePoint], _ split: HoldOutSplit
  ) -> HoldOutErrors? {
    guard let count = split.trainingCount(of: points), let last = points.last,
      let fitted = FittedForm(form, on: points[..<count])
    else { return nil }
    var sum = 0.0
    for point in points[count...] {
      let error = fitted.score(at: point) - point.score
      sum += error * error
    }
    let testCount = points.count - count
    let rmse = (sum / Double(testCount)).squareRoot()
    guard rmse.isFinite else { return nil }
    return HoldOutErrors(
      trainingCount: count, testCount: testCount, rmse: rmse,
      finalError: fitted.score(at: last) - last.score)
  }
}

/// A form with its numbers: a line over one feature of a point.
struct FittedForm {
  let form: LawForm
  let line: LeastSquaresLine
  private let firstStep: Double
  /// k of the saturating form.
  private let rate: Double

  /// Fits; nil where the feature does not move.
  init?(_ form: LawForm, on points: ArraySlice<CurvePoint>) {
    guard let first = points.first, let last = points.last else { return nil }
    self.form = form
    firstStep = Double(first.step)
    let scores = points.map(\.score)
    var rate = 0.0
    if form == .saturationInStep {
      let span = Double(last.step) - Double(first.step)
      guard span > 0 else { return nil }
      let times = points.map { (Double($0.step) - Double(first.step)) / span }
      rate = FittedForm.bestRate(times: times, scores: scores) / span
    }
    self.rate = rate
    let features = points.map {
      FittedForm.feature(form, $0, firstStep: Double(first.step), rate: rate)
    }
    guard
      let line = form == .mean
        ? LeastSquaresLine(constant: scores) : LeastSquaresLine(x: features, y: scores)
    else { return nil }
    self.line = line
  }

  func score(at point: CurvePoint) -> Double {
    line.value(at: FittedForm.feature(form, point, firstStep: firstStep, rate: rate))
  }

  /// n ln(SSE / n) + 2k + 2k(k+1)/(n-k-1) (Hurvich and Tsai 1989).
  var aicc: Double? {
    let count = Double(line.count)
    let k = Double(form.parameterCount)
    guard count - k - 1 > 0, line.sumSquaredErrors > 0 else { return nil }
    return count * log(line.sumSquaredErrors / count) + 2 * k + 2 * k * (k + 1) / (count - k - 1)
  }

  private static func feature(
    _ form: LawForm, _ point: CurvePoint, firstStep: Double, rate: Double
  ) -> Double {
    switch form {
    case .law: expm1(point.entropy)
    case .linearInEntropy: point.entropy
    case .lineInStep: Double(point.step)
    case .saturationInStep: exp(-rate * (Double(point.step) - firstStep))
    case .mean: 0
    }
  }

  /// The k, in spans of the data, of the smallest squared error: a grid over five decades, then
  /// golden sections of ln k.
  ///
  /// From 0.01 down the curve is a straight line over the data; from 1000 up it is a step at the
  /// first point.
  private static func bestRate(times: [Double], scores: [Double]) -> Double {
    let search = SaturationSearch(times: times, scores: scores)
    let (low, high) = (log(0.01), log(1000.0))
    let step = (high - low) / 24
    var best = (place: low, value: -Double.infinity)
    for index in 0...24 {
      let place = low + Double(index) * step
      let value = search.explained(logRate: place)
      if value > best.value { best = (place, value) }
    }
    return exp(
      goldenSectionMaximum(
        from: max(low, best.place - step), to: min(high, best.place + step), steps: 24,
        search.explained))
  }
}

/// How much of the scores' squares a line over exp(-k time) takes away, for any k.
private struct SaturationSearch {
  private let times: [Double]
  /// Scores less their mean.
  private let deviations: [Double]
  /// Distance of neighbouring times where all are equal, which saves an exponential per point.
  private let gap: Double?

  /// Takes times that start at 0.
  init(times: [Double], scores: [Double]) {
    self.times = times
    let mean = scores.reduce(0, +) / Double(scores.count)
    deviations = scores.map { $0 - mean }
    let first = times[1] - times[0]
    let isEven = zip(times, times.dropFirst()).allSatisfy { abs($1 - $0 - first) < 1e-9 * first }
    gap = isEven ? first : nil
  }

  func explained(logRate: Double) -> Double {
    let rate = exp(logRate)
    let ratio = gap.map { exp(-rate * $0) } ?? 0
    var (sum, squares, products, feature) = (0.0, 0.0, 0.0, 1.0)
    for index in times.indices {
      if gap == nil { feature = exp(-rate * times[index]) }
      sum += feature
      squares += feature * feature
      products += feature * deviations[index]
      feature *= ratio
    }
    let spread = squares - sum * sum / Double(times.count)
    return spread > 0 ? products * products / spread : -.infinity
  }
}

extension RivalComparison {
  /// Says so where a rival predicts the held-out points better by more than a tenth.
  var warning: LawWarning? {
    guard let mine = law.heldOut, let best, let theirs = best.heldOut,
      theirs.rmse < 0.9 * mine.rmse
    else { return nil }
    return LawWarning(
      .rivalPredictsBetter,
      "'\(best.form.rawValue)' predicts the held-out points better: "
        + "RMSE \(shortText(theirs.rmse, digits: 3)) against the law's "
        + "\(shortText(mine.rmse, digits: 3))")
  }
}
