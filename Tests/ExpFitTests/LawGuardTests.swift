import ExpFit
import Glibc
import Testing

@Suite("Guards of one run")
struct LawGuardTests {
  private func warning(_ kind: LawWarning.Kind, _ points: [CurvePoint]) throws -> LawWarning? {
    try LawFit(points).warnings.first { $0.kind == kind }
  }

  private func points(_ values: [(Double, Double)]) -> [CurvePoint] {
    values.enumerated().map {
      CurvePoint(step: 4 * $0.offset, entropy: $0.element.0, score: $0.element.1)
    }
  }

  private func points(_ count: Int, _ value: (Double) -> (Double, Double)) -> [CurvePoint] {
    points((0..<count).map { value(Double($0)) })
  }

  @Test("a clean run has no warning")
  func clean() throws {
    var noise = Noise(seed: 8)
    let fit = try LawFit(lawPoints(sigma: 0.005, noise: &noise))
    #expect(fit.warnings.isEmpty && fit.lawHolds)
  }

  @Test("a score that falls with entropy contradicts the law")
  func negativeSlope() throws {
    let run = exactPoints(a: -0.2, b: 0.3)
    let found = try #require(try warning(.slopeContradictsLaw, run))
    #expect(
      found.message
        == "a is -0.2: the score does not rise as entropy falls, which contradicts the law")
    #expect(found.contradictsLaw)
    #expect(try !LawFit(run).lawHolds)
  }

  @Test("H that hardly moves under noise does not identify a")
  func unidentified() throws {
    var noise = Noise(seed: 3)
    let run = lawPoints(20, from: 0.501, to: 0.5, sigma: 0.02, noise: &noise).map {
      CurvePoint(step: $0.step, entropy: $0.entropy, score: $0.score - 0.0001 * $0.entropy)
    }
    let fit = try LawFit(run)
    #expect(!fit.lawHolds)
    #expect(
      fit.warnings.contains { [.entropyRange, .slopeContradictsLaw].contains($0.kind) })
  }

  @Test("a small but telling range of H is named")
  func smallRange() throws {
    var noise = Noise(seed: 3)
    let run = lawPoints(from: 0.55, to: 0.5, noise: &noise)
    let found = try #require(try warning(.entropyRange, run))
    #expect(found.message.hasPrefix("H moves by only 0.04"))
    #expect(!found.contradictsLaw)
  }

  @Test("entropy that rises, and entropy that falls and rises again")
  func rising() throws {
    let up = points(10) { (0.2 + 0.05 * $0, 0.5 - 0.02 * $0) }
    #expect(
      try warning(.entropyRises, up)?.message
        == "H rises from 0.2 to 0.65; the law describes its fall")
    let back = points(
      [0.8, 0.6, 0.4, 0.2, 0.3, 0.4, 0.5, 0.5, 0.5].map { ($0, 0.7 - 0.3 * exp($0)) })
    #expect(
      try warning(.entropyRises, back)?.message
        == "H is not monotone: from 0.2 at step 12 it rises to 0.5 at step 24")
  }

  @Test("a constant score has R² 0 and no law")
  func constant() throws {
    let fit = try LawFit(points(10) { (1 - 0.05 * $0, 0.25) })
    #expect(fit.r2 == 0 && fit.a == 0 && fit.ceiling == 0.25 && !fit.lawHolds)
    #expect(fit.warnings.map(\.kind) == [.constantScore])
  }

  @Test("a ceiling above 1 contradicts the law only where its whole interval is above")
  func ceilingAboveOne() throws {
    let run = points(12) { index in
      let entropy = 2 - 0.1 * index
      return (entropy, 1.2 - 0.1 * exp(entropy))
    }
    let found = try #require(try warning(.ceilingOutOfRange, run))
    #expect(found.message.hasPrefix("the ceiling is 1.1 ("))
    #expect(found.contradictsLaw)
  }

  @Test("scores in per cent are said to be no shares")
  func percent() throws {
    let run = exactPoints(a: 0.3, b: 0.7).map {
      CurvePoint(step: $0.step, entropy: $0.entropy, score: 100 * $0.score)
    }
    let found = try #require(try warning(.ceilingOutOfRange, run))
    #expect(found.message.hasSuffix("so they are not shares of 1 and the ceiling is not checked"))
    #expect(!found.contradictsLaw)
  }

  @Test("a ceiling far below the data is an extrapolation")
  func extrapolation() throws {
    let run = points(12) { index in
      let entropy = 1 - 0.02 * index
      return (entropy, 0.9 - 0.2 * exp(entropy))
    }
    let found = try #require(try warning(.extrapolation, run))
    #expect(found.message.hasPrefix("the lowest H is 0.78: the ceiling is read off at H = 0"))
  }

  @Test("residuals that move with the step are named with their share")
  func residualTrend() throws {
    var noise = Noise(seed: 12)
    let run = lawPoints(sigma: 0.002, noise: &noise).map {
      CurvePoint(step: $0.step, entropy: $0.entropy, score: $0.score + 0.001 * Double($0.step))
    }
    let found = try #require(try warning(.residualTrend, run))
    #expect(found.message.hasPrefix("the residuals move with the step: a straight line in step"))
  }

  @Test("noise on top of a slow wander is named, an AR(1) series is not")
  func slowCorrelation() throws {
    var noise = Noise(seed: 21)
    let wander = lawPoints(200, sigma: 0.006, rho: 0.95, noise: &noise)
    #expect(try warning(.slowCorrelation, wander) == nil)
    let mixed = wander.map {
      CurvePoint(
        step: $0.step, entropy: $0.entropy, score: $0.score + 0.006 * noise.normal())
    }
    let found = try #require(try warning(.slowCorrelation, mixed))
    #expect(found.message.hasPrefix("residuals correlate over longer distances than"))
    #expect(!found.contradictsLaw)
  }

  @Test("few points, uneven steps and negative entropy are named")
  func further() throws {
    let few = Array(exactPoints(a: 0.3, b: 0.7).prefix(4))
    #expect(
      try warning(.fewDegreesOfFreedom, few)?.message
        == "4 points with residuals correlated by 0 leave 2 degrees of freedom, "
        + "so the intervals are rough")
    var uneven = exactPoints(a: 0.3, b: 0.7)
    uneven.removeSubrange(5...15)
    #expect(
      try warning(.unevenSteps, uneven)?.message
        == "evaluations lie between 4 and 48 steps apart; standard errors count them as equally spaced"
    )
    var twice = exactPoints(a: 0.3, b: 0.7)
    twice[3].step = twice[2].step
    #expect(
      try warning(.unevenSteps, twice)?.message == "a step has more than one point; each counts")
    let below = points(10) { (0.5 - 0.1 * $0, 0.1 + 0.05 * $0) }
    #expect(
      try warning(.negativeEntropy, below)?.message
        == "H goes down to -0.4; the entropy of a vocabulary is never below 0")
  }

  @Test("an R² below one half is named")
  func poor() throws {
    var noise = Noise(seed: 30)
    let found = try warning(.poorFit, lawPoints(200, sigma: 0.4, noise: &noise))
    #expect(found?.message.hasPrefix("the law explains ") == true)
  }
}
