import ExpFit
import Glibc
import Testing

@Suite("Influence of a run's first evaluations")
struct LawInfluenceTests {
  private func noisy(_ count: Int, rho: Double = 0.3) -> [CurvePoint] {
    var noise = Noise(seed: 31)
    return lawPoints(count, sigma: 0.008, rho: rho, noise: &noise)
  }

  @Test("the closed form is the fit of the rest", arguments: [4, 10, 41, 205])
  func closedForm(count: Int) throws {
    let points = noisy(count)
    let fit = try LawFit(points)
    let first = try #require(fit.influence.first)
    let rest = try LawFit(Array(points.dropFirst())).ceiling
    #expect(first.count == 1 && abs(first.change - (rest - fit.ceiling)) < 1e-12)
    #expect(agree(first.inStandardErrors, first.change / fit.ceilingStandardError, 1e-12))
    if count >= 10 {
      let tenth = try #require(fit.influence.firstTenth)
      let expected = Int((Double(count) / 10).rounded(.up))
      let rest = try LawFit(Array(points.dropFirst(expected))).ceiling
      #expect(tenth.count == expected && abs(tenth.change - (rest - fit.ceiling)) < 1e-12)
    }
  }

  @Test("other estimators are fitted again", arguments: [LawMethod.Estimator.huber, .generalised])
  func otherEstimators(estimator: LawMethod.Estimator) throws {
    let points = noisy(41)
    let method = try LawMethod(estimator, errors: .autoregressive)
    let fit = try LawFit(points, method: method)
    let rest = try LawFit(Array(points.dropFirst(5)), method: method)
    let tenth = try #require(fit.influence.firstTenth)
    #expect(tenth.count == 5 && abs(tenth.change - (rest.ceiling - fit.ceiling)) < 1e-12)
  }

  @Test("a start off the law is named with both ceilings; a run on the law is not")
  func warning() throws {
    var points = noisy(60, rho: 0)
    #expect(try !LawFit(points).warnings.contains { $0.kind == .firstPoints })
    for index in 0..<6 { points[index].score += 0.03 }
    let fit = try LawFit(points)
    let found = try #require(fit.warnings.first { $0.kind == .firstPoints })
    #expect(found.message.hasPrefix("without the first 6 points the ceiling is "))
    #expect(found.message.contains("standard errors away"))
    #expect(!found.contradictsLaw)
  }

  @Test("three points leave none to do without, and a rest with one H has no line")
  func none() throws {
    let three = try LawFit(noisy(3))
    #expect(three.influence.first == nil && three.influence.largest == nil)
    var points = noisy(20)
    for index in 2..<20 { points[index].entropy = 0.3 }
    #expect(try LawFit(points).influence.firstTenth == nil)
  }
}
