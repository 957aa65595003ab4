import ExpFit
import Testing

@Suite("scores of registered predictions")
struct ScoredPredictionTests {
  @Test(
    "the interval score is the width, and twice the miss over 1 - level",
    arguments: [
      (0.5, 0.95, 0.2), (0.4, 0.95, 0.2), (0.6, 0.95, 0.2), (0.35, 0.95, 2.2), (0.65, 0.9, 1.2),
    ])
  func intervalScore(_ value: Double, _ level: Double, _ expected: Double) {
    #expect(abs(Interval(low: 0.4, high: 0.6).score(of: value, level: level) - expected) < 1e-12)
  }

  @Test("a prediction is settled against the mean of the runs' ceilings")
  func settled() throws {
    let runs = [run(0.5, seed: 1), run(0.54, seed: 2)]
    let claim = ScoredPrediction.Claim(
      a: 0.3, b: 0.81, ceiling: 0.51, interval: Interval(low: 0.45, high: 0.57), level: 0.95,
      naiveLargest: 0.46, naiveMean: 0.4)
    let scored = try ScoredPrediction(claim, against: runs)
    #expect(abs(scored.measured.value - 0.52) < 1e-9)
    #expect(scored.measured.runCount == 2 && scored.measured.doubtfulCount == 0)
    // Two runs that lie 0.04 apart: t(1) = 12.706 times 0.02828 / sqrt(2).
    let interval = try #require(scored.measured.interval)
    #expect(abs(interval.width / 2 - 12.7062047 * 0.02) < 1e-6)
    #expect(abs(try #require(scored.error) + 0.01) < 1e-9)
    #expect(scored.isInside == true && scored.beatsNaive == true)
    #expect(abs(try #require(scored.intervalScore) - 0.12) < 1e-12)
    #expect(abs(try #require(scored.naiveLargestError) + 0.06) < 1e-9)
    // The predicted curve lies 0.01 above one run's and 0.03 below the other's.
    #expect(abs(scored.curveRMSE - ((0.01 * 0.01 + 0.03 * 0.03) / 2).squareRoot()) < 1e-9)
  }

  @Test("a withheld ceiling has no error, no interval and no verdict")
  func withheld() throws {
    let claim = ScoredPrediction.Claim(
      a: 0.3, b: 0.8, ceiling: nil, interval: Interval(low: 0, high: 1), level: 0.95,
      naiveLargest: 0.4, naiveMean: 0.4)
    let scored = try ScoredPrediction(claim, against: [run(0.5, seed: 1)])
    #expect(scored.error == nil && scored.isInside == nil && scored.intervalScore == nil)
    #expect(scored.beatsNaive == nil && scored.curveRMSE < 1e-9)
    let summary = ScoreSummary([scored])
    #expect(summary.count == 0 && summary.withheldCount == 1 && summary.rmse == nil)
  }

  @Test("several predictions are summed up beside the naive ones")
  func summary() throws {
    let scored = try [0.5, 0.53, 0.7].map { ceiling in
      try ScoredPrediction(
        ScoredPrediction.Claim(
          a: 0.3, b: ceiling + 0.3, ceiling: ceiling,
          interval: Interval(center: ceiling, halfWidth: 0.05), level: 0.95, naiveLargest: 0.6,
          naiveMean: nil), against: [run(0.5, seed: 3)])
    }
    let summary = ScoreSummary(scored)
    #expect(summary.count == 3 && summary.insideCount == 2 && summary.intervalCount == 3)
    #expect(abs(try #require(summary.meanError) - 0.23 / 3) < 1e-9)
    #expect(abs(try #require(summary.rmse) - ((0.0009 + 0.04) / 3).squareRoot()) < 1e-9)
    #expect(abs(try #require(summary.naiveLargestRMSE) - 0.1) < 1e-9)
    #expect(summary.naiveMeanRMSE == nil && summary.beatsNaiveCount == 0)
    // Wilson, 2 of 3: statsmodels gives 0.207660 to 0.938508.
    let range = try #require(summary.insideRange)
    #expect(abs(range.low - 0.207660) < 1e-6 && abs(range.high - 0.938508) < 1e-6)
    #expect(ScoreSummary([]).rmse == nil)
  }

  @Test("nothing to settle by, and a level that is none, are reasons in words")
  func hostile() {
    let claim = ScoredPrediction.Claim(
      a: .nan, b: .infinity, ceiling: 1e300, interval: nil, level: 0.95, naiveLargest: nil,
      naiveMean: nil)
    #expect(throws: NoFit.self) { try ScoredPrediction(claim, against: []) }
    var odd = claim
    odd.level = 1
    #expect(throws: NoFit.self) { try ScoredPrediction(odd, against: [run(0.5, seed: 1)]) }
  }

  private func run(_ ceiling: Double, seed: Int) -> RunFit {
    RunFit(
      Curve(
        id: "\(seed)", modelParams: 1e6, seed: seed, points: exactPoints(a: 0.3, b: ceiling + 0.3)))
  }
}
