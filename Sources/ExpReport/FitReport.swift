public import ExpFit

/// What `exp fit` tells people: every run's law, the lines across sizes, and how well they predict.
public struct FitReport: Sendable, Hashable {
  /// A held-out size settled by its runs.
  public struct HeldOut: Sendable, Hashable {
    /// The prediction beside the truth.
    public var test: SizeTest
    /// When the prediction was written down, before the size ran; nil where it is made only now.
    public var registeredAt: String?

    /// Makes a settled prediction.
    public init(_ test: SizeTest, registeredAt: String?) {
      self.test = test
      self.registeredAt = registeredAt
    }
  }

  /// The fits.
  public var fit: SweepFit
  /// What people call the runs, by id; a run that is not named shows its id.
  public var labels: [String: String]
  /// The held-out sizes.
  public var heldOut: [HeldOut]
  /// Warnings that are listed at most; the rest are counted.
  public var warningLimit: Int

  /// Makes a report; without `heldOut`, the fit's own predictions of held-out sizes are told as made only now.
  public init(
    _ fit: SweepFit, labels: [String: String] = [:], heldOut: [HeldOut]? = nil,
    warningLimit: Int = 40
  ) {
    self.fit = fit
    self.labels = labels
    self.heldOut = heldOut ?? fit.heldOut.map { HeldOut($0, registeredAt: nil) }
    self.warningLimit = warningLimit
  }

  /// Returns the whole report, its sections apart by empty lines.
  public func rendered(_ style: Style = .plain) -> String {
    var sections = [([runTable.rendered(style)] + runNotes(style)).joined(separator: "\n")]
    let warnings = warningLines(style)
    if !warnings.isEmpty {
      sections.append(([style.paint("warnings", .bold)] + warnings).joined(separator: "\n"))
    }
    sections.append(scalingSection(style))
    if let leaveOneOut = fit.leaveOneOut {
      sections.append(PredictionText.leaveOneOut(leaveOneOut, style))
    }
    for settled in heldOut { sections.append(heldOutSection(settled, style)) }
    return sections.joined(separator: "\n\n")
  }

  // MARK: Runs

  /// One row per run; numbers carry their standard error or interval.
  public var runTable: TextTable {
    TextTable(
      columns: [
        .init("run"), .init("N", .right), .init("seed", .right), .init("a", .right),
        .init("b", .right), .init("ceiling [\(percent(fit.level))]", .right), .init("R²", .right),
        .init("RMSE", .right), .init("RMSE ahead", .right), .init("best rival ahead", .right),
        .init("warnings", .right),
      ],
      rows: fit.runs.map(row), emptyText: "no runs to fit")
  }

  private func runNotes(_ style: Style) -> [String] {
    guard !fit.runs.isEmpty else { return [] }
    var notes = ["ahead: fitted on the first 60 % of a run's points, judged on the rest"]
    if fit.runs.contains(where: \.curve.isHeldOut) {
      notes.append("*: held out, so not in the lines across sizes")
    }
    return notes.flatMap { DisplayText.wrapped($0, to: style.width) }
  }

  private func row(_ run: RunFit) -> [TextTable.Cell] {
    let place: [TextTable.Cell] = [
      .init(name(run)), .init(NumberText.size(run.curve.modelParams)),
      .init(run.curve.seed.map(String.init) ?? NumberText.missing),
    ]
    guard case .success(let law) = run.law else {
      let dash = TextTable.Cell(NumberText.missing)
      return place + Array(repeating: dash, count: 7) + [.init("no fit", .red)]
    }
    let count = run.warnings.count
    let ink: Ink? = run.lawHolds ? (count > 0 ? .yellow : nil) : .red
    return place + [
      .init(NumberText.withError(law.a, law.aStandardError)),
      .init(NumberText.withError(law.b, law.bStandardError)),
      .init(PredictionText.interval(law.ceiling, law.ceilingInterval)),
      .init(NumberText.fixed(law.r2, decimals: 3)),
      .init(NumberText.significant(law.rmse, digits: 2)),
      .init(NumberText.significant(run.rivals?.law.heldOut?.rmse, digits: 2)),
      .init(rival(run.rivals?.best)), .init(count == 0 ? "" : "\(count)", ink),
    ]
  }

  private func rival(_ best: FormComparison?) -> String {
    guard let best, let error = best.heldOut?.rmse else { return NumberText.missing }
    return "\(NumberText.significant(error, digits: 2)) \(FitReport.words(best.form))"
  }

  private func name(_ run: RunFit) -> String {
    (labels[run.curve.id] ?? run.curve.id) + (run.curve.isHeldOut ? " *" : "")
  }

  static func words(_ form: LawForm) -> String {
    switch form {
    case .law: "law"
    case .linearInEntropy: "line in H"
    case .lineInStep: "line in step"
    case .saturationInStep: "saturation in step"
    case .mean: "mean"
    }
  }

  // MARK: Warnings

  private func warningLines(_ style: Style) -> [String] {
    var all: [(words: String, isGrave: Bool)] = []
    for run in fit.runs {
      let label = DisplayText.clean(name(run))
      if case .failure(let reason) = run.law { all.append(("\(label): no fit: \(reason)", true)) }
      all += run.warnings.map { ("\(label): \($0.message)", $0.contradictsLaw) }
    }
    all += fit.scalingWarnings.map { ("across sizes: \($0)", false) }
    var lines = all.prefix(warningLimit).flatMap {
      PredictionText.bullet($0.words, isGrave: $0.isGrave, style)
    }
    if all.count > warningLimit { lines.append("  … and \(all.count - warningLimit) more") }
    return lines
  }

  // MARK: Sizes

  private func scalingSection(_ style: Style) -> String {
    switch fit.scaling {
    case .failure(let reason):
      return "no lines across sizes: \(DisplayText.clean(reason.reason))"
    case .success(let scaling):
      let heading =
        "across \(scaling.sizes.count) sizes, \(scaling.runCount) runs: value = intercept + slope ln N"
      var lines = [style.paint(heading, .bold), scalingTable(scaling).rendered(style)]
      if scaling.a.slopeInterval == nil {
        lines.append("no intervals: a line over fewer than 3 sizes has none")
      }
      return lines.joined(separator: "\n")
    }
  }

  private func scalingTable(_ scaling: ScalingFit) -> TextTable {
    let level = percent(fit.level)
    return TextTable(
      columns: [
        .init("of"), .init("intercept [\(level)]", .right),
        .init("slope per ln N [\(level)]", .right),
        .init("R²", .right), .init("RMSE", .right),
      ],
      rows: [("a", scaling.a), ("b", scaling.b), ("ceiling", scaling.ceiling)].map { name, line in
        [
          .init(name), .init(PredictionText.interval(line.intercept, line.interceptInterval)),
          .init(PredictionText.interval(line.slope, line.slopeInterval)),
          .init(NumberText.fixed(line.r2, decimals: 3)),
          .init(NumberText.significant(line.rmse, digits: 2)),
        ]
      })
  }

  private func heldOutSection(_ settled: HeldOut, _ style: Style) -> String {
    let test = settled.test
    let when =
      settled.registeredAt.map { "registered \(DisplayText.clean($0)), before it ran" }
      ?? "predicted after the fact"
    let heading =
      "held out: \(NumberText.size(test.forecast.size)), "
      + "\(PredictionText.count(test.runCount, "run")), \(when)"
    var lines = [style.paint(heading, .bold), PredictionText.table(of: test).rendered(style)]
    var ceilings: Interval?
    if case .success(let scaling) = fit.scaling { ceilings = scaling.ceilingRange }
    lines += PredictionText.verdict(on: test, ceilings: ceilings)
      .flatMap { DisplayText.wrapped($0, to: style.width) }
    return lines.joined(separator: "\n")
  }

  private func percent(_ level: Double) -> String { PredictionText.percent(level) }
}
