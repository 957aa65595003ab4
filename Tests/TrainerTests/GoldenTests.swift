import FoundationEssentials
import TestSupport
import Testing
import Trainer

@Suite("Golden vectors")
struct GoldenTests {
  private static let folder =
    String(#filePath.dropLast("GoldenTests.swift".count)) + "Fixtures/golden"

  private struct Run {
    var isPassed: Bool
    var lines: [String]
  }

  private func run(_ paths: [String]) -> Run {
    var lines: [String] = []
    let isPassed = GoldenCommand.run(paths: paths) { lines.append($0) }
    return Run(isPassed: isPassed, lines: lines)
  }

  private func run(text: String) throws -> Run {
    try withTemporaryFolder { folder in
      let path = "\(folder)/case.json"
      try Data(text.utf8).write(to: URL(filePath: path))
      return run([path])
    }
  }

  @Test("verl's and TRL's own functions agree with ours")
  func peers() {
    let result = run([Self.folder])
    #expect(result.lines.filter { !$0.hasPrefix("pass") } == ["58 passed, 0 failed"])
    #expect(result.isPassed)
  }

  private static func document(
    function: String = "agg_loss", losses: String = "[[1, 3]]", expected: String = #"{"loss": 2}"#
  ) -> String {
    """
    {"schema": 1, "groups": [{"function": "\(function)", "peer": "by hand", "cases": [{
      "name": "one", "dtype": "float64", "inputs": {"loss_mat": \(losses), "loss_mask": [[1, 1]]},
      "params": {"mode": "token-mean"}, "expected": \(expected)}]}]}
    """
  }

  @Test("A right expectation passes, with its errors in the line")
  func passes() throws {
    let result = try run(text: Self.document())
    #expect(result.isPassed && result.lines.last == "1 passed, 0 failed")
    #expect(result.lines[0].hasSuffix("agg_loss: one: absolute 0.0, relative 0.0"))
  }

  @Test(
    "What is wrong, missing, unknown or no number fails, and says so",
    arguments: [
      (document(expected: #"{"loss": 2.00001}"#), "loss[0]: 2.0, expected 2.00001"),
      (document(expected: "{}"), "'expected' has no 'loss'"),
      (document(expected: #"{"loss": "NaN"}"#), "'expected.loss' has something else"),
      (document(expected: #"{"loss": 2, "grad": 1}"#), "nothing computes 'expected.grad'"),
      (document(function: "agg_gain"), "unknown function 'agg_gain'"),
      (document(losses: "[[1, null]]"), "'inputs.loss_mat' has something else"),
      (document(losses: "[[1]]"), "has not the shape of its mask"),
      (document(losses: "[1, 2]"), "has not the shape of its mask"),
      (#"{"schema": 2, "groups": []}"#, "the schema is not 1"),
      (#"{"schema": 1, "groups": []}"#, "no groups"), ("[", "JSON"), ("", "JSON"),
    ])
  func fails(text: String, words: String) throws {
    let result = try run(text: text)
    #expect(!result.isPassed && result.lines.last == "0 passed, 1 failed")
    #expect(result.lines[0].hasPrefix("FAIL ") && result.lines[0].contains(words))
  }

  @Test("Paths without a file, and folders without a case, fail")
  func nothing() throws {
    #expect(!run(["/nowhere/at/all.json"]).isPassed && !run(["/dev/zero"]).isPassed)
    let result = try withTemporaryFolder { folder in run([folder]) }
    #expect(!result.isPassed && result.lines.last == "0 passed, 1 failed")
  }
}
