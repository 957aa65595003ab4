import ExpCore
import ExpSpec
import Foundation
import TestSupport
import Testing

@Suite("The JSON Schema, judged by another validator")
struct JudgeTests {
  /// Whether to run: always in CI, where a missing judge is a failure, and elsewhere where python has what it needs.
  static let isWanted =
    ProcessInfo.processInfo.environment["CI"] != nil || hasJudge

  /// Whether python has what the judge needs.
  private static var hasJudge: Bool {
    do {
      return try run([]).isEmpty
    } catch {
      return false
    }
  }

  @Test(
    "The schema and check agree on every fixture", .enabled(if: isWanted), .timeLimit(.minutes(5)))
  func verdicts() throws {
    let good = ["good", "warnings", "bad-cross"].flatMap { folder in
      Fixtures.names(in: folder).map { Fixtures.path(folder, $0) }
    }
    let bad = Fixtures.names(in: "bad").map { Fixtures.path("bad", $0) }
    let verdicts = try JudgeTests.run(good + bad)
    #expect(verdicts.count == good.count + bad.count && bad.count >= 15)
    for path in good {
      #expect(
        verdicts[path] == .some(.null), "the schema refuses \(path): \(verdicts[path] ?? .null)")
    }
    for path in bad {
      #expect(verdicts[path]?.string != nil, "the schema accepts \(path), which check refuses")
    }
  }

  @Test(
    "One wrong value at a time: the schema refuses what check refuses and accepts what it accepts",
    .enabled(if: isWanted), .timeLimit(.minutes(5)))
  func values() throws {
    try withTemporaryFolder { folder in
      var texts: [String: String] = [:]
      for (index, text) in JudgeTests.documents().enumerated() {
        let path = "\(folder)/\(index).yaml"
        try text.write(toFile: path, atomically: true, encoding: .utf8)
        texts[path] = text
      }
      let verdicts = try JudgeTests.run(texts.keys.sorted())
      var accepted = 0
      for (path, text) in texts {
        let root = try #require(SpecLoader.parse(text: text, path: "x.yaml").node)
        let problems = SpecLoader.schemaProblems(of: root)
        let isAccepted = verdicts[path] == .some(.null)
        accepted += isAccepted ? 1 : 0
        #expect(isAccepted == problems.isEmpty, "\(text)\n\(verdicts[path] ?? .null)")
      }
      #expect(accepted > 200 && texts.count - accepted > 1000)
    }
  }

  /// Every settable path and every other key with each of a list of values that sit on edges.
  static func documents() -> [String] {
    let values = [
      "0", "1", "-1", "2", "1.5", "4.0", "1e-6", "1e9", "4294967296", "true", "'1'", "x", "''",
      "null", "[]", "[4]",
      "[1, 1]", "{}", "300k", "2h", "0s", "2GiB", "auto", "grpo", "countdown", "24k", "none",
      "kl_cov", "k3",
      "{method: kl_cov}", "{method: kl_cov, estimator: k1}", "{at: 1e6, value: 1e-3, power: -1}",
      "{at: 1e6, value: 1e-3}", "{name: prog}", "{from: 1, count: 2}", "\"name\\n\"", "\"2h\\n\"",
    ]
    let schema = ExperimentSchema.jsonSchema
    func keys(_ value: JSONValue?) -> [String] {
      value?[path: "properties"]?.object?.keys.sorted() ?? []
    }
    let paths = keys(schema[path: "$defs"]?.object?["settings"])
    var documents: [String] = []
    for (index, path) in paths.enumerated() {
      for value in values {
        documents.append("experiment: x\nwhen: [{if: seed = 1, set: {\(path): \(value)}}]\n")
      }
      // The same definition stands behind an axis: a few values show that it does.
      for offset in 0..<3 {
        let value = values[(index * 3 + offset) % values.count]
        documents.append("experiment: x\ngrid: {\(path): [\(value)]}\n")
      }
    }
    for key in keys(schema) {
      for value in values {
        documents.append("\(key == "experiment" ? "" : "experiment: x\n")\(key): \(value)\n")
      }
    }
    for section in ["resources", "checkpoints", "limits", "trainer"] {
      for key in keys(schema[path: "properties"]?.object?[section]) {
        for value in values {
          documents.append("experiment: x\n\(section): {\(key): \(value)}\n")
        }
      }
    }
    return documents
  }

  /// Runs the judge.
  ///
  /// It is spoken to through files: a pipe would stay open in whatever another test starts at the same moment.
  static func run(_ paths: [String]) throws -> [String: JSONValue] {
    try withTemporaryFolder { folder in
      try paths.joined(separator: "\n").write(
        toFile: folder + "/list", atomically: true, encoding: .utf8)
      let process = Process()
      process.executableURL = URL(filePath: "/usr/bin/env")
      process.arguments = [
        "python3", Fixtures.root + "/judge.py", SchemaFileTests.file, folder + "/list",
        folder + "/verdicts",
      ]
      process.standardInput = FileHandle.nullDevice
      process.standardOutput = FileHandle.nullDevice
      process.standardError = FileHandle.nullDevice
      try process.run()
      process.waitUntilExit()
      try #require(
        process.terminationStatus == 0, "python3 needs the packages PyYAML and jsonschema")
      let verdicts = try Data(contentsOf: URL(filePath: folder + "/verdicts"))
      return try #require(JSONValue(parsing: verdicts).object)
    }
  }
}
