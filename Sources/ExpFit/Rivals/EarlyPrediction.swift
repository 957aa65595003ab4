/// How well a fit on the first points of a run foretells the rest, by how many points it had.
///
/// The law and the line in H are asked for the scores at the later points' measured H: they map H to
/// R and do not foresee H. So it is in the paper (arXiv 2505.22617, section 2.4: fitted on the first
/// 36 of about 200 steps). The other forms see only steps or compute.
public struct EarlyPrediction: Sendable, Hashable {
  /// The first points of one run and what was made of them.
  public struct Window: Sendable, Hashable {
    /// Which points were fitted.
    public let split: HoldOutSplit
    /// The step of the last point fitted.
    public let lastStep: Int
    /// Points fitted.
    public let trainingCount: Int
    /// Errors on the rest for each of `LawForm.allCases`; nil for a form that cannot be fitted.
    public let errors: [HoldOutErrors?]
    /// The law's ceiling by these points less that by all points.
    public let ceilingChange: Double?
  }

  /// The windows of one run.
  public struct Run: Sendable, Hashable {
    /// The run's id.
    public let id: String
    /// Non-embedding parameters N.
    public let modelParams: Double
    /// The windows that leave something to predict, in the order of `EarlyPrediction.splits`.
    public let windows: [Window]
  }

  /// One window over several runs.
  public struct Summary: Sendable, Hashable {
    /// Which points were fitted.
    public let split: HoldOutSplit
    /// The step of the last point fitted.
    public let lastStep: Spread
    /// The law's root mean squared error on the rest; nil where no run has one.
    public let rmse: Spread?
    /// The law's error at the last point, predicted less measured.
    public let finalError: Spread?
    /// The law's ceiling by the window less that by all points.
    public let ceilingChange: Spread?
    /// The root mean squared error of each of `LawForm.allCases`.
    public let forms: [Spread?]

    init?(_ split: HoldOutSplit, _ runs: [Run]) {
      let windows = runs.flatMap(\.windows).filter { $0.split == split }
      guard let lastStep = Spread(windows.map { Double($0.lastStep) }) else { return nil }
      self.split = split
      self.lastStep = lastStep
      forms = LawForm.allCases.indices.map { form in
        Spread(windows.compactMap { $0.errors[form]?.rmse })
      }
      rmse = forms[0]
      finalError = Spread(windows.compactMap { $0.errors[0]?.finalError })
      ceilingChange = Spread(windows.compactMap(\.ceilingChange))
    }
  }

  /// The windows over the runs of one size.
  public struct Size: Sendable, Hashable {
    /// Non-embedding parameters N.
    public let modelParams: Double
    /// Each window that any of its runs has.
    public let windows: [Summary]
  }

  /// The windows that are tried: shares of the points, and the paper's 36 steps and 15 %.
  public static let splits: [HoldOutSplit] =
    [0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9].map(HoldOutSplit.firstShare)
    + [.earlySteps]

  /// The runs that have a law, in the order given.
  public let runs: [Run]
  /// Each window over all runs.
  public let all: [Summary]
  /// Each window over the runs of each size, sizes ascending.
  public let bySize: [Size]

  /// Fits every form on every window of every run that has a law.
  public init(_ fits: [RunFit]) {
    runs = fits.filter { $0.rivals != nil }.map(EarlyPrediction.run)
    all = EarlyPrediction.splits.compactMap { [runs] in Summary($0, runs) }
    let sizes = Dictionary(grouping: runs, by: \.modelParams)
    bySize = sizes.keys.sorted().map { size in
      Size(
        modelParams: size,
        windows: EarlyPrediction.splits.compactMap { Summary($0, sizes[size] ?? []) })
    }
  }

  /// What kind of prediction it is.
  public static let kind =
    "the law and the line in H predict the later scores at their measured H: they map H to R and do "
    + "not foresee H, as in the paper (first 36 of about 200 steps, RMSE about 1 %); the other "
    + "forms know the step or compute only"

  private static func run(_ fit: RunFit) -> Run {
    let series = FormSeries(fit.curve.usablePoints)
    let ceiling = FittedForm(.law, on: series, count: series.count)?.asymptote
    let windows = splits.compactMap { split -> Window? in
      guard let count = split.trainingCount(ofSteps: series.steps) else { return nil }
      let forms = LawForm.allCases.map { FittedForm($0, on: series, count: count) }
      return Window(
        split: split, lastStep: Int(series.steps[count - 1]), trainingCount: count,
        errors: forms.map { $0.flatMap { HoldOutErrors(of: $0, on: series) } },
        ceilingChange: ceiling.flatMap { whole in forms[0]?.asymptote.map { $0 - whole } })
    }
    return Run(id: fit.curve.id, modelParams: fit.curve.modelParams, windows: windows)
  }
}

extension HoldOutSplit {
  /// The points in words: `first 15 %` or `first 36 steps`.
  public var words: String {
    switch self {
    case .firstShare(let share): "first \(shortText(share * 100, digits: 3)) %"
    case .throughStep(let step): "first \(step) steps"
    }
  }
}
