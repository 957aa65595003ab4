internal import ExpCore

/// A map with a closed set of keys.
struct MapSchema: Sendable {
  var keys: [KeySchema]
  /// Keys without which the map means nothing.
  var required: [String] = []

  /// The schema of a key.
  subscript(key: String) -> KeySchema? { keys.first { $0.name == key } }

  /// The values of keys that are not given.
  var defaults: [String: JSONValue] {
    Dictionary(
      keys.compactMap { key in key.fallback.map { (key.name, $0) } },
      uniquingKeysWith: { first, _ in first })
  }
}

/// A key of a map: what may stand there, what holds where it is not given, and what it is for.
struct KeySchema: Sendable {
  var name: String
  var value: ValueSchema
  var fallback: JSONValue?
  var summary: String

  init(
    _ name: String, _ value: ValueSchema, _ fallback: JSONValue? = nil, _ summary: String
  ) {
    self.name = name
    self.value = value
    self.fallback = fallback
    self.summary = summary
  }
}
