/// A forecast of a size settled by the runs of that size.
public struct SizeTest: Sendable, Hashable {
  /// What was predicted, for one new run.
  public let forecast: SizeForecast
  /// The mean of the fits of the size's runs.
  public let observed: LawNumbers
  /// Runs of the size that have a fit.
  public let runCount: Int
  /// Predicted less observed.
  public let error: LawNumbers
  /// The naive prediction "same as the largest size run" less observed.
  public let naiveLargestError: LawNumbers
  /// The naive prediction "mean of the sizes" less observed.
  public let naiveMeanError: LawNumbers
  /// Each form's own prediction less observed.
  public let formErrors: [ScalingForm: LawNumbers]
  /// Root of the mean squared distance between the predicted curve at the measured H and the
  /// measured scores.
  public let curveRMSE: Double
  /// The score at the last H that each run reached, predicted; mean over runs.
  public let predictedFinalScore: Double
  /// The last measured score; mean over runs.
  public let lastScore: Double
  /// The best measured score; mean over runs.
  public let bestScore: Double

  /// Settles a forecast.
  ///
  /// - Parameters:
  ///   - forecast: What was predicted before.
  ///   - runs: The runs of that size.
  /// - Throws: `NoFit` where no run of the size has a fit.
  public init(_ forecast: SizeForecast, against runs: [RunFit]) throws(NoFit) {
    let laws = runs.compactMap(\.runLaw)
    guard let observed = LawNumbers(meanOf: laws.map(\.numbers)) else {
      throw NoFit("no run of size \(sizeText(forecast.size)) has a fit")
    }
    self.forecast = forecast
    self.observed = observed
    runCount = laws.count
    let predicted = forecast.numbers
    error = predicted - observed
    naiveLargestError = forecast.naiveLargest - observed
    naiveMeanError = forecast.naiveMean - observed
    formErrors = Dictionary(
      forecast.forms.map { ($0.form, $0.numbers - observed) },
      uniquingKeysWith: { first, _ in first })
    let fitted = runs.filter { $0.runLaw != nil }.map(\.curve.usablePoints)
    var (squares, count) = (0.0, 0)
    for point in fitted.joined() {
      let distance = predicted.score(atEntropy: point.entropy) - point.score
      squares += distance * distance
      count += 1
    }
    curveRMSE = (squares / Double(max(count, 1))).squareRoot()
    func mean(_ value: ([CurvePoint]) -> Double?) -> Double {
      fitted.compactMap(value).reduce(0, +) / Double(max(fitted.count, 1))
    }
    predictedFinalScore = mean { $0.last.map { predicted.score(atEntropy: $0.entropy) } }
    lastScore = mean { $0.last?.score }
    bestScore = mean { $0.map(\.score).max() }
  }

  /// Whether the observed ceiling lies in the predicted interval; nil where there is none.
  public var isCeilingInside: Bool? { forecast.ceiling.interval?.contains(observed.ceiling) }

  /// Whether the ceiling's error is smaller than that of both naive predictions.
  public var beatsNaive: Bool {
    abs(error.ceiling) < min(abs(naiveLargestError.ceiling), abs(naiveMeanError.ceiling))
  }
}

/// Errors of predicting each size from all the others.
public struct LeaveOneSizeOut: Sendable, Hashable {
  /// Sizes left out in turn; of more, only the largest so many, which keeps the work linear in the
  /// runs.
  private static let limit = 64

  /// The test of every size, ascending; of more than 64 sizes, of the 64 largest.
  public let tests: [SizeTest]

  /// Leaves each size out in turn; nil for fewer than 3 sizes.
  init?(_ runs: [RunFit], level: Double, whole: ScalingFit) {
    let bySize = Dictionary(grouping: runs.filter { $0.runLaw != nil }, by: \.curve.modelParams)
    guard bySize.count >= 3 else { return nil }
    let numbers = runs.compactMap(\.numbers)
    tests = bySize.keys.sorted().suffix(LeaveOneSizeOut.limit).compactMap { size in
      let rest = numbers.filter { $0.size != size }
      // try?: a size whose rest cannot be fitted has no test, and with 3 sizes every rest can.
      guard let fit = try? ScalingFit(rest, level: level, after: whole) else { return nil }
      return try? SizeTest(fit.forecast(size: size), against: bySize[size] ?? [])  // try?: as above
    }
    guard !tests.isEmpty else { return nil }
  }

  /// The test of the largest size: the natural score of an extrapolation.
  public var largest: SizeTest { tests[tests.count - 1] }

  /// Root of the mean squared error over the sizes.
  public var rmse: LawNumbers { rootMeanSquare(\.error) }

  /// The same for the naive prediction "same as the largest size run" (of those not left out).
  public var naiveLargestRMSE: LawNumbers { rootMeanSquare(\.naiveLargestError) }

  /// The same for the naive prediction "mean of the sizes" (of those not left out).
  public var naiveMeanRMSE: LawNumbers { rootMeanSquare(\.naiveMeanError) }

  /// Root of the mean squared error of one form over the sizes; nil unless every size has one.
  public func rmse(of form: ScalingForm) -> LawNumbers? {
    let errors = tests.compactMap { $0.formErrors[form] }
    guard errors.count == tests.count else { return nil }
    return rootMeanSquare { $0.formErrors[form] ?? $0.error }
  }

  private func rootMeanSquare(_ error: (SizeTest) -> LawNumbers) -> LawNumbers {
    func root(_ value: (LawNumbers) -> Double) -> Double {
      let squares = tests.reduce(0) { $0 + value(error($1)) * value(error($1)) }
      return (squares / Double(max(tests.count, 1))).squareRoot()
    }
    return LawNumbers(a: root(\.a), b: root(\.b), ceiling: root(\.ceiling))
  }
}
