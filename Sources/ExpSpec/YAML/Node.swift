package import ExpCore

/// A value of a YAML document with the place where it stands.
package struct Node: Sendable {
  /// What a node holds.
  package enum Content: Sendable {
    case scalar(JSONValue)
    case sequence([Node])
    case mapping([Entry])
    /// A scalar that was refused; the problem has been reported, and nothing more is said about it.
    case refused
  }

  /// A key with its value.
  package struct Entry: Sendable {
    package var key: String
    package var keyLocation: SourceLocation
    package var value: Node
  }

  package var content: Content
  /// The first character of the value.
  package var location: SourceLocation
  /// Values in this one, itself included, aliases expanded.
  var size = 1
  /// Levels of lists and maps in this one.
  var height = 0

  /// The entries, where this is a map.
  var entries: [Entry]? {
    guard case .mapping(let entries) = content else { return nil }
    return entries
  }

  /// The elements, where this is a list.
  package var elements: [Node]? {
    guard case .sequence(let elements) = content else { return nil }
    return elements
  }

  /// The scalar, where this is one.
  var scalar: JSONValue? {
    guard case .scalar(let value) = content else { return nil }
    return value
  }

  /// Whether nothing more is to be said about it.
  var isRefused: Bool {
    guard case .refused = content else { return false }
    return true
  }

  /// The entry of a key, where this is a map that has it.
  package subscript(key: String) -> Entry? { entries?.first { $0.key == key } }

  /// The value without places; what was refused is null.
  package var json: JSONValue {
    switch content {
    case .scalar(let value): value
    case .sequence(let elements): .array(elements.map(\.json))
    case .mapping(let entries):
      .object(
        Dictionary(entries.map { ($0.key, $0.value.json) }, uniquingKeysWith: { first, _ in first })
      )
    case .refused: .null
    }
  }

  /// The value as a message names it.
  var described: String {
    switch content {
    case .scalar(.string(let text)): "'\(text.shortened)'"
    case .scalar(.null), .refused: "empty"
    case .scalar(let value): value.canonicalJSON
    case .sequence: "a list"
    case .mapping: "a map"
    }
  }
}

extension String {
  /// The text as a message quotes it: at most 60 characters, control characters as `?`.
  var shortened: String {
    let start = String(String.UnicodeScalarView(unicodeScalars.prefix(60)))
    return start.printable + (unicodeScalars.count > 60 ? "…" : "")
  }

  /// The text with control characters, which could steer a terminal, as `?`.
  var printable: String {
    var text = String.UnicodeScalarView()
    for scalar in unicodeScalars {
      let isControl = scalar.value < 0x20 || (0x7f...0x9f).contains(scalar.value)
      text.append(isControl ? "?" : scalar)
    }
    return String(text)
  }
}
