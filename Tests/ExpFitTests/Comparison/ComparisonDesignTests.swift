import ExpFit
import Testing

/// A run whose score rises to `last`, with a law of ceiling `last` + 0.02.
func comparedRun(
  _ id: String, _ labels: [String: String], size: Double = 14e3, seed: Int? = 0,
  baseSeed: Int? = nil, last: Double = 0.5, steps: Int = 10, entropy: Double = 0.2,
  definition: String? = nil, isHeldOut: Bool = false
) -> Curve {
  Curve(
    id: id, modelParams: size, seed: seed, baseSeed: baseSeed, labels: labels,
    definition: definition, isHeldOut: isHeldOut,
    points: (0...steps).map { step in
      let left = Double(steps - step) / Double(max(1, steps))
      return CurvePoint(step: step, entropy: entropy + left, score: last - 0.3 * left)
    })
}

@Suite("Arms and blocks of a comparison")
struct ComparisonDesignTests {
  private func ids(_ design: ComparisonDesign, _ curves: [Curve]) -> [[[String]]] {
    design.blocks.map { $0.runs.map { $0.map { curves[$0].id } } }
  }

  @Test("runs are pairs where size, seeds and the other keys agree")
  func blocks() throws {
    var curves: [Curve] = []
    for arm in ["none", "clip"] {
      for task in ["x", "y"] {
        for seed in 0..<2 {
          curves.append(
            comparedRun("\(arm)\(task)\(seed)", ["by": arm, "task": task], seed: seed))
        }
      }
    }
    let design = try ComparisonDesign(curves, by: "by")
    #expect(design.arms == ["none", "clip"])
    #expect(design.blocking == ["task"])
    #expect(design.blocks.count == 4)
    #expect(design.blocks.allSatisfy { $0.runs.map(\.count) == [1, 1] })
    #expect(design.blocks.map(\.name).contains("seed 1, task y"))
    #expect(ids(design, curves).contains([["nonex0"], ["clipx0"]]))
  }

  @Test("a key that follows the arm keeps no pair apart and is named")
  func following() throws {
    var curves: [Curve] = []
    for seed in 0..<2 {
      curves.append(comparedRun("g\(seed)", ["alg": "grpo", "lr": "1"], seed: seed))
      curves.append(
        comparedRun("p\(seed)", ["alg": "prime", "lr": "2", "beta": "0.05"], seed: seed))
    }
    let design = try ComparisonDesign(curves, by: "alg")
    #expect(design.following == ["lr"])
    #expect(design.ownSettings == ["beta"])
    #expect(design.blocking.isEmpty && design.blocks.count == 2)
  }

  @Test("so does one that arm and other keys fix together")
  func followingInPart() throws {
    // spo has no clip ratio without clip_higher; grpo has 0.2 there.
    let rows: [(String, String, String?)] = [
      ("grpo", "none", "0.2"), ("grpo", "clip_higher", "0.28"),
      ("spo", "none", nil), ("spo", "clip_higher", "0.28"),
    ]
    let curves = rows.flatMap { algorithm, control, ratio -> [Curve] in
      (0..<2).map { (seed: Int) in
        comparedRun(
          "\(algorithm)-\(control)-\(seed)",
          ["alg": algorithm, "control.method": control].merging(
            ratio.map { ["clip": $0] } ?? [:], uniquingKeysWith: { $1 }), seed: seed)
      }
    }
    let design = try ComparisonDesign(curves, by: "alg")
    #expect(design.followingInPart == ["clip"])
    #expect(design.blocking == ["control.method"])
    #expect(design.blocks.count == 4)
    #expect(design.blocks.allSatisfy { $0.runs.map(\.count) == [1, 1] })
  }

  @Test("a key that varies inside the arms stays a block, and what it separates is said")
  func separating() throws {
    let curves = ["1", "2"].flatMap { value -> [Curve] in
      (0..<2).flatMap { (seed: Int) -> [Curve] in
        [
          comparedRun("a\(value)\(seed)", ["by": "a", "own": value], seed: seed),
          comparedRun("b\(value)\(seed)", ["by": "b", "own": "9" + value], seed: seed),
        ]
      }
    }
    let comparison = try Comparison(curves, by: "by")
    #expect(comparison.design.separations.map(\.arm) == ["a", "b"])
    #expect(comparison.design.separations.map(\.label) == ["own", "own"])
    #expect(comparison.unpaired.count == 8)
    #expect(comparison.warnings[0].contains("without pairs"))
    #expect(comparison.measures.allSatisfy { $0.bySize.allSatisfy { $0.pairs.isEmpty } })
    #expect(comparison.measures[0].bySize[0].verdict == .cannotTell(reason: "no pair"))
  }

  @Test("runs without a partner, without the key, and repeated ones are named")
  func leftovers() throws {
    let curves = [
      comparedRun("a0", ["by": "a"], seed: 0, last: 0.5),
      comparedRun("b0", ["by": "b"], seed: 0, last: 0.6),
      comparedRun("b0 again", ["by": "b"], seed: 0, last: 0.8),
      comparedRun("a1", ["by": "a"], seed: 1), comparedRun("other", [:], seed: 0),
      comparedRun("c2", ["by": "c"], seed: 2, isHeldOut: true),
    ]
    let comparison = try Comparison(curves, by: "by", baseline: "a", measures: [.lastScore])
    #expect(comparison.unpaired == ["a1", "c2"])
    #expect(comparison.design.withoutKey == ["other"])
    #expect(comparison.design.repeated == [["b0", "b0 again"]])
    let b = try #require(comparison.measures[0].bySize.first { $0.arm == "b" })
    #expect(b.pairs.count == 1)
    #expect(agree(try #require(b.estimate).value, 0.2, 1e-12))
    #expect(b.verdict == .cannotTell(reason: "1 pair"))
  }

  @Test("metrics of different definitions make no pair")
  func definitions() throws {
    let curves = [
      comparedRun("a", ["by": "a"], definition: "greedy"),
      comparedRun("b", ["by": "b"], definition: "sampled"),
    ]
    let comparison = try Comparison(curves, by: "by")
    #expect(comparison.design.mixesDefinitions)
    #expect(comparison.unpaired == ["a", "b"])
    let known = [curves[0], comparedRun("b", ["by": "b"])]
    #expect(try Comparison(known, by: "by").unpaired.isEmpty)
  }

  @Test("a key that does not vary is refused, and those that do are named")
  func refusals() throws {
    let curves = [
      comparedRun("a", ["by": "x", "lr": "1"]), comparedRun("b", ["by": "x", "lr": "2"]),
    ]
    #expect(throws: NoFit("'by' is x in every run; these vary: lr")) {
      try Comparison(curves, by: "by")
    }
    #expect(throws: NoFit("no run has a key 'bye'; these vary: lr")) {
      try Comparison(curves, by: "bye")
    }
    #expect(throws: NoFit("no run has a key 'by'; no key varies but size and seeds")) {
      try Comparison([], by: "by")
    }
    #expect(throws: NoFit("'3' is no value of lr; there are 1, 2")) {
      try Comparison(curves, by: "lr", baseline: "3")
    }
    #expect(throws: NoFit.self) { try Comparison(curves, by: "lr", margin: 0) }
    #expect(throws: NoFit.self) { try Comparison(curves, by: "lr", margin: .nan) }
    #expect(throws: NoFit.self) { try Comparison(curves, by: "lr", level: 1) }
  }

  @Test(
    "the baseline is the arm with the plainest name, else the first",
    arguments: [
      (["clip", "none", "grpo"], "none"), (["rloo", "grpo"], "grpo"), (["2", "1"], "2"),
      (["true", "false"], "false"),
    ])
  func baseline(arms: [String], expected: String) {
    #expect(Comparison.standardBaseline(of: arms) == expected)
  }
}
