import ExpCore
import Foundation
import TestSupport
import Testing

@Suite("A sweep prunes by what its runs recorded, end to end")
struct PruneSweepTests {
  @Test("an arm out of reach is pruned, stays so, is in no fit, and goes on when asked")
  func pruned() throws {
    try withTemporaryFolder { folder in
      let sweep = try ForgedSweep(folder)
      try sweep.interrupt("0.002", after: 9)
      let stopped = try sweep.run()
      try #require(
        stopped.status == 0 && stopped.errors.contains("1 run was pruned"), "\(stopped.errors)")
      #expect(try sweep.states() == ["0.001": "succeeded", "0.002": "pruned"])
      let again = try sweep.run()
      #expect(again.status == 0 && again.errors.contains("points are done or pruned"))
      let fit = try ExpProgram.run(["fit", "forged"], in: folder)
      #expect(fit.errors.contains("is pruned after 9 of 12 steps"))
      #expect(try sweep.run(["--rerun", "pruned"]).status == 0)
      #expect(try sweep.states() == ["0.001": "succeeded", "0.002": "succeeded"])
    }
  }

  @Test("a run that has made its last evaluation is not stopped, for that would save nothing")
  func measured() throws {
    try withTemporaryFolder { folder in
      let sweep = try ForgedSweep(folder)
      try sweep.interrupt("0.002", after: 12)
      let ended = try sweep.run()
      #expect(ended.status == 0 && !ended.errors.contains("pruned"))
      #expect(try sweep.states() == ["0.001": "succeeded", "0.002": "succeeded"])
    }
  }

  @Test("what is run anew is not judged by what its earlier life measured")
  func anew() throws {
    try withTemporaryFolder { folder in
      let sweep = try ForgedSweep(folder)
      let ended = try sweep.run(["--rerun", "all"])
      #expect(ended.status == 0 && !ended.errors.contains("pruned"))
      for run in sweep.runs.values {
        #expect(FileManager.default.fileExists(atPath: "\(folder)/runs/\(run)/attempts-1"))
      }
    }
  }
}

/// A finished sweep of two learning rates whose records say that one has a ceiling of 0.6 and the other of 0.3.
private struct ForgedSweep {
  private static let spec = """
    experiment: forged
    task: {name: countdown, numbers: [3, 4]}
    model: {size: 14k}
    base: {steps: 20, batch_size: 32, warmup_steps: 5}
    train: {algorithm: grpo, steps: 12, prompts_per_step: 8}
    evaluate: {every: 1, prompts: 16, samples: 2}
    grid: {train.learning_rate: [1e-3, 2e-3]}
    prune: {}
    """

  private let folder: String
  /// Ids by learning rate.
  let runs: [String: String]

  init(_ folder: String) throws {
    self.folder = folder
    // Without the rule, so that what the trainer makes of it does not matter.
    let spec = Self.spec.replacing("prune: {}", with: "")
    try write(spec, to: "\(folder)/forged.yaml")
    let ended = try ExpProgram.run(["sweep", "forged.yaml"], in: folder)
    try #require(ended.status == 0, "\(ended.errors)")
    try write(Self.spec, to: "\(folder)/forged.yaml")
    runs = try Self.rows(folder).mapValues(\.id)
    for (rate, b) in [("0.001", 0.7), ("0.002", 0.4)] {
      let run = try #require(runs[rate])
      try Self.rewrite("\(folder)/runs/\(run)/events.jsonl") { Self.forged($0, b: b) }
    }
  }

  func run(_ arguments: [String] = []) throws -> ToolResult {
    try ExpProgram.run(["sweep", "forged.yaml"] + arguments, in: folder)
  }

  func states() throws -> [String: String] { try Self.rows(folder).mapValues(\.state) }

  /// Makes a run look as if its trainer had died after recording a step.
  func interrupt(_ rate: String, after last: Int) throws {
    let run = try #require(runs[rate])
    let path = "\(folder)/runs/\(run)"
    for name in ["result.json", "checkpoints", "attempts.jsonl"] {
      try FileManager.default.removeItem(atPath: "\(path)/\(name)")
    }
    try Self.rewrite("\(path)/events.jsonl") { event in
      let isKept =
        event[path: "event"] == "attempt"
        || (event[path: "event"] == "metrics" && event[path: "step"]?.integer ?? 0 <= last)
      return isKept ? .some(event) : .none
    }
  }

  private static func rows(_ folder: String) throws -> [String: (id: String, state: String)] {
    let listed = try ExpProgram.run(["runs", "--json"], in: folder)
    var rows: [String: (String, String)] = [:]
    for row in try #require(try JSONValue(parsing: listed.output.utf8).array) {
      let label = try #require(row[path: "label"]?.string)
      let rate = label.replacing("learning_rate=", with: "")
      rows[rate] = try (#require(row[path: "id"]?.string), #require(row[path: "status"]?.string))
    }
    return rows
  }

  private static func rewrite(_ path: String, _ change: (JSONValue) -> JSONValue?) throws {
    let text = try String(contentsOf: URL(filePath: path), encoding: .utf8)
    let lines = try text.split(separator: "\n").compactMap { line in
      change(try JSONValue(parsing: line.utf8))?.canonicalJSON
    }
    try write(lines.joined(separator: "\n") + "\n", to: path)
  }

  /// An evaluation on the law R = b - 0.1 exp(H), with small errors; every other event as it is.
  private static func forged(_ event: JSONValue, b: Double) -> JSONValue {
    guard event[path: "event"] == "metrics", let step = event[path: "step"]?.integer else {
      return event
    }
    let entropy = 1 - 0.07 * Double(step)
    let error = (step / 2).isMultiple(of: 2) ? 0.001 : -0.001
    var changed = event
    changed[path: "values.entropy"] = .number(entropy)
    changed[path: "values.val_score"] = .number(b - 0.1 * exp(entropy) + error)
    return changed
  }
}
