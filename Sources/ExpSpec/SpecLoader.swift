public import ExpCore

/// Reads and checks specs.
public enum SpecLoader {
  /// Files that extend one another at most so deep.
  static let longestChain = 16

  /// Reads the spec at a path with everything it extends, applies overrides, and reports every problem at once.
  ///
  /// Overrides are `key=value` with the value in YAML: a list makes or replaces an axis of the grid, anything else
  /// sets the document and removes an axis of that key. The spec is nil where there is an error. Diagnostics are in
  /// order of their place, with the path as it was given.
  public static func load(
    path: String, overrides: [String] = []
  ) -> (spec: ExperimentSpec?, diagnostics: [Diagnostic]) {
    let bytes: [UInt8]
    let identity: FileIdentity
    do {
      (bytes, identity) = try readRegularFile(path)
    } catch {
      let problem = Diagnostic(.error, "cannot read '\(path.printable)': \(error.reason)")
      return (nil, [problem])
    }
    var assembly = SpecAssembly(path: path)
    assembly.read(bytes, path: path, chain: [identity])
    return assembly.finish(overrides)
  }

  /// Checks a spec that is in memory; `path` is what places are printed with, and what `extends` is relative to.
  ///
  /// Overrides and results are as in `load(path:overrides:)`.
  public static func load(
    text: String, path: String, overrides: [String] = []
  ) -> (spec: ExperimentSpec?, diagnostics: [Diagnostic]) {
    load(bytes: Array(text.utf8), path: path, overrides: overrides)
  }

  /// As above, from bytes that need not be a text.
  package static func load(
    bytes: [UInt8], path: String, overrides: [String] = []
  ) -> (spec: ExperimentSpec?, diagnostics: [Diagnostic]) {
    var assembly = SpecAssembly(path: path)
    assembly.read(bytes, path: path, chain: [])
    return assembly.finish(overrides)
  }

  /// Reads one YAML text; the node is nil where it cannot be read at all.
  package static func parse(
    text: String, path: String
  ) -> (node: Node?, diagnostics: [Diagnostic]) {
    var problems = Problems()
    do {
      let source = try SourceText(path: path, bytes: Array(text.utf8))
      let node = YAMLReader.read(source, &problems)
      return (node, problems.sorted())
    } catch {
      return (nil, [error])
    }
  }

  /// Compares one node tree with the schema alone, as another validator of the JSON Schema would.
  package static func schemaProblems(of root: Node) -> [Diagnostic] {
    var problems = Problems()
    SchemaCheck.check(root, &problems)
    return problems.sorted()
  }
}
