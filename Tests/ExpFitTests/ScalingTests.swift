import ExpCore
import ExpFit
import Glibc
import Testing

@Suite("The law across sizes")
struct ScalingTests {
  /// Runs exactly on the law, one per row of size, a, b.
  static func curves(_ rows: [(Double, Double, Double)], heldOut: Set<Double> = []) -> [Curve] {
    rows.enumerated().map { index, row in
      Curve(
        id: "r\(index)", modelParams: row.0, seed: index, isHeldOut: heldOut.contains(row.0),
        points: exactPoints(a: row.1, b: row.2))
    }
  }

  /// Non-embedding parameters in billions, a and b digitised from the paper's figure (Qwen2.5,
  /// mathematics, GRPO).
  static let paper = [
    (0.36, 0.043, 0.192), (1.31, 0.095, 0.350), (2.77, 0.175, 0.479), (6.53, 0.210, 0.597),
    (31.0, 0.236, 0.690),
  ]

  static let countdown = [
    (13_920.0, 0.184, 0.451), (23_680, 0.167, 0.420), (83_232, 0.306, 0.708),
    (302_720, 0.388, 0.880),
  ]

  static let programs = [
    (13_920.0, 0.080, 0.430), (23_680, 0.073, 0.413), (83_232, 0.127, 0.648),
    (150_912, 0.145, 0.693), (302_720, 0.167, 0.774),
  ]

  @Test("the paper's digitised a and b give its lines in ln(billions)")
  func paperTable() throws {
    let fit = try SweepFit(ScalingTests.curves(ScalingTests.paper)).scaling.get()
    #expect(abs(fit.a.intercept - 0.101) < 0.001 && abs(fit.a.slope - 0.046) < 0.0005)
    #expect(abs(fit.b.intercept - 0.333) < 0.001 && abs(fit.b.slope - 0.116) < 0.0005)
    #expect(abs(fit.a.r2 - 0.91) < 0.005 && abs(fit.b.r2 - 0.97) < 0.005)
  }

  @Test("the measured tables of both small tasks give their lines")
  func measuredTables() throws {
    // The tables round a and b to three digits, which moves an intercept by up to 0.003.
    let first = try SweepFit(ScalingTests.curves(ScalingTests.countdown)).scaling.get()
    #expect(abs(first.a.slope - 0.0739) < 3e-4 && abs(first.a.intercept + 0.5436) < 3e-3)
    #expect(abs(first.b.slope - 0.1551) < 3e-4 && abs(first.b.intercept + 1.0740) < 3e-3)
    #expect(abs(first.a.r2 - 0.946) < 2e-3 && abs(first.b.r2 - 0.950) < 2e-3)
    let second = try SweepFit(ScalingTests.curves(ScalingTests.programs)).scaling.get()
    #expect(abs(second.a.slope - 0.0315) < 3e-4 && abs(second.b.slope - 0.1239) < 3e-4)
    #expect(abs(second.ceiling.slope - 0.0924) < 3e-4)
  }

  @Test("leaving the largest size out reproduces the measured tables' checks")
  func leaveLargestOut() throws {
    let fit = SweepFit(ScalingTests.curves(ScalingTests.countdown))
    let test = try #require(fit.leaveOneOut?.largest)
    let line = try #require(test.forecast.forecast(by: .logLinear))
    #expect(abs(line.a.value - 0.394) < 3e-3 && abs(test.observed.a - 0.388) < 1e-9)
    #expect(abs(line.b.value - 0.893) < 5e-3)
    #expect(abs(line.ceiling.value - 0.500) < 5e-3)
    #expect(abs(test.naiveLargestError.ceiling - (0.402 - 0.492)) < 1e-9)
    let mean = (0.267 + 0.253 + 0.402) / 3
    #expect(abs(test.naiveMeanError.ceiling - (mean - 0.492)) < 1e-9)
    #expect(test.beatsNaive && test.isCeilingInside == true)
    #expect(fit.leaveOneOut?.tests.count == 4)
  }

  @Test("the ceiling's line is the difference of those of b and a")
  func ceilingIsDifference() throws {
    let fit = try SweepFit(ScalingTests.curves(ScalingTests.countdown)).scaling.get()
    #expect(agree(fit.ceiling.slope, fit.b.slope - fit.a.slope, 1e-12))
    #expect(agree(fit.ceiling.intercept, fit.b.intercept - fit.a.intercept, 1e-12))
  }

  @Test("runs of one size count once where sizes differ and runs do not")
  func sizesAreRepeats() throws {
    let rows = [
      (1e4, 0.1, 0.3), (1e4, 0.1, 0.3), (1e4, 0.1, 0.3), (1e5, 0.2, 0.5), (1e6, 0.2, 0.5),
    ]
    let fit = try SweepFit(ScalingTests.curves(rows)).scaling.get()
    // By hand, on the three means at 0, 1, 2 decades: slope (0.2 - 0.1) / 2.
    #expect(agree(fit.a.slope, 0.05 / log(10), 1e-9))
    #expect(fit.a.seedVariance.map { $0 < 1e-12 } == true && fit.a.baseVariance == nil)
    #expect(fit.runCount == 5 && fit.means.count == 3)
  }

  @Test("one size has no line, two have a line without an interval, three have both")
  func fewSizes() throws {
    let rows = ScalingTests.countdown
    let one = SweepFit(ScalingTests.curves([rows[0], rows[0]]))
    #expect(
      one.scaling
        == .failure(NoFit("runs of one size only: a line over ln N needs at least 2 sizes")))
    #expect(throws: NoFit.self) { try one.predict(size: 1e6) }
    let two = SweepFit(ScalingTests.curves(Array(rows.prefix(2))))
    let prediction = try two.predict(size: 1e6)
    #expect(prediction.forecast.ceiling.interval == nil && prediction.leaveOneOut == nil)
    #expect(prediction.warnings.contains { $0.hasPrefix("only 2 sizes") })
    let three = SweepFit(ScalingTests.curves(Array(rows.prefix(3))))
    #expect(try three.predict(size: 1e6).forecast.ceiling.interval != nil)
    #expect(SweepFit([]).scaling == .failure(NoFit("no run has a fit")))
  }

  @Test("decades are counted outside the fitted range only")
  func decades() throws {
    let fit = SweepFit(ScalingTests.curves([(1e4, 0.1, 0.3), (1e5, 0.15, 0.4), (1e6, 0.2, 0.5)]))
    #expect(abs(try fit.predict(size: 1e8).forecast.decadesExtrapolated - 2) < 1e-12)
    #expect(abs(try fit.predict(size: 1e3).forecast.decadesExtrapolated - 1) < 1e-12)
    #expect(try fit.predict(size: 3e5).forecast.decadesExtrapolated == 0)
    #expect(
      try fit.predict(size: 1e8).warnings.first
        == "extrapolates by 2 decades beyond the sizes run (10k to 1M)")
  }

  @Test("a size that is none is refused", arguments: [0.0, -1, .nan, .infinity])
  func badSize(size: Double) {
    #expect(throws: NoFit.self) {
      try SweepFit(ScalingTests.curves(ScalingTests.countdown)).predict(size: size)
    }
  }

  @Test("definitions are not mixed")
  func definitions() {
    var curves = ScalingTests.curves(ScalingTests.countdown)
    curves[0].definition = "greedy"
    curves[1].definition = "sampled"
    #expect(
      SweepFit(curves).scaling
        == .failure(
          NoFit(
            "the runs measure entropy and score in different ways, which no fit may mix: "
              + "'greedy', 'sampled'")))
  }

  @Test("arms that are pooled and runs without a law are named")
  func pooled() {
    var curves = ScalingTests.curves(ScalingTests.countdown)
    curves[0].labels = ["train.algorithm": "grpo"]
    curves[1].labels = ["train.algorithm": "rloo"]
    curves.append(Curve(id: "cut", modelParams: 1e5, points: []))
    let words = SweepFit(curves).scalingWarnings
    #expect(words.contains("runs that differ in 'train.algorithm' share one line"))
    #expect(words.contains("runs without a fit are left out: cut; no run is left of 100k"))
  }

  @Test("the ceiling is withheld where the law is contradicted in half of the runs")
  func withheld() throws {
    var rows = ScalingTests.countdown
    #expect(try SweepFit(ScalingTests.curves(rows)).predict(size: 1e6).withheldReason == nil)
    rows[0].1 = -0.1
    rows[1].1 = -0.1
    let prediction = try SweepFit(ScalingTests.curves(rows)).predict(size: 1e6)
    #expect(
      prediction.withheldReason == "the law does not hold or is not identified in 2 of 4 runs")
  }

  @Test("a ceiling whose whole interval is no share of 1 is withheld")
  func beyondShares() throws {
    // a = 0.02 ln N and ceiling = 0.05 ln N - 0.3, which is above 1 from N = exp(26) on.
    let rows = [1e4, 1e5, 1e6, 1e7, 1e8].map { ($0, 0.02 * log($0), 0.07 * log($0) - 0.3) }
    let fit = SweepFit(ScalingTests.curves(rows))
    let far = try fit.predict(size: 1e13).withheldReason
    #expect(far?.hasPrefix("the whole interval from ") == true)
    #expect(try fit.predict(size: 1e9).withheldReason == nil)
  }
}
