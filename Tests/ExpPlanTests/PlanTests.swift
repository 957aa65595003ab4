import ExpCore
import ExpPlan
import ExpSpec
import Foundation
import Testing

@Suite("A checked experiment is written out")
struct PlanTests {
  @Test("The sum is that of the axes, less exclusions and duplicates, plus inclusions")
  func arithmetic() throws {
    let plan = try plan(
      """
      grid:
        model.size: [24k, 83k, 303k]
        train.algorithm: [grpo, rloo]
        seed: {from: 0, count: 2}
      zip:
        - {train.learning_rate: [1e-3, 5e-4], train.steps: [100, 200]}
      exclude: ["model.size = 303k and train.algorithm = rloo"]
      include:
        - {model.size: 974k, train.learning_rate: 1e-4}
        - {model.size: 24k, train.learning_rate: 1e-3, train.steps: 100, train.algorithm: grpo}
      hold_out: ["model.size >= 974k", "model.size = 303k and seed = 1"]
      """)
    // 3 sizes x 2 algorithms x 2 seeds x 2 rows = 24; 4 are rloo at 303k; the second inclusion is in the grid.
    #expect(plan.arithmetic.product == 24)
    #expect(plan.arithmetic.excluded == 4)
    #expect(plan.arithmetic.included == 2)
    #expect(plan.arithmetic.duplicates == 1)
    #expect(plan.arithmetic.points == 21)
    // 974k once; 303k grpo seed 1 with two rows.
    #expect(plan.arithmetic.heldOut == 3)
    #expect(plan.points.count == 21)
    #expect(
      plan.arithmetic.sentence
        == "3 model.size × 2 train.algorithm × 2 seed × 2 train.learning_rate with train.steps = 24, "
        + "- 4 excluded, + 2 included, - 1 duplicate = 21 points (3 held out)")
  }

  @Test(
    "Short sums read well",
    arguments: [
      ("", "1 without axes = 1 point"),
      ("grid: {seed: [0, 1, 2]}", "3 seed = 3 points"),
      ("grid: {seed: [0, 1], model.size: [24k, 83k]}", "2 seed × 2 model.size = 4 points"),
      ("include: [{seed: 4}]", "1 without axes, + 1 included = 2 points"),
      ("hold_out: ['seed = 0']", "1 without axes = 1 point (1 held out)"),
    ])
  func sentences(text: String, sentence: String) throws {
    #expect(try plan(text).arithmetic.sentence == sentence)
  }

  @Test("Points keep the order of the grid, the last axis fastest, held-out ones behind")
  func order() throws {
    let plan = try plan(
      """
      grid:
        model.size: [303k, 24k, 83k]
        seed: [1, 0]
      include: [{model.size: 14k, seed: 9}]
      hold_out: ["model.size = 303k"]
      """)
    #expect(
      plan.points.map(\.label)
        == ["24k s1", "24k s0", "83k s1", "83k s0", "14k s9", "303k s1", "303k s0"])
    #expect(plan.points.map(\.index) == Array(0..<7))
    #expect(plan.points.map(\.heldOut) == [false, false, false, false, false, true, true])
    #expect(plan.points.map(\.seed) == [1, 0, 1, 0, 9, 1, 0])
    #expect(plan.points[5].modelParams == 302_720)
    #expect(plan.points[5].sizeLabel == "303k")
    #expect(plan.points[4].assignment.map(\.path).sorted() == ["model.size", "seed"])
  }

  @Test("The order of axes and of values changes neither hashes nor labels")
  func axisOrder() throws {
    let first = try plan(
      """
      grid:
        model.size: [24k, 83k]
        train.entropy_control: [none, {method: clip_cov, token_fraction: 0.01}]
        train.learning_rate: [1e-3, 2e-4]
        seed: [0, 1]
      """)
    let second = try plan(
      """
      grid:
        seed: [1, 0]
        train.learning_rate: [0.0002, 0.001]
        train.entropy_control: [{token_fraction: 1e-2, method: clip_cov}, {method: none}]
        model.size: [83k, 24k]
      """)
    func names(_ plan: Plan) -> [String: String] {
      Dictionary(uniqueKeysWithValues: plan.points.map { ($0.configHash.hex, $0.label) })
    }
    #expect(names(first).count == 16)
    #expect(names(first) == names(second))
    #expect(first.points.map(\.label) != second.points.map(\.label))
    #expect(Set(first.bases.map(\.configHash)) == Set(second.bases.map(\.configHash)))
  }

  @Test("A point and its base policy hash as an independent program hashes them")
  func independentHash() throws {
    let folder = URL(filePath: #filePath).deletingLastPathComponent().path
    let lines = try String(contentsOfFile: folder + "/Fixtures/point_hash.txt", encoding: .utf8)
      .split(separator: "\n").map(String.init)
    let plan = try plan(
      """
      seed: 7
      """,
      overrides: [
        "task.numbers=[[4, 3]]", "train.entropy_control=clip_cov",
        "train.learning_rate={at: 83232, value: 2.5e-4, power: -0.5}",
      ])
    #expect(plan.points.map(\.configHash.hex) == [lines[0]])
    #expect(plan.points.map(\.baseHash.hex) == [lines[1]])
    #expect(plan.bases.map(\.configHash.hex) == [lines[1]])
    #expect(ContentHash(of: plan.points[0].config).hex == lines[0])
    #expect(ContentHash(of: plan.points[0].baseConfig).hex == lines[1])
  }

  @Test("Exclusions see sizes by name and number, controls by method, and every resolved path")
  func lookups() throws {
    let axes = """
      grid:
        model.size: [24k, 83k]
        train.entropy_control: [none, {method: kl_cov, coefficient: 2}, clip_cov]

      """
    func labels(_ condition: String) throws -> [String] {
      try plan(axes + "exclude: ['\(condition)']").points.map(\.label)
    }
    // One value left of an axis: it does not vary, and no label names it.
    #expect(try labels("model.size = 24k") == ["none", "kl_cov", "clip_cov"])
    #expect(try labels("model.params > 5e4") == ["none", "kl_cov", "clip_cov"])
    #expect(try labels("not train.entropy_control = kl_cov") == ["24k", "83k"])
    #expect(
      try labels("train.entropy_control.coefficient = 2 and model.size = 83k")
        == ["24k none", "24k kl_cov", "24k clip_cov", "83k none", "83k clip_cov"])
    #expect(
      try labels("train.entropy_control ~ cov and base.steps = 1200") == ["24k", "83k"])
  }

  @Test("A warning of many points is given once, and not again where it is known")
  func warnings() throws {
    let text = """
      train: {algorithm: grpo, updates_per_rollout: 1, entropy_control: kl_cov}
      grid: {seed: {from: 0, count: 5}}
      """
    let spec = try #require(
      SpecLoader.load(
        text: "experiment: x\ntask: {name: prog}\nmodel: {size: 24k}\n" + text, path: "x.yaml"
      ).spec)
    let expansion = Plan.expand(spec)
    #expect(expansion.plan?.points.count == 5)
    #expect(
      expansion.diagnostics.map(\.message)
        == ["kl_cov has no effect with one update per rollout"])
    #expect(Plan.expand(spec, reported: expansion.diagnostics).diagnostics == [])
  }

  @Test("A base policy is shared by every point that starts from it")
  func bases() throws {
    let plan = try plan(
      """
      grid:
        base.seed: [0, 1]
        model.size: [24k, 83k]
        train.algorithm: [grpo, reinforce]
        seed: [0, 1]
      hold_out: ["model.size = 24k"]
      """)
    #expect(plan.bases.map(\.label) == ["83k b0", "83k b1", "24k b0", "24k b1"])
    #expect(
      plan.bases.map(\.points) == [
        [0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11], [12, 13, 14, 15],
      ])
    #expect(plan.bases[2].modelParams == 23_680)
    #expect(Set(plan.bases[0].config.object?.keys.sorted() ?? []) == ["base", "model", "task"])
    for base in plan.bases {
      #expect(base.points.allSatisfy { plan.points[$0].baseHash == base.configHash })
    }
  }

  @Test("Errors of points are collected, but not those of excluded points")
  func errors() throws {
    let text = """
      grid:
        train.algorithm: [grpo, reinforce, rloo]
        train.samples_per_prompt: [1, 4]

      """
    let unchecked = SpecLoader.load(text: commonSpec + text, path: "planned.yaml")
    #expect(unchecked.spec == nil)
    let plan = try plan(
      text + "exclude: ['train.samples_per_prompt = 1 and train.algorithm != reinforce']")
    #expect(plan.points.count == 4)
  }

  @Test("A grid too large to write out is refused before it is begun")
  func tooLarge() throws {
    let spec = try spec(
      """
      grid:
        seed: {from: 0, count: 100000}
        base.seed: {from: 0, count: 100000}
      """)
    let expansion = Plan.expand(spec)
    #expect(expansion.plan == nil)
    #expect(
      expansion.diagnostics.map(\.message) == [
        "the grid has more than 2000000 combinations: 100000 seed × 100000 base.seed"
      ])
  }

  @Test("A plan without points is an error")
  func empty() throws {
    let (spec, _) = SpecLoader.load(
      text: commonSpec + "grid: {seed: [0, 1]}\nexclude: ['seed < 5']", path: "planned.yaml")
    let expansion = Plan.expand(try #require(spec))
    #expect(expansion.plan == nil)
    #expect(
      expansion.diagnostics.map(\.message)
        == ["no point is left: 2 seed, - 2 excluded = 0 points"])
  }

  @Test("Ten thousand points are all different, and found by label and by hash")
  func large() throws {
    let plan = try plan(
      """
      grid:
        model.size: [14k, 24k, 83k, 151k, 303k]
        train.entropy_control: [none, kl_cov]
        train.learning_rate: [1e-3, 2e-4, 1e-4, 5e-5]
        seed: {from: 0, count: 250}
      """)
    #expect(plan.points.count == 10_000)
    #expect(Set(plan.points.map(\.configHash)).count == 10_000)
    #expect(Set(plan.points.map(\.label)).count == 10_000)
    #expect(plan.bases.count == 5)
    let point = try #require(plan.point(named: "303k kl_cov learning_rate=0.00005 s249"))
    #expect(point.index == 9_999)
    #expect(plan.point(named: String(point.configHash.hex.prefix(12))) == point)
    #expect(plan.point(named: "") == nil)
    #expect(plan.point(named: "999k") == nil)
  }
}
