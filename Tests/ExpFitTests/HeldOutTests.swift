import ExpCore
import ExpFit
import Glibc
import Testing

@Suite("Held-out sizes and registered predictions")
struct HeldOutTests {
  private let rows = ScalingTests.countdown + [(974_080, 0.402, 0.921), (974_080, 0.402, 0.921)]

  @Test("held-out runs are kept out of the lines and tested against their prediction")
  func heldOut() throws {
    let fit = SweepFit(ScalingTests.curves(rows, heldOut: [974_080]))
    let without = SweepFit(ScalingTests.curves(ScalingTests.countdown))
    #expect(try fit.scaling.get().a.slope == without.scaling.get().a.slope)
    #expect(fit.dataHash == without.dataHash)
    let test = try #require(fit.heldOut.first)
    #expect(test.runCount == 2)
    let lines = try without.scaling.get()
    let expected = lines.ceiling.intercept + lines.ceiling.slope * log(974_080)
    let line = try #require(test.forecast.forecast(by: .logLinear))
    #expect(agree(line.ceiling.value, expected, 1e-12))
    let lineError = try #require(test.formErrors[.logLinear])
    #expect(agree(lineError.ceiling, expected - 0.519, 1e-6))
    #expect(agree(test.error.ceiling, test.forecast.ceiling.value - 0.519, 1e-6))
    #expect(agree(test.naiveLargestError.ceiling, 0.492 - 0.519, 1e-6))
    #expect(agree(test.lastScore, 0.921 - 0.402 * exp(0.2 + 0.5 * exp(-3)), 1e-9))
    #expect(test.bestScore == test.lastScore)
    let (a, b) = (test.forecast.a.value, test.forecast.b.value)
    #expect(agree(test.predictedFinalScore, b - a * exp(0.2 + 0.5 * exp(-3)), 1e-9))
  }

  @Test("the hash of the data knows every bit and no order")
  func dataHash() {
    let curves = ScalingTests.curves(ScalingTests.countdown)
    let hash = SweepFit(curves).dataHash
    #expect(SweepFit(curves.reversed()).dataHash == hash)
    var points = curves[0].points
    points[3].score = points[3].score.nextUp
    let changed = Curve(id: "r0", modelParams: 13_920, seed: 0, points: points)
    #expect(SweepFit([changed] + curves.dropFirst()).dataHash != hash)
  }

  @Test("a stored prediction comes back and is scored")
  func registered() throws {
    let prediction = try SweepFit(ScalingTests.curves(ScalingTests.countdown))
      .predict(size: 974_080)
    let text = PredictionReport(prediction).json.canonicalJSON
    let forecast = try SizeForecast(stored: JSONValue(parsing: Array(text.utf8)))
    #expect(forecast == prediction.forecast)
    // As stored before there were several forms.
    var members = try #require(JSONValue(parsing: Array(text.utf8)).object)
    members["form"] = nil
    members["forms"] = nil
    let old = try SizeForecast(stored: .object(members))
    #expect(old.form == .logLinear && old.forms.isEmpty && old.ceiling == forecast.ceiling)
    let truth = SweepFit(ScalingTests.curves([rows[4]])).runs
    let score = try SizeTest(forecast, against: truth)
    #expect(agree(score.error.ceiling, forecast.ceiling.value - 0.519, 1e-6))
    #expect(score.isCeilingInside == true)
    #expect(throws: NoFit("no run of size 974k has a fit")) { try SizeTest(forecast, against: []) }
    #expect(throws: NoFit("the stored prediction has no number at 'size'")) {
      try SizeForecast(stored: ["a": 1])
    }
  }
}
