internal import ExpFit

extension FitReport {
  /// The law beside its rivals over all runs; nil where no run has a law.
  func rivalSection(_ style: Style) -> String? {
    let summary = RivalSummary(fit.runs)
    guard summary.runCount > 0 else { return nil }
    let heading =
      "the law and its rivals, medians over \(PredictionText.count(summary.runCount, "run"))"
    let table = TextTable(
      columns: [
        .init("form"), .init("RMSE ahead", .right), .init("best in", .right),
        .init("ΔAICc", .right), .init("ends at", .right),
      ],
      rows: summary.rows.map { row in
        [
          .init(row.form.words), .init(NumberText.significant(row.heldOut?.median, digits: 2)),
          .init("\(row.bestRuns)"),
          .init(NumberText.fixed(row.deltaAICc?.median, decimals: 1)),
          .init(ends(row, of: summary.runCount)),
        ]
      })
    var notes = [
      "RMSE ahead: fitted on the first 60 % of a run's points, judged on the rest; ΔAICc: all points, "
        + "less the law's, below 0 is better; ends at: the law at H = 0, the others after endless steps or compute"
    ]
    if summary.stepAsComputeCount > 0 {
      let which =
        summary.stepAsComputeCount == summary.runCount
        ? "no compute is given" : "\(summary.stepAsComputeCount) runs give no compute"
      notes.append("\(which), so the step stands in for it: compute in proportion to steps")
    }
    notes += summary.disagreement
    let lines = notes.flatMap { DisplayText.wrapped($0, to: style.width) }
    return ([style.paint(heading, .bold), table.rendered(style)] + lines).joined(separator: "\n")
  }

  private func ends(_ row: RivalSummary.Row, of runs: Int) -> String {
    guard let asymptote = row.asymptote else { return "" }
    let text = NumberText.fixed(asymptote.median, decimals: 3)
    return asymptote.count == runs ? text : "\(text) (\(asymptote.count) runs)"
  }

  /// The error of early fits on the rest, over how early they were.
  func earlySection(_ early: EarlyPrediction, _ style: Style) -> String {
    guard !early.all.isEmpty else { return "early prediction: no run leaves points to predict" }
    let heading =
      "early prediction: RMSE on the rest, median over \(PredictionText.count(early.runs.count, "run"))"
    let curve = TextTable(
      columns: [.init("fitted on"), .init("to step", .right)]
        + LawForm.allCases.map {
          .init(FitReport.column($0), .right)
        },
      rows: early.all.map { window in
        [.init(window.split.words), .init(NumberText.fixed(window.lastStep.median, decimals: 0))]
          + window.forms.map { .init(NumberText.significant($0?.median, digits: 2)) }
      })
    let laws = [HoldOutSplit.earlyShare, .earlySteps].map { lawTable(early, $0).rendered(style) }
    let notes = [
      EarlyPrediction.kind,
      "by N: median [range] over the runs of a size; last error: predicted less measured at the last "
        + "point; ceiling moves: by the early fit less by all points",
    ].flatMap { DisplayText.wrapped($0, to: style.width) }
    return
      ([style.paint(heading, .bold), curve.rendered(style)] + laws.flatMap { ["", $0] } + notes)
      .joined(separator: "\n")
  }

  /// The law's errors by one window, a row a size.
  private func lawTable(_ early: EarlyPrediction, _ split: HoldOutSplit) -> TextTable {
    TextTable(
      columns: [
        .init("N"), .init("law, \(split.words)", .right), .init("last error", .right),
        .init("ceiling moves", .right),
      ],
      rows: early.bySize.compactMap { size in
        size.windows.first { $0.split == split }.map { window in
          [
            .init(NumberText.size(size.modelParams)), .init(FitReport.spread(window.rmse)),
            .init(FitReport.spread(window.finalError)),
            .init(FitReport.spread(window.ceilingChange)),
          ]
        }
      }, emptyText: "\(split.words): no run has 3 points there and some beyond")
  }

  private static func column(_ form: LawForm) -> String {
    switch form {
    case .saturationInStep: "saturation"
    case .sigmoidInCompute: "sigmoid"
    case .lineInStep: "in step"
    case .linearInEntropy: "in H"
    default: form.words
    }
  }

  private static func spread(_ spread: Spread?) -> String {
    guard let spread else { return NumberText.missing }
    let texts = [spread.median, spread.low, spread.high].map { NumberText.fixed($0, decimals: 3) }
    return spread.count == 1 ? texts[0] : "\(texts[0]) [\(texts[1]), \(texts[2])]"
  }
}
