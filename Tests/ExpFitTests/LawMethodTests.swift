import ExpFit
import Glibc
import Testing

@Suite("Methods of fitting one run")
struct LawMethodTests {
  private func noisy(_ count: Int = 60, rho: Double = 0.3, seed: UInt64 = 9) -> [CurvePoint] {
    var noise = Noise(seed: seed)
    return lawPoints(count, sigma: 0.008, rho: rho, noise: &noise)
  }

  @Test("names are read, and others are refused with the list")
  func names() throws {
    #expect(
      try LawMethod(estimator: "least_squares", errors: "autoregressive") == LawMethod.standard)
    #expect(try LawMethod(estimator: "huber", errors: "hac").errors == .hac)
    #expect(throws: NoFit("'ols' is no estimator: least_squares, gls, huber, binomial")) {
      try LawMethod(estimator: "ols", errors: "hac")
    }
    #expect(
      throws: NoFit("'white' is no model of errors: autoregressive, hac, bootstrap, independent")
    ) {
      try LawMethod(estimator: "gls", errors: "white")
    }
  }

  @Test("gls with the errors of another model is refused", arguments: ["hac", "bootstrap"])
  func contradiction(errors: String) {
    #expect(throws: NoFit.self) { try LawMethod(estimator: "gls", errors: errors) }
  }

  @Test("binomial weights need a count of prompts and shares")
  func binomialNeeds() throws {
    let method = try LawMethod(.binomial, errors: .autoregressive)
    #expect(
      throws: NoFit(
        "binomial weights need the number of prompts behind each score, which the data do not say")
    ) {
      try LawFit(noisy(), method: method)
    }
    let percent = noisy().map {
      CurvePoint(step: $0.step, entropy: $0.entropy, score: 100 * $0.score)
    }
    #expect(throws: NoFit("binomial weights need scores between 0 and 1")) {
      try LawFit(percent, method: method, promptCount: 128)
    }
    let run = RunFit(
      Curve(id: "x", modelParams: 1e5, promptCount: 128, points: noisy()), method: method)
    #expect(try run.law.get().method == method)
  }

  @Test(
    "one evaluation far off moves Huber's ceiling less than a tenth of what it moves the line's")
  func outlier() throws {
    let clean = noisy(rho: 0)
    var spoiled = clean
    spoiled[50].score += 0.4
    let huber = try LawMethod(.huber, errors: .autoregressive)
    let line = try LawFit(spoiled).ceiling - LawFit(clean).ceiling
    let robust =
      try LawFit(spoiled, method: huber).ceiling - LawFit(clean, method: huber).ceiling
    #expect(abs(robust) < 0.1 * abs(line), "\(robust) against \(line)")
  }

  @Test("Huber's errors grow with the residuals' correlation as the default's do")
  func huberCorrelation() throws {
    let run = noisy(200, rho: 0.8)
    let robust = try LawFit(run, method: LawMethod(.huber, errors: .autoregressive))
    let ignoring = try LawFit(run, method: LawMethod(.huber, errors: .independent))
    #expect(robust.aStandardError > 1.8 * ignoring.aStandardError)
    #expect(ignoring.warnings.contains { $0.kind == .residualCorrelation })
    #expect(!robust.warnings.contains { $0.kind == .residualCorrelation })
  }

  @Test("Huber on a line with single points off it has no scale, and says so")
  func noScale() throws {
    var points = (0..<12).map {
      CurvePoint(step: $0, entropy: log(Double(13 - $0)), score: Double($0))
    }
    points[4].score = 9
    let huber = try LawMethod(.huber, errors: .autoregressive)
    let fit = Result { try LawFit(points, method: huber) }
    // The points' own rounding may stand in for a scale; what comes out is the line they are on.
    switch fit {
    case .success(let fit): #expect(agree(fit.a, 1, 1e-6))
    case .failure(let error): #expect("\(error)".contains("Huber's scale is 0"))
    }
  }

  @Test("short runs and correlated residuals are too much for Newey-West, and it is said")
  func hacWarns() throws {
    let fit = try LawFit(noisy(20), method: LawMethod(.leastSquares, errors: .hac))
    let found = try #require(fit.warnings.first { $0.kind == .residualCorrelation })
    #expect(
      found.message.hasSuffix("too few for Newey-West errors, so the intervals are too narrow"))
    #expect(found.message.hasPrefix("20 points with residuals correlated by "))
  }

  @Test(
    "whatever the method, what comes out of hostile numbers is finite or a reason",
    arguments: LawMethod.Estimator.allCases)
  func extremes(estimator: LawMethod.Estimator) throws {
    var noise = Noise(seed: 23)
    let values = [0, 1, -1, 0.5, 1e-300, 1e-160, 1e-9, 1e9, 1e150, 1e300, 200, 299, .nan]
    let errors = LawMethod.Errors.allCases.filter { $0 != .bootstrap }
    for round in 0..<800 {
      let count = Int(noise.uniform() * 12)
      let isShare = round % 2 == 0
      func pick() -> Double {
        values[Int(noise.uniform() * Double(values.count))] * (noise.uniform() < 0.5 ? 1 : 1.001)
      }
      let points = (0..<count).map {
        CurvePoint(step: $0, entropy: pick(), score: isShare ? noise.uniform() : pick())
      }
      for model in errors {
        guard let fit = fitOrNil(points, estimator, model) else { continue }
        let numbers = [
          fit.a, fit.b, fit.ceiling, fit.aStandardError, fit.ceilingInterval.low, fit.covarianceAB,
          fit.influence.first?.change ?? 0, fit.influence.firstTenth?.inStandardErrors ?? 0,
        ]
        let areFinite = numbers.allSatisfy(\.isFinite)
        #expect(areFinite, "\(numbers)")
      }
    }
  }

  private func fitOrNil(
    _ points: [CurvePoint], _ estimator: LawMethod.Estimator, _ errors: LawMethod.Errors
  ) -> LawFit? {
    guard let method = try? LawMethod(estimator, errors: errors) else { return nil }
    return try? LawFit(points, method: method, promptCount: 128)
  }

  @Test("bootstrap intervals are reproducible, hold the estimate, and are near the default's")
  func bootstrap() throws {
    let run = noisy(100, rho: 0.2)
    let fit = try LawFit(run)
    let one = try LawFit.bootstrapped(run, count: 399)
    #expect(try one == LawFit.bootstrapped(run, count: 399))
    #expect(try one != LawFit.bootstrapped(run, count: 399, seed: 1))
    #expect(one.ceilingInterval.contains(fit.ceiling) && one.resampleCount == 399)
    for (mine, theirs) in [
      (one.aInterval, fit.aInterval), (one.bInterval, fit.bInterval),
      (one.ceilingInterval, fit.ceilingInterval),
    ] {
      #expect(mine.width > 0.7 * theirs.width && mine.width < 1.4 * theirs.width)
    }
    let method = try LawFit(run, method: LawMethod(.leastSquares, errors: .bootstrap))
    #expect(try method.ceilingInterval == LawFit.bootstrapped(run).ceilingInterval)
    #expect(method.a == fit.a)
    #expect(agree(method.aStandardError, fit.aStandardError, 0.3))
  }

  @Test("the bootstrap refuses what it cannot resample")
  func bootstrapRefuses() {
    #expect(throws: NoFit.self) { try LawFit.bootstrapped(Array(noisy().prefix(7))) }
    #expect(throws: NoFit.self) { try LawFit.bootstrapped(exactLine()) }
    #expect(throws: NoFit.self) { try LawFit.bootstrapped(noisy(), count: 10) }
    #expect(throws: NoFit.self) { try LawFit.bootstrapped(noisy(), level: 1) }
    #expect(throws: NoFit.self) { try LawFit.bootstrapped(noisy(), estimator: .generalised) }
  }

  private func exactLine() -> [CurvePoint] {
    (0..<20).map { CurvePoint(step: $0, entropy: log(Double(21 - $0)), score: Double($0)) }
  }

  @Test("a bootstrap of Huber's and of the binomial line resamples those")
  func bootstrapEstimators() throws {
    let run = noisy(60)
    let huber = try LawFit.bootstrapped(run, estimator: .huber, count: 199)
    let binomial = try LawFit.bootstrapped(
      run, estimator: .binomial, promptCount: 128, count: 199)
    #expect(huber.ceilingInterval.contains(0.4) && binomial.ceilingInterval.contains(0.4))
    #expect(huber != binomial)
  }
}
