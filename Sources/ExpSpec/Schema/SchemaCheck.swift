internal import ExpCore

/// Compares a node tree with the schema table and reports every difference.
struct SchemaCheck {
  private(set) var problems: Problems

  /// Checks a whole spec file.
  static func check(_ root: Node, _ problems: inout Problems) {
    var check = SchemaCheck(problems: problems)
    defer { problems = check.problems }
    guard root.entries != nil else {
      check.problems.error(
        "a spec is a map of keys, not \(root.described)", at: root.location,
        expected: "keys such as experiment, task, model, train, grid")
      return
    }
    check.map(root, SpecSchema.root, at: "")
  }

  /// Checks one value, such as that of an override.
  static func check(
    _ node: Node, _ schema: ValueSchema, at path: String, _ problems: inout Problems
  ) {
    var check = SchemaCheck(problems: problems)
    check.value(node, schema, at: path)
    problems = check.problems
  }

  // MARK: Values

  private mutating func value(_ node: Node, _ schema: ValueSchema, at path: String) {
    if node.isRefused { return }
    switch schema {
    case .oneOrMany(let range): oneOrMany(node, range, schema, at: path)
    case .list(let element, let least): list(node, element, least, schema, at: path)
    case .map(let map): self.map(node, map, at: path)
    case .learningRate(let range): learningRate(node, range, schema, at: path)
    case .entropyControl: entropyControl(node, schema, at: path)
    case .axes: axes(node, at: path)
    case .settings: settings(node, at: path)
    default:
      guard let scalar = node.scalar, schema.admits(scalar) else {
        return wrong(node, schema, at: path)
      }
    }
  }

  private mutating func oneOrMany(
    _ node: Node, _ range: ClosedRange<Int>, _ schema: ValueSchema, at path: String
  ) {
    guard let elements = node.elements else {
      guard let scalar = node.scalar, ValueSchema.integer(range).admits(scalar) else {
        return wrong(node, schema, at: path)
      }
      return
    }
    guard !elements.isEmpty else { return wrong(node, schema, at: path) }
    for element in elements { value(element, .integer(range), at: path) }
    repeats(elements, at: path)
  }

  private mutating func list(
    _ node: Node, _ element: ValueSchema, _ least: Int, _ schema: ValueSchema, at path: String
  ) {
    guard let elements = node.elements, elements.count >= least else {
      return wrong(node, schema, at: path)
    }
    for (index, item) in elements.enumerated() { value(item, element, at: "\(path)[\(index)]") }
  }

  private mutating func learningRate(
    _ node: Node, _ range: NumberRange, _ schema: ValueSchema, at path: String
  ) {
    if node.entries != nil {
      map(node, SpecSchema.learningRateRule, at: path)
    } else if node.scalar.map({ ValueSchema.number(range).admits($0) }) != true {
      wrong(node, schema, at: path)
    }
  }

  private mutating func entropyControl(_ node: Node, _ schema: ValueSchema, at path: String) {
    guard node.entries != nil else {
      guard let name = node.scalar, ValueSchema.choice(EntropyControl.names).admits(name) else {
        return wrong(node, schema, at: path, choices: EntropyControl.names)
      }
      return
    }
    guard let given = node["method"] else {
      problems.error(
        "'method' is missing in '\(path)'", at: node.location,
        expected: "one of: \(EntropyControl.names.joined(separator: ", "))")
      return
    }
    let names = ValueSchema.choice(EntropyControl.names)
    guard let name = given.value.scalar?.string, let method = EntropyControl.method(name) else {
      return value(given.value, names, at: "\(path).method")
    }
    let known = [KeySchema("method", names, nil, "")] + method.keys
    for entry in node.entries ?? [] {
      if let key = known.first(where: { $0.name == entry.key }) {
        value(entry.value, key.value, at: "\(path).\(key.name)")
      } else {
        foreign(entry, method, known.map(\.name))
      }
    }
  }

  private mutating func foreign(
    _ entry: Node.Entry, _ method: EntropyControl.Method, _ known: [String]
  ) {
    let owners = EntropyControl.owners(of: entry.key)
    let help =
      owners.isEmpty
      ? problems.suggestion(for: entry.key, among: known)
      : "'\(entry.key)' belongs to \(owners.joined(separator: ", "))"
    problems.error(
      "'\(entry.key.shortened)' is not a key of entropy control '\(method.name)'",
      at: entry.keyLocation, expected: "one of: \(known.sorted().joined(separator: ", "))",
      help: help)
  }

  // MARK: Maps

  private mutating func map(_ node: Node, _ schema: MapSchema, at path: String) {
    guard let entries = node.entries else { return wrong(node, .map(schema), at: path) }
    for entry in entries {
      if let key = schema[entry.key] {
        value(entry.value, key.value, at: path.isEmpty ? key.name : "\(path).\(key.name)")
      } else {
        unknown(entry, schema.keys.map(\.name), in: path)
      }
    }
    for key in schema.required where node[key] == nil {
      problems.error(
        "'\(key)' is missing in '\(path)'", at: node.location,
        expected: schema[key]?.value.expectation)
    }
  }

  private mutating func unknown(_ entry: Node.Entry, _ known: [String], in path: String) {
    let key = entry.key.shortened
    var help = problems.suggestion(for: entry.key, among: known)
    if help == nil, path.isEmpty || SpecSchema.sections.contains(where: { $0.name == path }) {
      help = elsewhere(entry.key)
    }
    problems.error(
      path.isEmpty ? "'\(key)' is not a key of a spec" : "'\(key)' is not a key of '\(path)'",
      at: entry.keyLocation, expected: SpecSchema.keyList(known, in: path), help: help)
  }

  /// Where a key that is wrong here would be right.
  private func elsewhere(_ key: String) -> String? {
    if SettablePaths.schema(key) != nil {
      return "write it as a map inside '\(key.prefix { $0 != "." })', or as an axis under 'grid'"
    }
    let owners = SpecSchema.root.keys.filter { section in
      guard case .map(let map) = section.value else { return false }
      return map[key] != nil
    }
    guard !owners.isEmpty else { return nil }
    return "'\(key)' belongs under \(owners.map { "'\($0.name)'" }.joined(separator: " or "))"
  }

  private mutating func settings(_ node: Node, at path: String) {
    guard let entries = node.entries, !entries.isEmpty else {
      return wrong(node, .settings, at: path)
    }
    for entry in entries {
      guard let schema = settable(entry, verb: "set") else { continue }
      value(entry.value, schema, at: entry.key)
    }
  }

  // MARK: Axes

  private mutating func axes(_ node: Node, at path: String) {
    guard let entries = node.entries, !entries.isEmpty else { return wrong(node, .axes, at: path) }
    for entry in entries {
      guard let schema = settable(entry, verb: "vary") else { continue }
      axis(entry, schema)
    }
  }

  private mutating func axis(_ entry: Node.Entry, _ schema: ValueSchema) {
    let node = entry.value
    if node.isRefused { return }
    if node.entries != nil, AxisSchema.allowsCount(entry.key) {
      return map(node, AxisSchema.count, at: entry.key)
    }
    guard let elements = node.elements else {
      let help = node.entries == nil ? "write '\(entry.key): [\(node.json.axisText)]'" : nil
      problems.error(
        "the axis '\(entry.key)' is not a list of values", at: node.location,
        expected: AxisSchema.expectation(entry.key), help: help)
      return
    }
    if elements.isEmpty {
      problems.error(
        "the axis '\(entry.key)' has no values", at: node.location,
        expected: AxisSchema.expectation(entry.key), help: "remove the axis or give it values")
    }
    for element in elements { value(element, schema, at: entry.key) }
    repeats(elements, at: entry.key)
  }

  /// The schema of a path that a grid, an inclusion or a rule names; reports one that does not exist.
  private mutating func settable(_ entry: Node.Entry, verb: String) -> ValueSchema? {
    if let schema = SettablePaths.schema(entry.key) { return schema }
    problems.unknownPath(entry.key, at: entry.keyLocation, verb: verb, SettablePaths.names)
    return nil
  }

  private mutating func repeats(_ elements: [Node], at path: String) {
    var first: [JSONValue: Node] = [:]
    for element in elements where !element.isRefused {
      guard let earlier = first[element.json] else {
        first[element.json] = element
        continue
      }
      problems.error(
        "the value \(element.described) of '\(path)' is given again here",
        at: element.location, help: "remove one of them",
        notes: [.init(location: earlier.location, message: "it is first given here")])
    }
  }

  // MARK: Words

  private mutating func wrong(
    _ node: Node, _ schema: ValueSchema, at path: String, choices: [String]? = nil
  ) {
    if node.isRefused { return }
    var names = choices
    if case .choice(let known) = schema { names = known }
    if let names, let text = node.scalar?.string {
      let suggestion = problems.suggestion(for: text, among: names)
      problems.error(
        "'\(text.shortened)' is not a value of '\(path)'", at: node.location,
        expected: schema.expectation, help: suggestion)
      return
    }
    let message =
      if node.scalar == .null {
        "'\(path)' has no value"
      } else if node.elements?.isEmpty == true || node.entries?.isEmpty == true {
        "'\(path)' is empty"
      } else {
        "'\(path)' cannot be \(node.described)"
      }
    problems.error(
      message, at: node.location, expected: schema.expectation, help: schema.mend(node, at: path))
  }
}

extension Problems {
  /// Reports a dotted path that does not exist, or that exists and cannot be used so.
  mutating func unknownPath(
    _ path: String, at place: SourceLocation, verb: String, _ known: [String]
  ) {
    let parts = path.split(separator: ".", maxSplits: 1).map(String.init)
    let section = parts.first.flatMap { first in SpecSchema.root.keys.first { $0.name == first } }
    if let section, !SpecSchema.sections.contains(where: { $0.name == section.name }),
      section.name != "seed"
    {
      error(
        "'\(path.shortened)' does not belong to a point, so nothing can \(verb) it", at: place,
        expected: "a key of task, model, base, train or evaluate, or seed")
      return
    }
    var expected = "a key of task, model, base, train or evaluate, or seed"
    if let section, case .map(let map) = section.value {
      expected = SpecSchema.keyList(
        map.keys.map(\.name), in: section.name, prefix: "\(section.name).")
    }
    error(
      "there is no key '\(path.shortened)' to \(verb)", at: place, expected: expected,
      help: suggestion(for: path, among: known))
  }
}

extension JSONValue {
  /// The value as it would be written in a flow list.
  var axisText: String {
    switch self {
    case .string(let text): text.shortened
    case .array, .object: canonicalJSON.shortened
    default: canonicalJSON
    }
  }
}
