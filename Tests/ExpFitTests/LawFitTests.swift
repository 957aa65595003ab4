import ExpCore
import ExpFit
import Glibc
import Testing

@Suite("The law of one run")
struct LawFitTests {
  @Test("three points by hand: x = exp(H) = 1, 2, 4 and R = 0.5, 0.4, 0.1")
  func byHand() throws {
    // Means 7/3 and 1/3; Sxx = 14/3, Sxy = -19/30; slope -19/140, SSE = Syy - Sxy²/Sxx = 13/150 -
    // 361/4200.
    let points = [(2, 1.0, 0.5), (1, 2.0, 0.4), (0, 4.0, 0.1)].map {
      CurvePoint(step: $0.0, entropy: log($0.1), score: $0.2)
    }
    let fit = try LawFit(points)
    #expect(agree(fit.a, 19.0 / 140, 1e-12))
    #expect(agree(fit.b, 1.0 / 3 + 7.0 / 3 * 19 / 140, 1e-12))
    #expect(agree(fit.ceiling, fit.b - fit.a, 1e-12))
    let sse = 13.0 / 150 - 361.0 / 4200
    #expect(agree(fit.rmse, (sse / 3).squareRoot(), 1e-9))
    #expect(agree(fit.aStandardError, (sse / (14.0 / 3)).squareRoot(), 1e-9))
    #expect(fit.degreesOfFreedom == 1)
  }

  @Test("coefficients and independent errors equal statsmodels' least squares to 1e-8")
  func againstReference() throws {
    let independent = try LawMethod(.leastSquares, errors: .independent)
    for run in try reference().elements("laws") {
      let fit = try LawFit(try run.points(), method: independent)
      // The offset of 1000 costs the reference, which does not centre, some digits.
      for (mine, key) in [
        (fit.a, "a"), (fit.b, "b"), (fit.ceiling, "ceiling"), (fit.r2, "r2"), (fit.rmse, "rmse"),
        (fit.aStandardError, "plain_a_se"), (fit.bStandardError, "plain_b_se"),
        (fit.ceilingStandardError, "plain_ceiling_se"), (fit.covarianceAB, "plain_ab_covariance"),
      ] {
        #expect(agree(mine, try run.number(key), 1e-8), "\(key) of \(fit.pointCount) points")
      }
      let ends = try run.numbers("plain_ceiling_interval")
      #expect(agree(fit.ceilingInterval.low, ends[0], 1e-8))
      #expect(agree(fit.ceilingInterval.high, ends[1], 1e-8))
    }
  }

  @Test("variance of b - a is that of a and b less twice their covariance")
  func covariance() throws {
    var noise = Noise(seed: 4)
    let fit = try LawFit(lawPoints(sigma: 0.01, rho: 0.4, noise: &noise))
    let sum =
      fit.aStandardError * fit.aStandardError + fit.bStandardError * fit.bStandardError
      - 2 * fit.covarianceAB
    #expect(agree(sum, fit.ceilingStandardError * fit.ceilingStandardError, 1e-8))
  }

  @Test("exact data give exact parameters, whatever the offset", arguments: [0.0, 1, -40, 1e6])
  func exact(offset: Double) throws {
    let points = exactPoints(a: 0.3, b: 0.7).map {
      CurvePoint(step: $0.step, entropy: $0.entropy, score: $0.score + offset)
    }
    let fit = try LawFit(points)
    #expect(abs(fit.a - 0.3) < 1e-15 * max(1, abs(offset)) * 10)
    #expect(agree(fit.b, 0.7 + offset, 1e-13))
    #expect(fit.r2 > 1 - 1e-12)
  }

  @Test("tiny movements of a tiny H keep their digits")
  func tinyEntropy() throws {
    let points = (0..<20).map { index in
      let entropy = 1e-9 * Double(20 - index)
      return CurvePoint(step: index, entropy: entropy, score: 0.5 - 1e6 * expm1(entropy))
    }
    #expect(agree(try LawFit(points).a, 1e6, 1e-6))
  }

  @Test("a is above 0 where the score rises as entropy falls, and the fit predicts scores")
  func signs() throws {
    let fit = try LawFit(exactPoints(a: 0.2, b: 0.6))
    #expect(fit.a > 0 && fit.ceiling > 0.2 && fit.lawHolds)
    #expect(agree(fit.score(atEntropy: 0.5), 0.6 - 0.2 * exp(0.5), 1e-12))
    #expect(fit.score(atEntropy: 0) == fit.ceiling)
  }

  @Test("fewer than 3 points or 2 distinct H have no fit, with the reason")
  func noFit() {
    let two = [0.5, 0.4].enumerated().map {
      CurvePoint(step: $0.offset, entropy: $0.element, score: 0.1)
    }
    #expect(throws: NoFit("2 points have a finite entropy and score, and the law needs at least 3"))
    {
      try LawFit(two)
    }
    #expect(throws: NoFit("0 points have a finite entropy and score, and the law needs at least 3"))
    {
      try LawFit([])
    }
    let still = (0..<9).map { CurvePoint(step: $0, entropy: 0.5, score: Double($0)) }
    #expect(throws: NoFit("H is 0.5 at every point, and the law needs at least 2 distinct values"))
    {
      try LawFit(still)
    }
  }

  @Test("numbers beyond computing give a reason, never NaN", arguments: [1e300, -1e300, 1e160])
  func huge(factor: Double) {
    let points = (0..<9).map {
      CurvePoint(step: $0, entropy: Double(9 - $0) / 10, score: factor * Double($0 * $0))
    }
    #expect(throws: NoFit.self) { try LawFit(points) }
  }

  @Test("a level outside (0, 1) is refused", arguments: [0, 1, -0.5, .nan, 1 - 1e-17])
  func badLevel(level: Double) {
    #expect(throws: NoFit.self) { try LawFit(exactPoints(a: 0.3, b: 0.7), level: level) }
  }

  @Test("whatever the numbers, what comes out is finite or a reason")
  func extremes() {
    var noise = Noise(seed: 17)
    let values = [
      0, 1, -1, 0.5, 1e-300, 1e-160, 1e-9, 1e9, 1e150, 1e300, 200, 299,
      Double.leastNonzeroMagnitude, .nan,
    ]
    for _ in 0..<3000 {
      let count = Int(noise.uniform() * 12)
      func pick() -> Double {
        values[Int(noise.uniform() * Double(values.count))] * (noise.uniform() < 0.5 ? 1 : 1.001)
      }
      let points = (0..<count).map { CurvePoint(step: $0, entropy: pick(), score: pick()) }
      let run = RunFit(Curve(id: "x", modelParams: 1e5, points: points))
      guard case .success(let fit) = run.law else { continue }
      let numbers = [
        fit.a, fit.b, fit.ceiling, fit.r2, fit.rmse, fit.aStandardError, fit.bStandardError,
        fit.ceilingInterval.low, fit.ceilingInterval.high, fit.covarianceAB,
      ]
      let areFinite = numbers.allSatisfy(\.isFinite)
      #expect(areFinite, "\(numbers)")
    }
  }

  @Test("points that are not finite are left out and listed by step")
  func leftOut() throws {
    var points = exactPoints(a: 0.3, b: 0.7)
    points[2].entropy = .nan
    points[5].score = .infinity
    points[7].entropy = 1000
    let fit = try LawFit(points)
    #expect(fit.pointCount == 38)
    #expect(
      fit.warnings.map(\.message) == [
        "3 points are left out, for entropy or score is not finite: step 8, 20, 28"
      ])
  }
}
