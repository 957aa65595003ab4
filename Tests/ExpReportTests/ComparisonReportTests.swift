import ExpFit
import ExpReport
import Testing

@Suite("What a comparison tells people")
struct ComparisonReportTests {
  /// Runs of two arms whose scores differ by a multiple of the seed.
  private func comparison(seeds: Int, effect: (Int) -> Double, key: String = "control") throws
    -> Comparison
  {
    var curves: [Curve] = []
    for seed in 0..<seeds {
      for arm in ["none", "clip_cov"] {
        var curve = LawSamples.curve(
          "\(arm)\(seed)", size: 14e3, a: 0.2,
          b: 0.6 + (arm == "none" ? 0 : effect(seed)) + 0.003 * Double(seed), seed: seed)
        curve.labels = [key: arm]
        curves.append(curve)
      }
    }
    return try Comparison(curves, by: key)
  }

  @Test("helps, hurts, one pair: each in words, with the number of pairs and both p values")
  func verdicts() throws {
    let helps = ComparisonReport(try comparison(seeds: 3) { 0.1 + 0.002 * Double($0) }).rendered()
    #expect(helps.contains("control: 2 arms, 6 runs, 1 size; each against 'none'"))
    #expect(helps.contains("helps"))
    #expect(helps.contains("with 3 pairs the sign-flip p cannot be below 0.25"))
    let hurts = ComparisonReport(try comparison(seeds: 4) { -0.1 - 0.001 * Double($0) }).rendered()
    #expect(hurts.contains("hurts") && !hurts.contains("helps "))
    let one = ComparisonReport(try comparison(seeds: 1) { _ in 0.1 }).rendered()
    #expect(one.contains("cannot tell: 1 pair"))
    #expect(one.contains("how much another seed would change the difference cannot be known"))
    #expect(one.contains("only these curves"))
    #expect(one.contains("cannot be told from one seed"))
  }

  @Test("absence of a difference is not called equality, and equality has its margin")
  func equality() throws {
    let wide = ComparisonReport(try comparison(seeds: 3) { $0 == 0 ? 0.1 : -0.08 }).rendered()
    #expect(wide.contains("none shown, ≤"))
    #expect(wide.contains("which does not show that there is none"))
    #expect(wide.contains("are equal within 0.02 is not shown"))
    let close = ComparisonReport(
      try comparison(seeds: 4) { [0.0005, -0.0004, 0.0002, -0.0003][$0] }
    ).rendered()
    #expect(close.contains("equal within margin"))
    #expect(close.contains("every two arms' ceilings are equal within 0.02: largest p"))
  }

  @Test("different signs at different sizes are a change of sign only where a test shows one")
  func signs() throws {
    func report(_ effects: [Double], spread: Double) throws -> String {
      var curves: [Curve] = []
      for (index, effect) in effects.enumerated() {
        for seed in 0..<3 {
          for arm in ["none", "clip_cov"] {
            let gain = arm == "none" ? 0 : effect + spread * Double(seed - 1)
            var curve = LawSamples.curve(
              "\(index) \(arm)\(seed)", size: 1e4 * Double(index + 1), a: 0.2, b: 0.6 + gain,
              seed: seed)
            curve.labels = ["control": arm]
            curves.append(curve)
          }
        }
      }
      return ComparisonReport(try Comparison(curves, by: "control")).rendered()
    }
    #expect(
      try report([0.05, -0.05], spread: 0.002).contains("the effect changes its sign with size"))
    let chance = try report([0.001, -0.001], spread: 0.02)
    #expect(!chance.contains("the effect changes its sign"))
    #expect(chance.contains("have both signs, which is not shown to be more than chance (F(1, 4)"))
  }

  @Test("no line is wider than the terminal", arguments: [60, 80, 140])
  func width(columns: Int) throws {
    let report = ComparisonReport(try comparison(seeds: 3) { 0.01 * Double($0) })
    let lines = report.rendered(Style(colour: false, width: columns)).split(separator: "\n")
    #expect(lines.allSatisfy { $0.count <= columns })
  }

  @Test("runs in no pair are named as people call them, and nothing can steer the terminal")
  func names() throws {
    var alone = LawSamples.curve("id7", size: 14e3, a: 0.2, b: 0.6, seed: 7)
    alone.labels = ["control": "\u{1b}[31mred"]
    var other = LawSamples.curve("id8", size: 14e3, a: 0.2, b: 0.6, seed: 8)
    other.labels = ["control": "none"]
    let text = ComparisonReport(
      try Comparison([alone, other], by: "control"), labels: ["id7": "red s7"]
    ).rendered()
    #expect(text.contains("in no pair: red s7, id8") || text.contains("in no pair: id8, red s7"))
    #expect(!text.unicodeScalars.contains("\u{1b}"))
  }
}
