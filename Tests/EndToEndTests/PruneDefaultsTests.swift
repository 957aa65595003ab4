import ExpCore
import Foundation
import TestSupport
import Testing

@Suite("Pruning has one set of defaults")
struct PruneDefaultsTests {
  @Test("those of a spec's 'prune' are those of prune-replay")
  func equal() throws {
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let schema = try JSONValue(
      parsing: Data(contentsOf: root.appending(path: "schemas/experiment.schema.json")))
    let keys = try #require(schema[path: "properties.prune.properties"])
    try withTemporaryFolder { folder in
      let help = try ExpProgram.run(["prune-replay", "--help"], in: folder).output
      let words = help.split(whereSeparator: \.isWhitespace).joined(separator: " ")
      for name in ["level", "margin", "after", "points"] {
        let value = try #require(keys[path: "\(name).default"]?.number?.shortestText)
        let option = try #require(words.range(of: "--\(name) <\(name)>", options: .backwards))
        let start = try #require(words[option.upperBound...].range(of: "(default: "))
        #expect(words[start.upperBound...].hasPrefix("\(value))"), "--\(name)")
      }
    }
  }
}
