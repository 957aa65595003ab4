import ExpCore
import ExpFit
import Glibc
import Testing

@Suite("Early prediction, rivals over a sweep, and mixed definitions")
struct EarlyPredictionTests {
  private func run(_ id: String, size: Double = 1e5, _ points: [CurvePoint]) -> RunFit {
    RunFit(Curve(id: id, modelParams: size, points: points))
  }

  @Test("windows take their share of the points or 36 steps, and the law's own data have no error")
  func windows() throws {
    let early = EarlyPrediction([run("x", exactPoints(a: 0.3, b: 0.7))])
    let windows = try #require(early.runs.first).windows
    #expect(windows.map(\.trainingCount) == [3, 5, 7, 9, 11, 13, 17, 21, 25, 29, 33, 37, 10])
    #expect(windows.map(\.lastStep) == [8, 16, 24, 32, 40, 48, 64, 80, 96, 112, 128, 144, 36])
    for window in windows {
      #expect(try #require(window.errors[0]).rmse < 1e-12)
      #expect(abs(try #require(window.ceilingChange)) < 1e-12)
    }
  }

  @Test("the same window as the rival comparison has the same errors")
  func sameAsRivals() throws {
    var noise = Noise(seed: 4)
    let fit = run("x", lawPoints(sigma: 0.01, noise: &noise))
    let windows = try #require(EarlyPrediction([fit]).runs.first).windows
    let rivals = try #require(fit.rivals)
    for (index, form) in rivals.forms.enumerated() {
      #expect(windows[8].errors[index] == form.heldOut)
      #expect(windows[2].errors[index] == form.earlyShare)
      #expect(windows[12].errors[index] == form.earlySteps)
    }
  }

  @Test("medians and ranges by size; runs without a law and runs too short have no windows")
  func summary() throws {
    var noise = Noise(seed: 5)
    let runs = [1e5, 1e5, 1e5, 1e6].enumerated().map { index, size in
      run("r\(index)", size: size, lawPoints(sigma: 0.01, noise: &noise))
    }
    let short = run("short", size: 1e7, Array(exactPoints(a: 0.3, b: 0.7).prefix(3)))
    let early = EarlyPrediction(runs + [short, run("none", [])])
    #expect(early.bySize.map(\.modelParams) == [1e5, 1e6, 1e7])
    #expect(early.bySize[2].windows.isEmpty)
    let errors = early.runs.prefix(3).compactMap { $0.windows[4].errors[0]?.rmse }.sorted()
    let rmse = try #require(early.bySize[0].windows[4].rmse)
    #expect(rmse.median == errors[1] && rmse.low == errors[0] && rmse.high == errors[2])
    #expect(EarlyPrediction([]).all.isEmpty)
  }

  @Test(
    "a median of an even count is the mean of the middle two, and what is not finite is left out")
  func spread() {
    let spread = Spread([4, 1, .nan, 3, 2, .infinity])
    #expect(spread?.median == 2.5 && spread?.low == 1 && spread?.high == 4 && spread?.count == 4)
    #expect(Spread([.nan]) == nil)
    #expect(Spread([1e308, 1.5e308])?.median == 1.25e308)
  }

  @Test("the forms over a sweep: who is best, by how much, and where each ends")
  func rivals() throws {
    let exact = run("x", exactPoints(a: 0.3, b: 0.7))
    let points = (0..<30).map { index in
      CurvePoint(
        step: 4 * index, entropy: 1 - 0.01 * Double(index),
        score: 0.5 - 0.4 * exp(-0.03 * Double(4 * index)))
    }
    let summary = RivalSummary([exact, run("y", points), run("none", [])])
    #expect(summary.runCount == 2 && summary.stepAsComputeCount == 2)
    #expect(summary.rows.map(\.bestRuns) == [1, 0, 0, 1, 0, 0])
    #expect(summary.rows[0].deltaAICc?.median == 0)
    let saturation = summary.rows[3]
    #expect(abs(try #require(saturation.asymptote).high - 0.5) < 1e-3)
    #expect(summary.disagreement.first?.contains("the saturation in step ends ") == true)
    #expect(RivalSummary([]).disagreement.isEmpty)
  }

  @Test("definitions are grouped, and what differs is shown without the words they share")
  func definitions() {
    func curve(_ id: String, _ definition: String?) -> Curve {
      Curve(id: id, modelParams: 1, definition: definition, points: [])
    }
    let one =
      "score: 0 or 1, mean over the same answers: 4 answers to each of 64 fixed prompts, after the updates of a step"
    let two = one.replacing("of 64", with: "of 1024")
    let groups = DefinitionGroups([
      curve("a", one), curve("b", two), curve("c", nil), curve("d", one),
    ])
    #expect(groups.areMixed)
    #expect(groups.groups.map(\.runs) == [["a", "d"], ["b"]])
    #expect(
      groups.groups.map(\.difference) == [
        "… answers to each of 64 fixed prompts, after the …",
        "… answers to each of 1024 fixed prompts, after the …",
      ])
    #expect(!DefinitionGroups([curve("a", one), curve("c", nil)]).areMixed)
    #expect(
      DefinitionGroups([curve("a", "x"), curve("b", "x y")]).groups.map(\.difference) == [
        "x", "x y",
      ])
  }
}
