import ExpCore
import ExpFit
import FoundationEssentials
import Testing

@Suite("The forecast by both forms equals the dense computation")
struct FormsReferenceTests {
  private func reference() throws -> JSONValue {
    let folder = String(#filePath.dropLast("FormsReferenceTests.swift".count))
    return try JSONValue(
      parsing: try Data(contentsOf: URL(filePath: folder + "Fixtures/forms_reference.json")))
  }

  private func runs(_ reference: JSONValue) throws -> [RunNumbers] {
    func column(_ name: String) throws -> [Double] { try reference.numbers(name) }
    let (sizes, bases) = (try column("size"), try column("base"))
    let (a, b, ceiling) = (try column("a"), try column("b"), try column("ceiling"))
    let errors = (try column("a_se"), try column("b_se"), try column("ceiling_se"))
    return sizes.indices.map {
      RunNumbers(
        size: sizes[$0], baseSeed: Int(bases[$0]), a: a[$0], b: b[$0], ceiling: ceiling[$0],
        aStandardError: errors.0[$0], bStandardError: errors.1[$0],
        ceilingStandardError: errors.2[$0])
    }
  }

  @Test("values, intervals and weight of the line, of the power, and of their average")
  func forecast() throws {
    let reference = try reference()
    let fit = try ScalingFit(try runs(reference).shuffled(), level: 0.95)
    let forecast = fit.forecast(size: try reference.number("target"))
    let line = try #require(forecast.forecast(by: .logLinear))
    let power = try #require(forecast.forecast(by: .powerLaw))
    let interval = try #require(forecast.ceiling.interval)
    let found: [(String, Double)] = [
      ("line", line.ceiling.value), ("power", power.ceiling.value), ("weight", line.weight),
      ("line_half_width", try #require(line.ceiling.interval).width / 2),
      ("power_half_width", try #require(power.ceiling.interval).width / 2),
      ("average", forecast.ceiling.value), ("low", interval.low), ("high", interval.high),
    ]
    #expect(forecast.form == .average)
    for (name, value) in found {
      #expect(agree(value, try reference.number(name), 1e-6), "\(name): \(value)")
    }
  }
}
