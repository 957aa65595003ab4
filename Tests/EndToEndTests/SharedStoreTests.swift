import ExpCore
import Foundation
import TestSupport
import Testing

@Suite("Many sweeps, one store")
struct SharedStoreTests {
  /// A spec of a name of its own, whose points other sweeps may have too.
  private func spec(_ name: String, steps: Int, seeds: String) -> String {
    tinySpec(steps: steps).replacing("experiment: tiny", with: "experiment: \(name)")
      .replacing("[14k, 24k]", with: "[14k]").replacing("{from: 0, count: 3}", with: seeds)
  }

  private func expectOnce(_ folder: String, runs expected: Int) throws {
    let paths = try runTool(
      "grep", ["-c", "\"outcome\":\"succeeded\"", "-r", "--include=attempts.jsonl", "runs"],
      in: folder)
    let counts = paths.output.split(separator: "\n").filter { !$0.contains("/bases/") }
    #expect(counts.count == expected)
    #expect(counts.allSatisfy { $0.hasSuffix(":1") }, "\(paths.output)")
    let check = try ExpProgram.run(["db", "check"], in: folder)
    #expect(check.status == 0, "\(check.output)")
    #expect(try recordedValues(in: folder).count == expected)
  }

  @Test("Eight sweeps that share points open a store that is not there yet, all at once")
  func eightAtOnce() throws {
    try withTemporaryFolder { folder in
      let sweeps = try (0..<8).map { number in
        let name = "sweep-\(number)"
        let text = spec(name, steps: 4, seeds: "[\(number), \((number + 1) % 8)]")
        try write(text, to: "\(folder)/\(name).yaml")
        return try ExpProgram.start(
          ["sweep", "\(name).yaml"], in: folder, log: "\(folder)/\(name).log")
      }
      for (number, sweep) in sweeps.enumerated() {
        sweep.waitUntilExit()
        let log = try String(contentsOfFile: "\(folder)/sweep-\(number).log", encoding: .utf8)
        #expect(sweep.terminationStatus == 0, "\(log)")
        #expect(!log.contains("locked") && !log.contains("held by"), "\(log)")
      }
      try expectOnce(folder, runs: 8)
    }
  }

  @Test(
    "A sweep that starts while another one computes its points takes them over when they are done")
  func startedMeanwhile() throws {
    try withTemporaryFolder { folder in
      try write(spec("early", steps: 200, seeds: "[0, 1]"), to: "\(folder)/early.yaml")
      try write(spec("late", steps: 200, seeds: "[1, 2]"), to: "\(folder)/late.yaml")
      let early = try ExpProgram.start(
        ["sweep", "early.yaml"], in: folder, log: "\(folder)/early.log")
      let deadline = Date.now + 60
      while Trainers.midRun(below: folder).isEmpty, early.isRunning, Date.now < deadline {
        usleep(2_000)
      }
      let late = try ExpProgram.run(["sweep", "late.yaml"], in: folder)
      early.waitUntilExit()
      #expect(late.status == 0, "\(late.errors)")
      #expect(early.terminationStatus == 0)
      try expectOnce(folder, runs: 3)
    }
  }
}
