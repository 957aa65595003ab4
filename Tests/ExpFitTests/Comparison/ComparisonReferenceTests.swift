import ExpCore
import ExpFit
import FoundationEssentials
import Glibc
import Testing

@Suite("Comparisons equal scipy and statsmodels")
struct ComparisonReferenceTests {
  private func reference(_ path: String) throws -> [JSONValue] {
    let folder = String(#filePath.dropLast("Comparison/ComparisonReferenceTests.swift".count))
    let data = try Data(contentsOf: URL(filePath: folder + "Fixtures/compare_reference.json"))
    return try JSONValue(parsing: data).elements(path)
  }

  private func numbers(_ value: JSONValue?) -> [Double] {
    (value?.array ?? []).compactMap(\.number)
  }

  @Test("the tail of F")
  func tail() throws {
    let rows = try reference("f_tail")
    #expect(rows.count == 36)
    for row in rows {
      let values = numbers(row)
      let found = FisherF.upperTail(values[0], values[1], values[2])
      #expect(agree(found, values[3], 1e-10), "\(values) \(found)")
    }
    #expect(FisherF.upperTail(0, 2, 3) == 1)
    #expect(FisherF.upperTail(.infinity, 2, 3) == 0)
  }

  @Test("Holm's p")
  func holm() throws {
    for family in try reference("holm") {
      let own = Holm.adjusted(try family.numbers("p"))
      let other = try family.numbers("adjusted")
      #expect(own.count == other.count)
      for (own, other) in zip(own, other) { #expect(agree(own, other, 1e-12)) }
    }
    #expect(Holm.adjusted([0.01, nil, 0.02] as [Double?]) == [0.02, nil, 0.02])
  }

  @Test("paired t, sign flips, two one-sided tests and g", arguments: 0..<6)
  func paired(index: Int) throws {
    let found = try reference("paired")[index]
    var group = PairGroup(size: 1)
    for (arm, baseline) in zip(try found.numbers("arm"), try found.numbers("baseline")) {
      group.add(arm: arm, baseline: baseline)
    }
    let own = try #require(DifferenceEstimate([group], level: 0.95, margin: 0.02))
    let interval = try #require(own.interval)
    #expect(agree(interval.low, try found.number("low"), 1e-10))
    #expect(agree(interval.high, try found.number("high"), 1e-10))
    #expect(agree(try #require(own.p), try found.number("p"), 1e-9))
    #expect(agree(try #require(own.signFlipP), try found.number("sign_flip_p"), 1e-12))
    #expect(agree(try #require(own.equivalenceP), try found.number("equivalence_p"), 1e-8))
    if let g = found[path: "g"]?.number {
      #expect(agree(try #require(own.hedgesG), g, 1e-9))
    } else {
      #expect(own.hedgesG == nil)
    }
  }

  @Test("the mean of sizes and how they differ", arguments: 0..<3)
  func pooled(index: Int) throws {
    let found = try reference("pooled")[index]
    let values = try found.elements("groups").map { numbers($0) }
    let groups = values.enumerated().map { place, values in
      var group = PairGroup(size: Double(place))
      for value in values { group.add(arm: value, baseline: 0) }
      return group
    }
    let own = try #require(DifferenceEstimate(groups, level: 0.95, margin: nil))
    #expect(agree(own.value, try found.number("value"), 1e-12))
    #expect(agree(try #require(own.standardError), try found.number("error"), 1e-12))
    #expect(agree(try #require(own.degreesOfFreedom), try found.number("df"), 1e-12))
    #expect(agree(try #require(own.interval).low, try found.number("low"), 1e-9))
    #expect(own.spread == .pairs)
    let sizes = try #require(Heterogeneity(groups))
    #expect(agree(sizes.test.f, try found.number("f"), 1e-10))
    #expect(agree(sizes.test.p, try found.number("f_p"), 1e-9))
  }

  @Test("a and b of arms and blocks: F, Wilks, Pillai", arguments: 0..<6)
  func law(index: Int) throws {
    let found = try reference("law")[index]
    let rows = try found.elements("rows").map { row in
      ArmVariance.Row(
        arm: Int(try row.number("arm")), block: Int(try row.number("block")),
        numbers: LawNumbers(
          a: try row.number("a"), b: try row.number("b"), ceiling: try row.number("ceiling")))
    }
    let own = try #require(ArmVariance(rows))
    for (number, name) in ["a", "b", "ceiling"].enumerated() {
      let test = try #require(own.test(of: number))
      let other = try found.numbers("tests.\(name)")
      for (own, other) in zip([test.f, test.numerator, test.denominator, test.p], other) {
        #expect(agree(own, other, 1e-8), "\(name) \(own) \(other)")
      }
    }
    guard let trace = found[path: "pillai"]?.number else {
      #expect(own.joint == nil && own.pillai == nil)
      return
    }
    #expect(agree(try #require(own.pillai), trace, 1e-8))
    let joint = try #require(own.joint)
    let wilks = [joint.f, joint.numerator, joint.denominator, joint.p]
    for (own, other) in zip(wilks, try found.numbers("wilks")) {
      #expect(agree(own, other, 1e-7), "\(own) \(other)")
    }
  }

  @Test("single curves by Johansen's test", arguments: 0..<3)
  func curves(index: Int) throws {
    let found = try reference("curves")[index]
    let laws = try found.elements("laws").map { law in
      CurveLaw(
        a: try law.number("a"), ceiling: try law.number("ceiling"),
        varianceA: try law.number("var_a"), covariance: try law.number("cov"),
        varianceCeiling: try law.number("var_c"), degreesOfFreedom: try law.number("df"))
    }
    let own = try #require(CurveEquality.test(laws))
    #expect(agree(own.f, try found.number("f"), 1e-8))
    #expect(agree(own.denominator, try found.number("df2"), 1e-8))
    #expect(agree(own.p, try found.number("p"), 1e-7))
  }
}
