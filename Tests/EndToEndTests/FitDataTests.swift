import ExpCore
import Foundation
import TestSupport
import Testing

@Suite("What is fitted, end to end")
struct FitDataTests {
  private func fit(_ arguments: String..., in folder: String) throws -> JSONValue {
    let fit = try ExpProgram.run(["fit", "tiny", "--json"] + arguments, in: folder)
    // 1 says that no run has a law: these runs learn next to nothing, and the groups may all be dropped.
    try #require(fit.status == 0 || fit.status == 1, "\(fit.errors)")
    return try JSONValue(parsing: fit.output.utf8)
  }

  @Test(
    "A sweep's curves carry compute and prompts, pair as the paper does, and name unfinished runs")
  func sweep() throws {
    try withTemporaryFolder { folder in
      try write(tinySpec(steps: 16), to: "\(folder)/tiny.yaml")
      let sweep = try ExpProgram.run(["sweep", "tiny.yaml"], in: folder)
      try #require(sweep.status == 0, "\(sweep.errors)")
      let plain = try fit(in: folder)
      let run = try #require(plain[path: "runs"]?.array?.first)
      #expect(plain[path: "pairing"]?.string == "validation")
      #expect(run[path: "rivals.step_as_compute"]?.bool == false)
      #expect((run[path: "prompts"]?.integer ?? 0) > 0)
      let paper = try fit("--pairing", "paper", in: folder)
      #expect(paper[path: "data_sha256"] != plain[path: "data_sha256"])
      #expect(
        paper[path: "definitions"]?.array?.first?[path: "definition"]?.string?
          .hasPrefix("entropy_train: ") == true)
      let id = try #require(run[path: "id"]?.string)
      try FileManager.default.removeItem(atPath: "\(folder)/runs/\(id)/result.json")
      let words = try ExpProgram.run(["fit", "tiny"], in: folder)
      #expect(words.errors.contains("(\(id)) is "))
      #expect(words.errors.contains(" after 16 of 16 steps"))
      let partial = try fit("--include-unfinished", in: folder)
      let unfinished = try #require(partial[path: "unfinished_runs"]?.array?.first)
      #expect(unfinished[path: "run.id"]?.string == id && unfinished[path: "step"]?.integer == 16)
    }
  }

  @Test("Pipes, folders and files that are not there are refused at once with 64")
  func noFiles() throws {
    try withTemporaryFolder { folder in
      #expect(mkfifo("\(folder)/pipe", 0o600) == 0)
      for name in ["pipe", ".", "missing.csv", "/dev/zero"] {
        let fit = try ExpProgram.run(["fit", "--csv", name], in: folder)
        #expect(fit.status == 64 && fit.errors.contains("'\(name)'"), "\(fit.errors)")
      }
    }
  }

  @Test("A log without a run that can be fitted says why and leaves with 1")
  func nothingToFit() throws {
    try withTemporaryFolder { folder in
      try write("run,model_params,step,entropy,score\nx,1M,0,1,0.2\n", to: "\(folder)/log.csv")
      let fit = try ExpProgram.run(["fit", "--csv", "log.csv"], in: folder)
      #expect(fit.status == 1)
      #expect(fit.output.contains("x: no fit: 1 point has a finite entropy and score"))
    }
  }
}
