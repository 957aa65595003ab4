import ExpSpec
import Foundation
import Testing

@Suite("The tables of the documents")
struct AlgorithmTablesTests {
  static let folder = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "docs").path

  @Test(
    "Each table is made from what specs are checked against", arguments: ["algorithms", "spec"])
  func tables(page: String) throws {
    let file = AlgorithmTablesTests.folder + "/\(page).md"
    var text = try String(contentsOfFile: file, encoding: .utf8)
    let written = text
    let tables =
      page == "algorithms"
      ? [
        ("pairs", AlgorithmTables.pairs), ("settings", AlgorithmTables.settings),
        ("controls", AlgorithmTables.controls),
      ]
      : [("root", AlgorithmTables.section(""))]
        + AlgorithmTables.sections.map { ($0, AlgorithmTables.section($0)) }
    for (name, table) in tables {
      let begin = try #require(
        text.range(of: "<!-- generated: \(name) -->\n"), "no place for '\(name)'")
      let end = try #require(
        text.range(of: "<!-- end -->", range: begin.upperBound..<text.endIndex))
      text.replaceSubrange(begin.upperBound..<end.lowerBound, with: "\n\(table)\n\n")
    }
    if ProcessInfo.processInfo.environment["EXP_UPDATE_SCHEMAS"] == "1" {
      try text.write(toFile: file, atomically: true, encoding: .utf8)
    } else {
      #expect(
        text == written,
        "refresh it with EXP_UPDATE_SCHEMAS=1 swift test --filter AlgorithmTablesTests")
    }
  }
}
