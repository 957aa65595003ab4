import ExpCore
import ExpFit
import FoundationEssentials
import Testing

/// The values of `Fixtures/run_reference.py`.
private func runReference() throws -> [JSONValue] {
  let folder = String(#filePath.dropLast("RunReferenceTests.swift".count))
  let data = try Data(contentsOf: URL(filePath: folder + "Fixtures/run_reference.json"))
  return try JSONValue(parsing: data).elements("runs")
}

@Suite("Estimators of one run against statsmodels and dense matrices")
struct RunReferenceTests {
  private static let numbers: [(key: String, value: @Sendable (LawFit) -> Double)] = [
    ("a", { $0.a }), ("b", { $0.b }), ("ceiling", { $0.ceiling }),
    ("a_se", { $0.aStandardError }), ("b_se", { $0.bStandardError }),
    ("ceiling_se", { $0.ceilingStandardError }), ("ab_covariance", { $0.covarianceAB }),
  ]

  private func points(_ run: JSONValue) throws -> [CurvePoint] {
    let scores = try run.numbers("score")
    return try run.numbers("entropy").enumerated().map {
      CurvePoint(step: 4 * $0.offset, entropy: $0.element, score: scores[$0.offset])
    }
  }

  private func check(_ method: LawMethod, _ name: String, tolerance: Double = 1e-8) throws {
    for run in try runReference() {
      let fit = try LawFit(try points(run), method: method, promptCount: 128)
      for number in RunReferenceTests.numbers {
        let theirs = try run.number("\(name).\(number.key)")
        let mine = number.value(fit)
        #expect(
          agree(mine, theirs, tolerance),
          "\(name) \(number.key) of \(fit.pointCount) points: \(mine), not \(theirs)")
      }
    }
  }

  @Test("least squares with independent errors is statsmodels' OLS")
  func leastSquares() throws {
    try check(try LawMethod(.leastSquares, errors: .independent), "ols")
  }

  @Test("Newey-West errors are statsmodels' cov_hac with as many lags and its correction")
  func neweyWest() throws {
    try check(try LawMethod(.leastSquares, errors: .hac), "hac")
  }

  @Test("Huber's line and independent errors are statsmodels' RLM with HuberT(1.345), MAD and H1")
  func huber() throws {
    try check(try LawMethod(.huber, errors: .independent), "huber")
  }

  @Test("binomial weights settle on statsmodels' WLS")
  func binomial() throws {
    try check(try LawMethod(.binomial, errors: .independent), "binomial")
  }

  @Test("gls is statsmodels' GLS at the rho of an independent restricted likelihood")
  func generalised() throws {
    let method = try LawMethod(.generalised, errors: .autoregressive)
    try check(method, "gls")
    for run in try runReference() {
      let fit = try LawFit(try points(run), method: method)
      #expect(agree(fit.residualAutocorrelation, try run.number("gls.rho"), 1e-8))
    }
  }

  @Test("the default is the dense sandwich at the mean rho by adaptive quadrature")
  func autoregressive() throws {
    for run in try runReference() {
      let fit = try LawFit(try points(run))
      // The fewer the points, the higher the likelihood at its ends, where 31 places are no integral.
      let tolerance = fit.pointCount < 40 ? 2e-2 : 3e-5
      for number in RunReferenceTests.numbers {
        let isEstimate = ["a", "b", "ceiling"].contains(number.key)
        #expect(
          agree(
            number.value(fit), try run.number("autoregressive.\(number.key)"),
            isEstimate ? 1e-8 : tolerance),
          "\(number.key) of \(fit.pointCount) points: \(number.value(fit))")
      }
      let (rho, degrees) = (fit.residualAutocorrelation, fit.degreesOfFreedom)
      let theirs = try run.number("autoregressive.rho")
      #expect(
        agree(rho, theirs, tolerance), "rho of \(fit.pointCount) points: \(rho), not \(theirs)")
      // The reciprocal of the degrees of freedom has a kink, which costs the sum some digits.
      let wanted = try run.number("autoregressive.degrees_of_freedom")
      #expect(
        agree(degrees, wanted, max(tolerance, 1e-2)),
        "degrees of \(fit.pointCount) points: \(degrees), not \(wanted)")
    }
  }
}
