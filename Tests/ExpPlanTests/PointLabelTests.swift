import ExpCore
import ExpPlan
import Testing

@Suite("Labels name what varies")
struct PointLabelTests {
  @Test(
    "Labels",
    arguments: [
      ("", ["83k grpo s0"]),
      ("grid: {seed: [3]}", ["83k grpo s3"]),
      ("grid: {train.algorithm: [grpo, rloo]}", ["grpo", "rloo"]),
      (
        "grid: {seed: [0, 1], train.entropy_control: [none, clip_cov], model.size: [83k]}",
        ["none s0", "clip_cov s0", "none s1", "clip_cov s1"]
      ),
      // Two settings of one method are told apart by what differs between them.
      (
        "grid: {train.entropy_control: [kl_cov, {method: kl_cov, token_fraction: 0.01}, none]}",
        ["kl_cov(token_fraction=0.02)", "kl_cov(token_fraction=0.01)", "none"]
      ),
      // Settings of one name are told apart by their section.
      (
        "grid: {train.steps: [10, 20], base.steps: [100, 200], train.filter_groups: [true, false]}",
        [
          "base.steps=100 filter_groups=true train.steps=10",
          "base.steps=100 filter_groups=false train.steps=10",
          "base.steps=200 filter_groups=true train.steps=10",
          "base.steps=200 filter_groups=false train.steps=10",
          "base.steps=100 filter_groups=true train.steps=20",
          "base.steps=100 filter_groups=false train.steps=20",
          "base.steps=200 filter_groups=true train.steps=20",
          "base.steps=200 filter_groups=false train.steps=20",
        ]
      ),
      (
        "grid: {task.numbers: [3, [3, 4]]}\ninclude: [{train.temperature: 0.5}]",
        [
          "numbers=[3] temperature=1", "numbers=[3,4] temperature=1",
          "numbers=[4] temperature=0.5",
        ]
      ),
      // A setting that follows the size by a rule shows the number it came to.
      (
        "grid: {model.size: [24k], train.learning_rate: [{at: 23680, value: 1e-3, power: 1}, 1e-4]}",
        ["learning_rate=0.001", "learning_rate=0.0001"]
      ),
    ])
  func labels(text: String, expected: [String]) throws {
    #expect(try plan(text).points.map(\.label) == expected)
  }

  @Test("Shapes without a name are known by their parameters, and by their hash where those agree")
  func shapes() throws {
    let plan = try plan(
      """
      grid:
        model:
          - {size: 24k}
          - {width: 32, layers: 2, heads: 1}
          - {width: 32, layers: 2, heads: 4}
          - {width: 64, layers: 1, heads: 2}
          - {width: 512, layers: 6, heads: 8}
      """)
    let labels = plan.points.map(\.label)
    #expect(labels.count == Set(labels).count)
    #expect(labels[0] == "24k")
    #expect(labels[1] == "23.7k #\(plan.points[1].configHash.hex.prefix(8))")
    #expect(labels[2] == "23.7k #\(plan.points[2].configHash.hex.prefix(8))")
    #expect(labels[4] == "18.8m")
  }
}
