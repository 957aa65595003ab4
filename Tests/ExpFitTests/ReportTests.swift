import ExpCore
import ExpFit
import Testing

@Suite("Documents of fit and predict")
struct ReportTests {
  @Test("the fit's document has every promised key, and its numbers")
  func fitDocument() throws {
    let curves = ScalingTests.curves(
      ScalingTests.countdown + [(974_080, 0.402, 0.921)], heldOut: [974_080])
    let document = FitReport(SweepFit(curves)).json
    let run = try #require(document[path: "runs"]?.array?.first)
    for key in [
      "id", "model_params", "seed", "a", "b", "ceiling", "r2", "rmse", "points", "a_se", "b_se",
      "ceiling_low", "ceiling_high", "warnings", "reason", "rivals",
    ] {
      #expect(run.object?[key] != nil, "\(key)")
    }
    #expect(agree(try run.number("a"), 0.184, 1e-9))
    #expect(try run.number("points") == 41)
    #expect(run[path: "id"]?.string == "r0" && run[path: "seed"]?.integer == 0)
    #expect(abs(try document.number("scaling.a.slope") - 0.0740) < 1e-4)
    #expect(abs(try document.number("scaling.b.intercept") + 1.0740) < 1e-3)
    let held = try #require(document[path: "scaling.held_out.sizes"]?.array?.first)
    for key in [
      "size", "predicted", "observed", "error", "naive_errors", "ceiling_inside", "interval_width",
      "ceiling_range", "best_score", "last_score",
    ] {
      #expect(held.object?[key] != nil && held.object?[key] != .null, "\(key)")
    }
    #expect(document[path: "scaling.leave_largest_out.size"]?.number == 302_720)
    #expect(document[path: "scaling.naive.largest_size.a"]?.number != nil)
  }

  @Test("what cannot be fitted is null with a reason")
  func nulls() throws {
    let short = Curve(
      id: "short", modelParams: 1e5, points: [CurvePoint(step: 0, entropy: 0.5, score: 0.1)])
    let document = FitReport(SweepFit([short])).json
    let run = try #require(document[path: "runs"]?.array?.first)
    for key in ["a", "b", "ceiling", "r2", "rmse", "a_se", "b_se", "ceiling_low", "seed"] {
      #expect(run.object?[key] == .null, "\(key)")
    }
    #expect(
      run[path: "reason"]?.string
        == "1 point has a finite entropy and score, and the law needs at least 3")
    #expect(document[path: "scaling.a.slope"] == .null)
    #expect(document[path: "scaling.reason"]?.string == "no run has a fit")
    #expect(document[path: "scaling.held_out.reason"]?.string == "no run is held out")
    #expect(!document.canonicalJSON.contains("nan"))
  }

  @Test("the prediction's document has every promised key, and withholds the ceiling unless forced")
  func predictionDocument() throws {
    let good = try SweepFit(ScalingTests.curves(ScalingTests.countdown)).predict(size: 1e7)
    let document = PredictionReport(good).json
    for key in [
      "size", "a", "b", "ceiling", "ceiling_low", "ceiling_high", "level", "decades_extrapolated",
      "warnings", "a_low", "a_high", "b_low", "b_high", "naive", "leave_largest_out", "sizes",
    ] {
      #expect(document.object?[key] != nil && document.object?[key] != .null, "\(key)")
    }
    var rows = ScalingTests.countdown
    for index in rows.indices { rows[index].1 = -0.1 }
    let bad = try SweepFit(ScalingTests.curves(rows)).predict(size: 1e7)
    let withheld = PredictionReport(bad).json
    #expect(withheld.object?["ceiling"] == .null && withheld.object?["ceiling_low"] == .null)
    #expect(
      withheld[path: "reason"]?.string
        == "the law does not hold or is not identified in 4 of 4 runs")
    #expect(PredictionReport(bad, force: true).json[path: "ceiling"]?.number != nil)
  }
}
