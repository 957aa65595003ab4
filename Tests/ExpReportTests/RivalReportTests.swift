import ExpFit
import ExpReport
import Glibc
import Testing

@Suite("Reports of rivals, early prediction, and many or unfinished runs")
struct RivalReportTests {
  private static let fit = LawSamples.sweep()
  private static let narrow = Style(colour: false, width: 80)

  private func lines(_ text: String) -> [String] {
    text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
  }

  @Test("80 columns hold a row a run with a, b, ceiling and R², none of them cut")
  func narrowRows() throws {
    let text = ExpReport.FitReport(RivalReportTests.fit).rendered(RivalReportTests.narrow)
    let law = try RivalReportTests.fit.runs[0].law.get()
    let row = try #require(lines(text).first { $0.hasPrefix("run00 ") })
    for part in [
      NumberText.withError(law.a, law.aStandardError),
      NumberText.withError(law.b, law.bStandardError),
      NumberText.interval(law.ceiling, law.ceilingInterval.low, law.ceilingInterval.high),
    ] {
      #expect(row.contains(part))
    }
    #expect(lines(text).count { $0.hasPrefix("run00 ") } == 1)
    #expect(lines(text).contains { $0.hasPrefix("±: standard error; [ ]: 95% interval") })
    #expect(lines(text).allSatisfy { DisplayText.width($0) <= 80 })
  }

  @Test("every form has a row with its held-out error and where it ends")
  func rivals() throws {
    let summary = RivalSummary(RivalReportTests.fit.runs)
    let text = lines(ExpReport.FitReport(RivalReportTests.fit).rendered())
    let start = try #require(text.firstIndex { $0.hasPrefix("the law and its rivals, ") })
    #expect(text[start] == "the law and its rivals, medians over 10 runs")
    for (index, row) in summary.rows.enumerated() {
      let shown = text[start + 3 + index]
      #expect(shown.hasPrefix(row.form.words))
      #expect(shown.contains(NumberText.significant(row.heldOut?.median, digits: 2)))
    }
    #expect(text.contains { $0.hasPrefix("no compute is given, so the step stands in for it") })
    #expect(!text.contains { $0.contains("_in_") })
  }

  @Test("early prediction says what it foresees, in a table and in a plot")
  func early() throws {
    let early = EarlyPrediction(RivalReportTests.fit.runs)
    var report = ExpReport.FitReport(RivalReportTests.fit)
    report.early = early
    let text = report.rendered(RivalReportTests.narrow)
    #expect(text.contains("\nfirst 36 steps "))
    #expect(text.contains("they map"))
    #expect(lines(text).allSatisfy { DisplayText.width($0) <= 80 })
    let plot = ScatterPlot(title: "t", early: early)
    #expect(plot.series.map(\.name).prefix(2) == ["law", "line in H"])
    let law = try #require(plot.series.first)
    #expect(law.points.map(\.x) == [5, 10, 15, 20, 25, 30, 40, 50, 60, 70, 80, 90])
    #expect(law.points[3].y == early.all[3].rmse?.median)
    #expect(plot.svg().contains("% of the points fitted"))
    #expect(
      ScatterPlot(title: "t", early: EarlyPrediction([])).terminal(.plain) == "no points to plot")
  }

  @Test("more than 40 runs are a row a size with medians, and their warnings one line a kind")
  func manyRuns() throws {
    let curves = (0..<60).map { index in
      LawSamples.curve(
        "r\(index)", size: index % 2 == 0 ? 14e3 : 83e3, a: 0.2 + 0.001 * Double(index), b: 0.6,
        seed: index)
    }
    let broken = Curve(id: "none", modelParams: 14e3, points: [])
    let fit = SweepFit(curves + [broken])
    let text = lines(ExpReport.FitReport(fit).rendered())
    #expect(text[0].hasPrefix("N ") && text[2].hasPrefix("14k    31  "))
    #expect(text[4].hasPrefix("61 runs: medians with [smallest, largest]"))
    #expect(text.contains { $0.hasPrefix("  ✗ none: no fit: ") })
    #expect(!text.contains { $0.hasPrefix("r0 ") })
  }

  @Test("unfinished runs have a table of their own, and mixed definitions are told apart")
  func unfinished() {
    let partial = LawSamples.curve("cut", size: 14e3, a: 0.2, b: 0.6)
    var first = LawSamples.curve("x", size: 14e3, a: 0.2, b: 0.6)
    var second = LawSamples.curve("y", size: 83e3, a: 0.2, b: 0.6)
    (first.definition, second.definition) = ("of 64 prompts", "of 128 prompts")
    var report = ExpReport.FitReport(SweepFit([first, second]))
    report.unfinished = [
      UnfinishedRun(RunFit(partial), state: "failed", step: 37, plannedSteps: 120)
    ]
    report.pairing = .paper
    let text = lines(report.rendered(RivalReportTests.narrow))
    #expect(text.contains { $0.hasPrefix("cut ") && $0.contains("failed 37/120") })
    #expect(text.contains { $0.hasSuffix("1: 1 run (x): of 64 prompts") })
    #expect(text.contains("no lines across sizes: no fit may mix the definitions above"))
    #expect(text.contains { $0.hasPrefix("pairing paper: ") })
  }
}
