import ExpSpec
import Foundation
import Testing

@Suite("The tables of docs/algorithms.md")
struct AlgorithmTablesTests {
  static let file = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "docs/algorithms.md").path

  @Test("Each table is made from what specs are checked against")
  func tables() throws {
    var text = try String(contentsOfFile: AlgorithmTablesTests.file, encoding: .utf8)
    let written = text
    for (name, table) in [
      ("pairs", AlgorithmTables.pairs), ("settings", AlgorithmTables.settings),
      ("controls", AlgorithmTables.controls),
    ] {
      let begin = try #require(
        text.range(of: "<!-- generated: \(name) -->\n"), "no place for '\(name)'")
      let end = try #require(
        text.range(of: "<!-- end -->", range: begin.upperBound..<text.endIndex))
      text.replaceSubrange(begin.upperBound..<end.lowerBound, with: "\n\(table)\n\n")
    }
    if ProcessInfo.processInfo.environment["EXP_UPDATE_SCHEMAS"] == "1" {
      try text.write(toFile: AlgorithmTablesTests.file, atomically: true, encoding: .utf8)
    } else {
      #expect(
        text == written,
        "refresh it with EXP_UPDATE_SCHEMAS=1 swift test --filter AlgorithmTablesTests")
    }
  }
}
