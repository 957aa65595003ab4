import ExpCore
import ExpSpec
import Foundation
import Testing

@Suite("Spec fixtures")
struct FixtureTests {
  @Test("A good spec has no errors", arguments: Fixtures.names(in: "good"))
  func good(name: String) throws {
    let path = Fixtures.path("good", name)
    let (spec, diagnostics) = SpecLoader.load(path: path)
    #expect(spec != nil, "\(diagnostics.map(\.rendered).joined(separator: "\n"))")
    #expect(!diagnostics.contains { $0.severity == .error })
  }

  @Test(
    "A bad spec is refused word for word",
    arguments: ["bad", "bad-text", "bad-cross"].flatMap { folder in
      Fixtures.names(in: folder).map { "\(folder)/\($0)" }
    })
  func bad(name: String) throws {
    let path = Fixtures.root + "/" + name
    let (spec, diagnostics) = SpecLoader.load(path: path)
    let shown = Fixtures.shown(diagnostics)
    try Fixtures.compare(shown, with: String(path.dropLast(5)) + ".expected")
    #expect(spec == nil)
  }

  @Test(
    "A warning leaves the spec usable and says what it is about",
    arguments: Fixtures.names(in: "warnings"))
  func warnings(name: String) throws {
    let path = Fixtures.path("warnings", name)
    let (spec, diagnostics) = SpecLoader.load(path: path)
    try Fixtures.compare(Fixtures.shown(diagnostics), with: String(path.dropLast(5)) + ".expected")
    #expect(spec != nil)
    #expect(diagnostics.allSatisfy { $0.severity == .warning } && !diagnostics.isEmpty)
  }
}

/// The files beside these tests.
enum Fixtures {
  static let root = URL(filePath: #filePath).deletingLastPathComponent().path + "/Fixtures"

  static func path(_ folder: String, _ name: String) -> String { "\(root)/\(folder)/\(name)" }

  static func names(in folder: String) -> [String] {
    let all = (try? FileManager.default.contentsOfDirectory(atPath: "\(root)/\(folder)")) ?? []
    return all.filter { $0.hasSuffix(".yaml") }.sorted()
  }

  static func shown(_ diagnostics: [Diagnostic]) -> String {
    let text = diagnostics.map(\.rendered).joined(separator: "\n") + "\n"
    return text.replacing(root + "/", with: "")
  }

  /// Compares with a file; with EXP_UPDATE_FIXTURES=1 in the environment it is written instead, to be read and judged.
  static func compare(_ text: String, with path: String) throws {
    if ProcessInfo.processInfo.environment["EXP_UPDATE_FIXTURES"] == "1" {
      try text.write(toFile: path, atomically: true, encoding: .utf8)
    }
    let expected = try String(contentsOfFile: path, encoding: .utf8)
    #expect(text == expected)
  }
}
