import ExpCore
import ExpSpec
import Foundation
import TestSupport
import Testing

@Suite("Loading specs")
struct LoaderTests {
  private func load(_ text: String, _ overrides: [String] = []) -> (ExperimentSpec?, String) {
    let (spec, diagnostics) = SpecLoader.load(text: text, path: "x.yaml", overrides: overrides)
    return (spec, diagnostics.map(\.rendered).joined(separator: "\n"))
  }

  private func axes(_ spec: ExperimentSpec?) -> [String] {
    (spec?.grid ?? []).map { "\($0.path)=\(JSONValue.array($0.values).canonicalJSON)" }
  }

  static let head = ResolveTests.head + "grid:\n  seed: [0, 1]\n  train.steps: [10, 20]\n"

  @Test("A scalar override sets the document and removes the axis; a list replaces or makes one")
  func overrides() throws {
    let (spec, words) = load(
      LoaderTests.head,
      [
        "train.steps=40", "seed=[5,6,7]", "train.entropy_control=[none, {method: kl_cov}]",
        "model.size=83k",
        "train.learning_rate=1e-3",
      ])
    #expect(words == "")
    #expect(
      axes(spec) == [#"seed=[5,6,7]"#, #"train.entropy_control=["none",{"method":"kl_cov"}]"#])
    #expect(spec?.document[path: "train.steps"] == 40)
    #expect(spec?.document[path: "train.learning_rate"] == 1e-3)
    #expect(spec?.document[path: "model"] == ["size": "83k"])
    #expect(spec?.grid.first?.location == nil && spec?.location(of: "train.steps") == nil)
    #expect(spec?.location(of: "task.name") == SourceLocation(file: "x.yaml", line: 2, column: 14))
  }

  @Test(
    "Overrides reach what does not belong to a point, seeds by count, and axes that move together")
  func moreOverrides() throws {
    let text = ResolveTests.head + "zip: [{seed: [0, 1], base.seed: [0, 1]}]\n"
    let (spec, words) = load(
      text,
      [
        "limits.timeout=90s", "experiment=other", "seed=[8,9]", "trainer.command=[a, b]",
        "train={steps: 30}",
      ])
    #expect(words.isEmpty)
    #expect(spec?.limits.timeoutSeconds == 90 && spec?.name == "other")
    #expect(spec?.trainerCommand == ["a", "b"] && spec?.grid.isEmpty == true)
    #expect(spec?.zips.first?.map(\.path) == ["seed", "base.seed"])
    #expect(spec?.zips.first?.first?.values == [8, 9])
    #expect(spec?.document[path: "train"] == ["algorithm": "grpo", "steps": 30])
    let (counted, _) = load(ResolveTests.head, ["seed={from: 3, count: 2}"])
    #expect(axes(counted) == ["seed=[3,4]"])
  }

  @Test(
    "A wrong override is named, and has no place in a file",
    arguments: [
      ("train.steps", "error: override 'train.steps': there is no '='\n  expected key=value"),
      ("train.steps=", "error: override 'train.steps=': there is no value\n  expected key=value"),
      (
        "train.stepz=3",
        "error: override 'train.stepz=3': there is no key 'train.stepz'\n  expected a dotted key such as train.steps\n"
          + "  help: did you mean 'train.steps'?"
      ),
      (
        "train.steps=many",
        "error: override 'train.steps=many': 'train.steps' cannot be 'many'\n  expected a whole number from 1 to 10000000"
      ),
      (
        "seed=[1,1]",
        "error: override 'seed=[1,1]': the value 1 of 'seed' is given again here\n  help: remove one of them\n"
          + "  note: it is first given here"
      ),
      (
        "seed=012",
        "error: override 'seed=012': '012' begins with 0, which some readers take for octal\n"
          + "  help: drop the leading zeros, or put it in quotes if it is text"
      ),
      (
        "train.samples_per_prompt=1",
        "error: override 'train.samples_per_prompt=1': grpo compares the answers to one prompt, and there is only one\n"
          + "  expected samples_per_prompt of at least 2\n  x.yaml:4:20: note: 'train.algorithm' is given here"
      ),
      (
        "seed=\0",
        "error: override 'seed=?': the file has a NUL character\n  help: is it a text file?"
      ),
    ])
  func wrongOverrides(text: String, expected: String) {
    let (spec, words) = load(LoaderTests.head, [text])
    #expect(spec == nil)
    #expect(words == expected)
  }

  @Test(
    "What is extended lies below: maps merge, lists are replaced, an inherited axis gives way to a setting"
  )
  func extends() throws {
    try withTemporaryFolder { folder in
      try write(
        """
        experiment: parent
        task: {name: countdown, numbers: [3], max_target: 50}
        model: {width: 64, layers: 2, heads: 4}
        train: {algorithm: grpo, entropy_control: {method: kl_cov, coefficient: 2}, learning_rate: {at: 24k, value: 1e-3, power: -1}}
        grid: {train.steps: [1, 2], seed: [0, 1], train.beta1: [0.5, 0.6]}
        exclude: [seed = 0]
        limits: {timeout: 1h, retries: 5}
        """, to: folder + "/parent.yaml")
      try write(
        """
        extends: parent.yaml
        task: {numbers: 4}
        model: {size: 24k}
        train: {entropy_control: {method: kl_cov, token_fraction: 0.5}, steps: 7}
        grid: {seed: [4], train.learning_rate.power: [-0.5, 0]}
        exclude: []
        limits: {retries: 1}
        """, to: folder + "/child.yaml")
      let (spec, diagnostics) = SpecLoader.load(path: folder + "/child.yaml")
      #expect(diagnostics.isEmpty)
      let found = try #require(spec)
      #expect(found.name == "parent")
      #expect(
        found.document[path: "task"] == ["name": "countdown", "numbers": 4, "max_target": 50])
      #expect(found.document[path: "model"] == ["size": "24k"])
      #expect(
        found.document[path: "train.entropy_control"]
          == ["method": "kl_cov", "coefficient": 2, "token_fraction": 0.5])
      #expect(
        axes(found) == ["seed=[4]", "train.beta1=[0.5,0.6]", "train.learning_rate.power=[-0.5,0]"])
      #expect(found.exclude.isEmpty)
      #expect(found.limits.timeoutSeconds == 3600 && found.limits.retries == 1)
      #expect(found.files.keys.sorted() == [folder + "/child.yaml", folder + "/parent.yaml"])
      #expect(found.location(of: "task.max_target")?.file == folder + "/parent.yaml")
      // 24k has 23,680 parameters: 1e-3 * (23680 / 24000)^0 = 1e-3.
      let point = try found.resolve([("train.learning_rate.power", 0)])
      #expect(point[path: "train.learning_rate"] == 1e-3)
    }
  }

  @Test("Only regular files of at most 1 MiB are read")
  func files() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/big.yaml"
      try write(ResolveTests.head + String(repeating: "#", count: 1 << 20), to: path)
      #expect(
        SpecLoader.load(path: path).diagnostics.map(\.message) == [
          "cannot read '\(path)': it is larger than 1 MiB"
        ])
      #expect(
        SpecLoader.load(path: folder).diagnostics.map(\.message) == [
          "cannot read '\(folder)': it is not a regular file"
        ])
      #expect(
        SpecLoader.load(path: "/dev/zero").diagnostics.map(\.message)
          == ["cannot read '/dev/zero': it is not a regular file"])
      let none = folder + "/none.yaml"
      #expect(
        SpecLoader.load(path: none).diagnostics.map(\.rendered) == [
          "error: cannot read '\(none)': there is no such file"
        ])
    }
  }

  @Test("A chain of specs that never ends is cut")
  func chain() throws {
    try withTemporaryFolder { folder in
      for index in 0..<40 {
        try write("extends: s\(index + 1).yaml\n", to: "\(folder)/s\(index).yaml")
      }
      let messages = SpecLoader.load(path: folder + "/s0.yaml").diagnostics.map(\.message)
      #expect(messages.contains("more than 16 specs extend one another"))
    }
  }

  @Test("A million seeds are counted, not written")
  func manySeeds() throws {
    let (spec, words) = load(ResolveTests.head + "grid: {seed: {from: 5, count: 1000000}}\n")
    #expect(words == "")
    #expect(spec?.grid.first?.values.count == 1_000_000)
    #expect(spec?.grid.first?.values.last == 1_000_004)
  }

  private func write(_ text: String, to path: String) throws {
    try text.write(toFile: path, atomically: true, encoding: .utf8)
  }
}
