internal import ExpCore

extension SpecAssembly {
  /// Applies `key=value` texts in their order.
  mutating func apply(_ overrides: [String]) {
    for text in overrides {
      problems.overrides.insert(text)
      guard let separator = text.firstIndex(of: "=") else {
        problems.add(
          Diagnostic(
            .error, "override '\(text.shortened)': there is no '='", expected: "key=value"))
        continue
      }
      let key = String(text[..<separator])
      guard let value = value(of: String(text[text.index(after: separator)...]), override: text)
      else { continue }
      override(key, value, text)
    }
  }

  /// Reads the value of an override; nil where that fails, which has been reported.
  private mutating func value(of text: String, override: String) -> Node? {
    do {
      let source = try SourceText(path: override, bytes: Array(text.utf8))
      guard !text.isEmpty else {
        problems.error(
          "there is no value", at: SourceLocation(file: override, line: 1, column: 1),
          expected: "key=value")
        return nil
      }
      return YAMLReader.read(source, &problems)
    } catch {
      problems.add(error)
      return nil
    }
  }

  private mutating func override(_ key: String, _ value: Node, _ text: String) {
    if let schema = SettablePaths.schema(key) {
      if value.elements != nil || (value.entries != nil && AxisSchema.allowsCount(key)) {
        SchemaCheck.check(
          Node(
            content: .mapping([.init(key: key, keyLocation: value.location, value: value)]),
            location: value.location),
          .axes, at: "grid", &problems)
        place(AxisDraft(path: key, keyLocation: value.location, node: value))
      } else {
        SchemaCheck.check(value, schema, at: key, &problems)
        set(key, value, at: value.location, merging: true)
      }
      return
    }
    let parts = key.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
    guard let first = parts.first, let schema = SpecSchema.root[first]?.value,
      !["grid", "zip", "extends"].contains(first), let inner = schema.inner(parts.dropFirst())
    else {
      let known = SettablePaths.names + ["experiment", "limits.timeout", "limits.retries"]
      problems.unknownKey(ofOverride: key, at: value.location, known)
      return
    }
    SchemaCheck.check(value, inner, at: key, &problems)
    let node = parts.dropFirst().reversed().reduce(value) { node, part in
      Node(
        content: .mapping([.init(key: part, keyLocation: value.location, value: node)]),
        location: value.location)
    }
    others[first] = others[first].map { Node.merged($0, node) } ?? node
  }
}

extension ValueSchema {
  /// The schema of a key inside maps.
  fileprivate func inner(_ parts: ArraySlice<String>) -> ValueSchema? {
    guard let first = parts.first else { return self }
    guard case .map(let map) = self else { return nil }
    return map[first]?.value.inner(parts.dropFirst())
  }
}

extension Problems {
  fileprivate mutating func unknownKey(
    ofOverride key: String, at place: SourceLocation, _ known: [String]
  ) {
    error(
      "there is no key '\(key.shortened)'", at: place,
      expected: "a dotted key such as train.steps",
      help: suggestion(for: key, among: known))
  }
}
