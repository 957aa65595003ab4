import ExpCore
import Foundation
import TestSupport
import Testing

@Suite("What the user sees")
struct UsageTests {
  @Test("Every mistake of a spec is shown at once with its place, and the exit code is 64")
  func mistakes() throws {
    try withTemporaryFolder { folder in
      let spec = """
        experiment: first-try
        task: {name: countdwn}
        train: {algorithm: grpo, learning_rate: 1e-3x}
        grid: {train.step: [100, 200]}
        """
      try write(spec, to: "\(folder)/grid.yaml")
      let check = try ExpProgram.run(["check", "grid.yaml"], in: folder)
      #expect(check.status == 64)
      for place in ["grid.yaml:2:14: ", "grid.yaml:3:41: ", "grid.yaml:4:8: ", "3 errors in"] {
        #expect(check.errors.contains(place), "\(place)")
      }
      #expect(check.errors.contains("help: did you mean 'countdown'?"))
      let sweep = try ExpProgram.run(["sweep", "grid.yaml"], in: folder)
      #expect(sweep.status == 64)
      #expect(!FileManager.default.fileExists(atPath: "\(folder)/runs"))
    }
  }

  @Test(
    "A wrong CSV is refused with file, line and exit code 64",
    arguments: [
      ("run,model_params,step,entropy,score\nx,1k,0,much,0.1\n", "log.csv:2:8: "),
      ("run,model_params,step,entropy\nx,1k,0,0.5\n", "log.csv:1:1: "),
      ("run,model_params,step,entropy,score\nx,1k,0,0.5\n", "log.csv:2:1: "),
      ("run,model_params,step,entropy,score\n", "log.csv:"),
      ("", "log.csv:"),
    ])
  func wrongTable(text: String, place: String) throws {
    try withTemporaryFolder { folder in
      try write(text, to: "\(folder)/log.csv")
      let fit = try ExpProgram.run(["fit", "--csv", "log.csv", "--json"], in: folder)
      #expect(fit.status == 64)
      #expect(fit.output == "")
      #expect(fit.errors.contains(place), "\(fit.errors)")
    }
  }

  @Test("A log from anywhere is fitted without a store: the law's own numbers come back")
  func foreignTable() throws {
    try withTemporaryFolder { folder in
      var text = "run,model_params,step,entropy,score\n"
      for (run, size) in [("x", "1000000.0"), ("y", "10M")] {
        for step in 0...5 {
          let entropy = 1 - 0.15 * Double(step)
          text += "\(run),\(size),\(step),\(entropy),\(0.7 - 0.2 * exp(entropy))\n"
        }
      }
      try write(text, to: "\(folder)/log.csv")
      let fit = try ExpProgram.run(["fit", "--csv", "log.csv", "--json"], in: folder)
      try #require(fit.status == 0, "\(fit.errors)")
      let runs = try #require(try JSONValue(parsing: fit.output.utf8)[path: "runs"]?.array)
      for (run, size) in zip(runs, [1e6, 1e7]) {
        #expect(run[path: "seed"] == .null)
        #expect(run[path: "model_params"]?.number == size)
        #expect(abs((run[path: "a"]?.number ?? 0) - 0.2) < 1e-9)
        #expect(abs((run[path: "ceiling"]?.number ?? 0) - 0.5) < 1e-9)
      }
      #expect(!FileManager.default.fileExists(atPath: "\(folder)/runs"))
    }
  }

  @Test(
    "Questions that cannot be answered leave with 64 and words",
    arguments: [
      ["runs", "status ="], ["runs", "'; DROP TABLE run; --"],
      ["sql", "DELETE FROM run"], ["sql", "SELECT 1; SELECT 2"], ["show", "@nobody"],
      ["fit", "nothing"], ["predict", "--size", "big", "--from", "tiny"],
      ["sweep", "missing.yaml"],
    ])
  func refusals(arguments: [String]) throws {
    try withTemporaryFolder { folder in
      try FileManager.default.createDirectory(
        atPath: "\(folder)/runs", withIntermediateDirectories: true)
      let result = try ExpProgram.run(arguments, in: folder)
      #expect(result.status == 64, "\(result.errors)")
      #expect(result.output == "")
      #expect(result.errors.count > 20)
    }
  }

  @Test("The trainer tells the fingerprint of the sources it was built from, as exp computes it")
  func fingerprint() throws {
    let result = try runTool("\(ExpProgram.folder)/exp-trainer", ["describe"])
    try #require(result.status == 0, "\(result.errors)")
    let told = try JSONValue(parsing: result.output.utf8)[path: "source_fingerprint"]?.string
    #expect(try told == SourceTree.fingerprint(ofPackageAt: Repository.root).hex)
  }
}
