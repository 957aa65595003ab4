import Foundation
import Testing
import Trainer
import TrainerProtocol

@Suite("The tables of docs/metrics.md")
struct MetricTablesTests {
  static let file = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "docs/metrics.md").path

  /// What a series means, by the algorithm or setting that records it.
  private static func definitions() -> [(owner: String, texts: [String: String])] {
    var configs: [(String, TrainConfig)] = TrainConfig.Algorithm.allCases.map {
      ($0.rawValue, TrainerFixtures.train($0))
    }
    configs += EntropyControlConfig.Method.allCases.map {
      ($0.rawValue, TrainerFixtures.train(.grpo, $0))
    }
    var rewarded = TrainerFixtures.train(.grpo)
    rewarded.rewardKLCoefficient = 0.1
    rewarded.refillGroups = true
    rewarded.dualClipRatio = 3
    configs.append(("settings", rewarded))
    return configs.map { owner, config in
      var config = config
      config.promptsPerStep = 128
      config.samplesPerPrompt = config.samplesPerPrompt.map { _ in 8 }
      let evaluate = TrainerFixtures.run().evaluate
      let texts = evaluate.map {
        RLDefinitions(train: config, evaluate: $0, promptCount: 16, distinctCount: 16).texts
      }
      let rescored = owner == "settings" ? RLDefinitions.mismatchTexts : [:]
      return (owner, (texts ?? [:]).merging(rescored) { first, _ in first })
    }
  }

  private static func table(_ rows: [(String, String)]) -> String {
    (["| series | definition |", "| --- | --- |"]
      + rows.map { "| `\($0.0)` | \($0.1.replacing("|", with: "\\|")) |" }).joined(separator: "\n")
  }

  @Test("Each definition is the one that runs record")
  func tables() throws {
    let definitions = MetricTablesTests.definitions()
    let names = Set(definitions.flatMap { $0.texts.keys }).sorted()
    let common = names.filter { name in definitions.allSatisfy { $0.texts[name] != nil } }
    let usual = try #require(definitions.first { $0.owner == "grpo" }).texts
    let single = names.filter { !common.contains($0) }.map { name in
      let owners = definitions.filter { $0.texts[name] != nil }
      return ("\(name)", "\(owners[0].texts[name] ?? "")")
    }
    var text = try String(contentsOfFile: MetricTablesTests.file, encoding: .utf8)
    let written = text
    let tables = [
      ("common", MetricTablesTests.table(common.map { ($0, usual[$0] ?? "") })),
      ("single", MetricTablesTests.table(single)),
    ]
    for (name, table) in tables {
      let begin = try #require(text.range(of: "<!-- generated: \(name) -->\n"))
      let end = try #require(
        text.range(of: "<!-- end -->", range: begin.upperBound..<text.endIndex))
      text.replaceSubrange(begin.upperBound..<end.lowerBound, with: "\n\(table)\n\n")
    }
    if ProcessInfo.processInfo.environment["EXP_UPDATE_SCHEMAS"] == "1" {
      try text.write(toFile: MetricTablesTests.file, atomically: true, encoding: .utf8)
    } else {
      #expect(
        text == written,
        "refresh it with EXP_UPDATE_SCHEMAS=1 swift test --filter MetricTablesTests")
    }
  }
}
