import ExpFit
import Foundation
import ExpReport
import Testing

@Suite("Reports of fits and predictions")
struct FitReportTests {
  static let fit = LawSamples.sweep()
  static let text = FitReport(fit, labels: ["run00": "14k grpo s0"]).rendered()

  static func lines(_ start: String, in text: String = text) -> [String] {
    text.split(separator: "\n").map(String.init).filter { $0.hasPrefix(start) }
  }

  @Test("A run's row has its numbers, each with its error or interval")
  func row() throws {
    let law = try FitReportTests.fit.runs[0].law.get()
    let row = try #require(FitReportTests.lines("14k grpo s0").first)
    let cells = row.split(separator: "  ", omittingEmptySubsequences: true)
      .map { $0.drop { $0 == " " } }
    #expect(
      cells[1...6].map(String.init) == [
        "14k", "0", NumberText.withError(law.a, law.aStandardError),
        NumberText.withError(law.b, law.bStandardError),
        NumberText.interval(law.ceiling, law.ceilingInterval.low, law.ceilingInterval.high),
        NumberText.fixed(law.r2, decimals: 3),
      ])
    #expect(cells[3].contains(" ± ") && cells[4].contains(" ± "))
  }

  @Test("A run without a fit says so in its row and why below")
  func noFit() throws {
    let row = try #require(FitReportTests.lines("short").first)
    #expect(row.hasSuffix("–    no fit"))
    #expect(
      FitReportTests.lines("  ✗ short") == [
        "  ✗ short: no fit: 1 point has a finite entropy and score, and the law needs at least 3"
      ])
  }

  @Test("Held-out runs are marked")
  func marks() {
    #expect(FitReportTests.lines("run40 *").count == 1)
    #expect(FitReportTests.lines("*: held out").count == 1)
  }

  @Test("The lines across sizes have intervals")
  func scaling() throws {
    let scaling = try FitReportTests.fit.scaling.get()
    let slope = try #require(scaling.a.slopeInterval)
    let row = try #require(FitReportTests.lines("a  ").first)
    #expect(row.contains(NumberText.interval(scaling.a.slope, slope.low, slope.high)))
    #expect(
      FitReportTests.lines("across 4").first
        == "across 4 sizes, 8 runs: value = intercept + slope ln N")
  }

  @Test("Prediction, naive predictions and truth of a held-out size stand together")
  func heldOut() throws {
    let test = try #require(FitReportTests.fit.heldOut.first)
    let report = FitReport(
      FitReportTests.fit, heldOut: [.init(test, registeredAt: "2025-06-01T12:00:00Z")])
    let text = report.rendered()
    let section = try #require(text.components(separatedBy: "\n\n").last)
    let lines = section.split(separator: "\n").map(String.init)
    #expect(
      lines[0] == "held out: 2.7m, 2 runs, registered 2025-06-01T12:00:00Z, before it ran")
    #expect(lines[3].hasPrefix("predicted ") && lines[3].contains("["))
    #expect(lines[4].hasPrefix("- line in ln N, ") && lines[5].hasPrefix("- power of N, "))
    #expect(lines[6].hasPrefix("as largest ") && lines[7].hasPrefix("as mean "))
    #expect(lines[8].hasPrefix("measured "))
    #expect(lines[9] == "the measured ceiling lies inside the interval")
    #expect(lines[10].hasPrefix("the interval is ") && lines[10].contains(" range over "))
    #expect(lines[11] == "the prediction beats both naive ones")
    #expect(FitReportTests.text.contains("predicted after the fact"))
  }

  @Test("Nothing is wider than the terminal except a number that has to be", arguments: [72, 100])
  func width(width: Int) throws {
    let style = Style(colour: false, width: width)
    let report = FitReport(FitReportTests.fit).rendered(style)
    let prediction = try PredictReport(FitReportTests.fit.predict(size: 1e7)).rendered(style)
    for line in (report + "\n" + prediction).split(separator: "\n") {
      #expect(DisplayText.width(String(line)) <= width)
    }
  }

  @Test("Warnings beyond the limit are counted, and labels cannot steer the terminal")
  func limits() {
    let report = FitReport(
      FitReportTests.fit, labels: ["short": "\u{1b}[2Jx"], warningLimit: 0)
    #expect(report.rendered().contains("\n  … and "))
    #expect(!report.rendered().contains("\u{1b}"))
  }

  @Test("Nothing to fit, and one size only")
  func small() {
    #expect(
      FitReport(SweepFit([])).rendered() == """
        no runs to fit

        no lines across sizes: no run has a fit
        """)
    let one = SweepFit([LawSamples.curve("x", size: 14e3, a: 0.2, b: 0.5)])
    #expect(FitReport(one).rendered().contains("no lines across sizes: runs of one size only"))
    let two = SweepFit([
      LawSamples.curve("x", size: 14e3, a: 0.2, b: 0.5),
      LawSamples.curve("y", size: 83e3, a: 0.3, b: 0.7),
    ])
    #expect(FitReport(two).rendered().contains("no intervals: a line over fewer than 3 sizes"))
  }

  @Test("A prediction shows its interval, distance and rivals")
  func predict() throws {
    let prediction = try LawSamples.sweep(withRest: false).predict(size: 1e7)
    let text = PredictReport(prediction).rendered()
    let lines = text.split(separator: "\n").map(String.init)
    let ceiling = prediction.forecast.ceiling
    let interval = try #require(ceiling.interval)
    #expect(
      lines[0] == "one run of 10m, from 8 runs of 14k, 83k, 303k, 974k: 1.0 decades outside them")
    #expect(
      lines[3].hasSuffix(NumberText.interval(ceiling.value, interval.low, interval.high)))
    #expect(text.contains("leaving the largest size out (974k)"))
    #expect(text.contains("the ceilings of the runs fitted range over"))
  }

  @Test("A ceiling that should not be read off is shown only on demand")
  func withheld() throws {
    let curves = [14e3, 83e3, 303e3].map {
      LawSamples.curve("r\(Int($0))", size: $0, a: -0.2, b: 0.1)
    }
    let prediction = try SweepFit(curves).predict(size: 1e6)
    try #require(prediction.withheldReason != nil)
    let hidden = PredictReport(prediction).rendered().split(separator: "\n").map(String.init)
    #expect(hidden[3].hasSuffix("  –"))
    #expect(hidden[6].hasPrefix("  ✗ the ceiling is withheld: "))
    let shown = PredictReport(prediction, showsWithheld: true).rendered()
    #expect(shown.contains("  ✗ the ceiling should not be read off: "))
    #expect(shown.split(separator: "\n")[3].hasSuffix("]"))
  }

  @Test("The plot has a series per size with means over seeds, the held-out one predicted")
  func plot() throws {
    let plot = ScatterPlot(title: "t", fit: FitReportTests.fit)
    #expect(plot.series.map(\.name) == ["14k", "83k", "303k", "974k", "2.7m"])
    #expect(plot.series.map(\.isHeldOut) == [false, false, false, false, true])
    let laws = try FitReportTests.fit.runs[2...3].map { try $0.law.get() }
    let line = try #require(plot.series[1].line)
    #expect(abs(line.slope + (laws[0].a + laws[1].a) / 2) < 1e-12)
    #expect(plot.series[1].points.count == 42)
    #expect(plot.series[1].notes.last == "2 runs")
    let test = try #require(FitReportTests.fit.heldOut.first)
    #expect(plot.series[4].line?.intercept == test.forecast.b.value)
    #expect(plot.series[4].notes.last == "predicted")
  }

  @Test("Runs that differ more than their own errors say have that spread in the legend")
  func spread() {
    let fit = SweepFit([
      LawSamples.curve("x", size: 14e3, a: 0.2, b: 0.5),
      LawSamples.curve("y", size: 14e3, a: 0.3, b: 0.6, seed: 1),
    ])
    let series = ScatterPlot(title: "", fit: fit).series
    #expect(series.map { $0.notes[0] } == ["a 0.25 ± 0.05"])
  }
}
