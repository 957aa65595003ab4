import ExpCore
import ExpSpec
import Foundation
import Testing

@Suite("The published schema")
struct SchemaFileTests {
  static let file = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "schemas/experiment.schema.json").path

  @Test("schemas/experiment.schema.json is what the table gives")
  func fileIsCurrent() throws {
    let text = ExperimentSchema.jsonSchema.prettyJSON + "\n"
    if ProcessInfo.processInfo.environment["EXP_UPDATE_SCHEMAS"] == "1" {
      try text.write(toFile: SchemaFileTests.file, atomically: true, encoding: .utf8)
    }
    let written = try String(contentsOfFile: SchemaFileTests.file, encoding: .utf8)
    #expect(
      written == text,
      "refresh it with EXP_UPDATE_SCHEMAS=1 swift test --filter SchemaFileTests, then read the change"
    )
  }
}
