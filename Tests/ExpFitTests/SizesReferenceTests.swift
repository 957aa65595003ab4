import ExpCore
import ExpFit
import FoundationEssentials
import Glibc
import Testing

@Suite("The second stage equals the dense computation")
struct SizesReferenceTests {
  static let names = [
    "balanced", "unbalanced", "one base", "single runs", "no spread of sizes", "one run a base",
    "many", "one uncertain run",
  ]

  private func family(_ name: String) throws -> (JSONValue, [ScalingPoint]) {
    let folder = String(#filePath.dropLast("SizesReferenceTests.swift".count))
    let data = try Data(contentsOf: URL(filePath: folder + "Fixtures/sizes_reference.json"))
    let cases = try JSONValue(parsing: data).elements("cases")
    let found = try #require(cases.first { $0[path: "name"]?.string == name })
    let (sizes, bases) = (try found.numbers("sizes"), try found.numbers("bases"))
    let (values, errors) = (try found.numbers("values"), try found.numbers("errors"))
    return (
      found,
      sizes.indices.map {
        ScalingPoint(
          logSize: log(sizes[$0]), value: values[$0], variance: errors[$0] * errors[$0],
          base: Int(bases[$0]))
      }
    )
  }

  @Test("intercept, slope and covariance under given variances", arguments: names)
  func given(name: String) throws {
    let (family, points) = try family(name)
    let given = try family.numbers("given")
    let line = ScalingLine.Given(points.shuffled(), size: given[0], base: given[1], run: given[2])
    #expect(agree(line.intercept, try family.number("intercept"), 1e-8))
    #expect(agree(line.slope, try family.number("slope"), 1e-8))
    for (own, dense) in zip(line.covariance, try family.numbers("covariance")) {
      #expect(agree(own, dense, 1e-8), "\(own) \(dense)")
    }
  }

  @Test("variances by restricted likelihood", arguments: names)
  func restricted(name: String) throws {
    let (family, points) = try family(name)
    let line = try ScalingLine(points, level: 0.95)
    let own = [line.sizeVariance ?? 0, line.baseVariance ?? 0, line.seedVariance ?? 0]
    let dense = try family.numbers("components")
    let largest = dense.reduce(0, max)
    for (own, dense) in zip(own, dense) {
      #expect(abs(own - dense) <= 2e-6 * largest, "\(own) \(dense)")
    }
  }

  @Test("the interval of a new run under the estimated variances", arguments: names)
  func interval(name: String) throws {
    let (family, points) = try family(name)
    let estimate = try ScalingLine(points, level: 0.95).estimate(at: log(2_700_000))
    let interval = try #require(estimate.interval)
    #expect(agree(interval.low, try family.number("low"), 1e-5))
    #expect(agree(interval.high, try family.number("high"), 1e-5))
  }
}
