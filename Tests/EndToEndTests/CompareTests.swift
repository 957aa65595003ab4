import ExpCore
import Foundation
import TestSupport
import Testing

@Suite("Comparing arms")
struct CompareTests {
  /// Two arms whose ceilings differ by 0.1 and 0.01 per seed, and a column that follows the arm.
  private func table(seeds: Int) -> String {
    var text = "run,model_params,step,entropy,score,control,seed,rate\n"
    for seed in 0..<seeds {
      for arm in ["none", "clip_cov"] {
        let gain = arm == "none" ? 0 : 0.1 + 0.01 * Double(seed)
        for step in 0...5 {
          let entropy = 1 - 0.15 * Double(step)
          let wave = 0.001 * Double((step * 7 + seed) % 3)
          text += "\(arm)\(seed),14k,\(step),\(entropy),\(0.7 + gain - 0.2 * exp(entropy) + wave),"
          text += "\(arm),\(seed),\(arm == "none" ? "1e-3" : "1e-4")\n"
        }
      }
    }
    return text
  }

  @Test("Runs of a CSV are paired over seeds; what follows the arm is said")
  func paired() throws {
    try withTemporaryFolder { folder in
      try write(table(seeds: 3), to: "\(folder)/log.csv")
      let arguments = ["compare", "--csv", "log.csv", "--by", "control"]
      let text = try ExpProgram.run(arguments, in: folder)
      #expect(text.status == 0, "\(text.errors)")
      #expect(text.output.contains("helps"))
      #expect(text.output.contains("arms of control also differ in rate"))
      let json = try ExpProgram.run(
        arguments + ["--json", "--measure", "last_score"], in: folder)
      let document = try JSONValue(parsing: json.output.utf8)
      let measure = try #require(document[path: "measures"]?.array?.first)
      let one = try #require(measure[path: "by_size"]?.array?.first)
      #expect(one[path: "baseline"]?.string == "none")
      #expect(abs((one[path: "difference"]?.number ?? 0) - 0.11) < 1e-9)
      #expect(one[path: "pair_count"]?.integer == 3)
      #expect(one[path: "p_sign_flip"]?.number == 0.25)
      #expect(one[path: "verdict"]?.string == "higher")
    }
  }

  @Test("One seed gives a difference, no interval, and the reason")
  func single() throws {
    try withTemporaryFolder { folder in
      try write(table(seeds: 1), to: "\(folder)/log.csv")
      let text = try ExpProgram.run(["compare", "--csv", "log.csv", "--by", "control"], in: folder)
      #expect(text.status == 0, "\(text.errors)")
      #expect(text.output.contains("cannot tell: 1 pair"))
      #expect(text.output.contains("cannot be told from one seed"))
    }
  }

  @Test(
    "Keys that are no arms are refused with a reason and exit code 64",
    arguments: [
      ("seed", "paired over seeds"), ("model_params", "'model_params' is the size"),
      ("contrl", "did you mean 'control'?"), ("rate --baseline 7", "'7' is no value of rate"),
      ("control --measure best", "'best' is no measure"),
      ("control --pairs some", "--pairs is baseline or all"),
      ("control --level 1.5", "between 0 and 1"), ("control --margin 0", "a margin is"),
    ])
  func refusals(options: String, reason: String) throws {
    try withTemporaryFolder { folder in
      try write(table(seeds: 2), to: "\(folder)/log.csv")
      let words = options.split(separator: " ").map(String.init)
      let text = try ExpProgram.run(["compare", "--csv", "log.csv", "--by"] + words, in: folder)
      #expect(text.status == 64)
      #expect(text.output == "")
      #expect(text.errors.contains(reason), "\(text.errors)")
    }
  }
}
