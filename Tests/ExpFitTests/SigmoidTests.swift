import ExpCore
import ExpFit
import FoundationEssentials
import Glibc
import Testing

@Suite("The sigmoid in compute")
struct SigmoidTests {
  static func cases() throws -> [JSONValue] {
    let folder = String(#filePath.dropLast("SigmoidTests.swift".count))
    let data = try Data(contentsOf: URL(filePath: folder + "Fixtures/rivals_reference.json"))
    return try JSONValue(parsing: data).elements("cases")
  }

  static func points(_ run: JSONValue) throws -> [CurvePoint] {
    let (steps, compute, scores) = (
      try run.numbers("step"), try run.numbers("compute"), try run.numbers("score")
    )
    return steps.indices.map {
      CurvePoint(
        step: Int(steps[$0]), entropy: 1 - 0.001 * Double($0), score: scores[$0],
        compute: compute[$0])
    }
  }

  static func sigmoid(_ points: [CurvePoint]) throws -> FormComparison {
    try #require(RivalComparison(points).forms.first { $0.form == .sigmoidInCompute })
  }

  @Test("squared errors, AICc, asymptote and held-out errors equal scipy's", arguments: 0..<6)
  func againstReference(index: Int) throws {
    let run = try SigmoidTests.cases()[index]
    let points = try SigmoidTests.points(run)
    let form = try SigmoidTests.sigmoid(points)
    let held = try #require(form.heldOut)
    #expect(agree(try #require(form.aicc), try run.number("aicc"), 1e-6))
    let mean = points.reduce(0) { $0 + $1.score } / Double(points.count)
    let total = points.reduce(0) { $0 + ($1.score - mean) * ($1.score - mean) }
    #expect(abs(try #require(form.r2) - (1 - run.number("sse") / total)) < 1e-8)
    if let asymptote = form.asymptote {
      #expect(agree(asymptote, try run.number("asymptote"), 1e-3))
    }
    #expect(agree(held.rmse, try run.number("held_out_rmse"), 1e-3))
    #expect(abs(held.finalError - (try run.number("held_out_final"))) < 1e-4)
  }

  @Test("its own data come back, and without compute the step stands in for it")
  func ownData() throws {
    let points = (0..<40).map { index in
      let spent = 3 * Double(index)
      return CurvePoint(
        step: 4 * index, entropy: 1 - 0.01 * Double(index),
        score: 0.1 + 0.4 / (1 + pow(30 / spent, 1.3)), compute: 5 + spent)
    }
    let form = try SigmoidTests.sigmoid(points)
    #expect(abs(try #require(form.asymptote) - 0.5) < 1e-5)
    #expect(try #require(form.heldOut).rmse < 1e-5)
    #expect(!RivalComparison(points).stepIsCompute)
    let bare = points.map { CurvePoint(step: $0.step, entropy: $0.entropy, score: $0.score) }
    let comparison = RivalComparison(bare)
    #expect(comparison.stepIsCompute)
    #expect(abs(try #require(comparison.forms[4].asymptote) - 0.5) < 1e-5)
  }

  @Test("compute that falls or is missing at a point is not used")
  func badCompute() throws {
    var points = exactPoints(9, a: 0.3, b: 0.7)
    for index in points.indices { points[index].compute = Double(index) }
    #expect(!RivalComparison(points).stepIsCompute)
    points[4].compute = 1
    #expect(RivalComparison(points).stepIsCompute)
    points[4].compute = nil
    #expect(RivalComparison(points).stepIsCompute)
  }

  @Test("flat, falling, straight and hostile curves give numbers or nothing, never a trap")
  func hostile() throws {
    func points(_ count: Int, _ score: (Int) -> Double, _ compute: Double? = nil) -> [CurvePoint] {
      (0..<count).map {
        CurvePoint(
          step: $0, entropy: 1 - 0.01 * Double($0), score: score($0),
          compute: compute.map { $0 * 1e300 })
      }
    }
    let flat = try SigmoidTests.sigmoid(points(20) { _ in 0.25 })
    #expect(flat.r2 == 0 && flat.aicc == nil && flat.heldOut?.rmse == 0)
    let straight = try SigmoidTests.sigmoid(points(20) { 0.01 * Double($0) })
    #expect(straight.asymptote == nil)
    let falling = try SigmoidTests.sigmoid(points(20) { 1 - 0.01 * Double($0) })
    #expect(try #require(falling.r2) > 0.99)
    for score in [1e300, -1e300, 1e-300] {
      _ = RivalComparison(points(12) { score * Double($0 % 3) })
    }
    _ = RivalComparison(points(12, { Double($0) }, 1))
    for count in 0..<6 { _ = RivalComparison(points(count) { Double($0) }) }
  }
}
