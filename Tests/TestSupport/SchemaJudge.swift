internal import Foundation

/// Python's `jsonschema` as a judge that shares no code with ours.
public enum SchemaJudge {
  /// Why no judgement could be had.
  public struct Failure: Error, CustomStringConvertible {
    /// What Python said.
    public var description: String
  }

  /// Whether tests that need it are to run: it is installed, or `CI` is set, where its absence is a failure.
  public static let isWanted: Bool = {
    if ProcessInfo.processInfo.environment["CI"] != nil { return true }
    // try?: where Python cannot even be started, it is not installed.
    let outcome = try? runTool("python3", ["-c", "import jsonschema"])
    return outcome?.status == 0
  }()

  /// Returns, for each JSON text, what a schema of `schemas/` finds wrong with it.
  ///
  /// The schema itself is checked against its meta-schema first.
  /// - Throws: `Failure` where Python or the package is missing, or the schema is not one.
  public static func problems(of documents: [String], by schema: String) throws -> [[String]] {
    let script = """
      import json, sys
      import jsonschema
      schema = json.load(open(sys.argv[1], encoding="utf-8"))
      jsonschema.Draft202012Validator.check_schema(schema)
      judge = jsonschema.Draft202012Validator(schema)
      def words(error):
          place = "/".join(str(part) for part in error.absolute_path)
          return f"{place}: {error.message}"
      print(json.dumps([
          sorted(words(error) for error in judge.iter_errors(json.loads(text)))
          for text in json.load(open(sys.argv[2], encoding="utf-8"))
      ]))
      """
    let outcome = try withTemporaryFolder { folder in
      let input = "\(folder)/documents.json"
      try JSONEncoder().encode(documents).write(to: URL(filePath: input))
      return try runTool("python3", ["-c", script, Repository.schema(schema), input])
    }
    guard outcome.status == 0 else { throw Failure(description: outcome.errors) }
    return try JSONDecoder().decode([[String]].self, from: Data(outcome.output.utf8))
  }
}
