import ExpCore
import ExpFit
import Glibc
import Testing

@Suite("The law beside its rivals")
struct RivalTests {
  @Test("held-out errors and AICc equal numpy's and scipy's")
  func againstReference() throws {
    let run = try #require(try reference()[path: "rivals"])
    let comparison = RivalComparison(try run.points())
    for form in comparison.forms where form.form != .sigmoidInCompute {
      let held = try #require(form.heldOut)
      #expect(held.trainingCount == 25 && held.testCount == 16)
      // The saturating form is a minimum of a search on both sides.
      let tolerance = form.form == .saturationInStep ? 1e-3 : 1e-8
      #expect(agree(held.rmse, try run.number("rmse.\(form.form.rawValue)"), tolerance))
      if form.form != .saturationInStep {
        let aicc = try #require(form.aicc)
        #expect(agree(aicc, try run.number("aicc.\(form.form.rawValue)"), 1e-8))
      }
    }
    let lines = comparison.forms.filter { $0.form != .law && $0.form != .sigmoidInCompute }
    #expect(
      lines.min { ($0.heldOut?.rmse ?? 1) < ($1.heldOut?.rmse ?? 1) }?.form == .saturationInStep)
  }

  @Test("on data of the law the law is exact, and early prediction takes 15 % and 36 steps")
  func exactLaw() throws {
    let comparison = RivalComparison(exactPoints(a: 0.3, b: 0.7))
    let law = comparison.law
    #expect(try #require(law.heldOut).rmse < 1e-12)
    let share = try #require(law.earlyShare)
    #expect(share.trainingCount == 7 && share.testCount == 34)
    #expect(try #require(law.earlySteps).trainingCount == 10)
    #expect(abs(share.finalError) < 1e-12)
  }

  @Test("the saturating form recovers its own data")
  func saturation() throws {
    let points = (0..<30).map { index in
      let step = 4 * index
      return CurvePoint(
        step: step, entropy: 1 - 0.01 * Double(index),
        score: 0.5 - 0.4 * exp(-0.03 * Double(step)))
    }
    let form = RivalComparison(points).forms.first { $0.form == .saturationInStep }
    #expect(try #require(form?.heldOut).rmse < 1e-6)
    #expect(try #require(form?.r2) > 1 - 1e-9)
  }

  @Test("unequal distances between steps give the same saturating form")
  func unevenSaturation() throws {
    let points = [0, 1, 3, 7, 12, 20, 33, 50, 70, 100, 150].map { step in
      CurvePoint(
        step: step, entropy: 1 - 0.001 * Double(step), score: 0.5 - 0.4 * exp(-0.03 * Double(step)))
    }
    let form = RivalComparison(points).forms.first { $0.form == .saturationInStep }
    #expect(try #require(form?.heldOut).rmse < 1e-5)
  }

  @Test("a straight line in step is reported as the better form where it is")
  func straightLine() throws {
    var noise = Noise(seed: 2)
    let points = lawPoints(noise: &noise).map {
      CurvePoint(step: $0.step, entropy: $0.entropy, score: 0.1 + 0.002 * Double($0.step))
    }
    let run = RunFit(Curve(id: "x", modelParams: 1e5, points: points))
    #expect(run.rivals?.best?.form == .lineInStep)
    let last = try #require(run.warnings.last)
    #expect(last.kind == .rivalPredictsBetter)
    #expect(last.message.hasPrefix("the line in step predicts the held-out points better: RMSE "))
  }

  @Test("too few points and constant H leave nothing to judge instead of failing")
  func degenerate() {
    #expect(RivalComparison([]).best == nil)
    let three = RivalComparison(Array(exactPoints(a: 0.3, b: 0.7).prefix(3)))
    #expect(three.best == nil && three.law.heldOut == nil && three.law.r2 != nil)
    let still = RivalComparison(
      (0..<9).map { CurvePoint(step: 5, entropy: 0.5, score: 0.1 * Double($0)) })
    #expect(still.law.heldOut == nil)
    #expect(still.best?.form == .mean)
  }
}
