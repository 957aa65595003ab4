internal import ExpCore

extension ValueSchema {
  /// Whether a scalar fits; lists and maps are not decided here.
  func admits(_ value: JSONValue) -> Bool {
    switch self {
    case .integer(let range):
      value.integer.map(range.contains) ?? false
    case .number(let range):
      value.number.map(range.contains) ?? false
    case .boolean: value.bool != nil
    case .choice(let names): value.string.map(names.contains) ?? false
    case .name: value.string.map(TextForms.isName) ?? false
    case .text, .condition: value.string?.isEmpty == false
    case .path: value.string.map(SettablePaths.readable.contains) ?? false
    case .size:
      value.number.map { $0 > 0 && $0 <= 1e15 }
        ?? value.string.map { TextForms.size($0) != nil } ?? false
    case .duration:
      value.number.map { $0 > 0 && $0 <= 1e9 }
        ?? value.string.map { TextForms.duration($0) != nil } ?? false
    case .memory:
      value.string.map { $0 == "auto" || TextForms.memory($0) != nil } ?? false
    case .oneOrMany(let range): ValueSchema.integer(range).admits(value)
    case .learningRate(let range): ValueSchema.number(range).admits(value)
    case .entropyControl: ValueSchema.choice(EntropyControl.names).admits(value)
    case .list, .map, .axes, .settings: false
    }
  }

  /// How a value of the wrong kind is mended, where that is plain.
  func mend(_ node: Node, at path: String) -> String? {
    if node.elements?.isEmpty == false, SettablePaths.schema(path) != nil {
      return "to vary it, write it under 'grid' as '\(path): \(node.json.canonicalJSON.shortened)'"
    }
    guard let text = node.scalar?.string else { return nil }
    switch self {
    case .boolean:
      switch text.lowercased() {
      case "yes", "on", "y": return "write true; '\(text)' is a text in YAML 1.2"
      case "no", "off", "n": return "write false; '\(text)' is a text in YAML 1.2"
      case "true", "false": return "write \(text.lowercased()), without quotes"
      default: return nil
      }
    case .integer, .number, .oneOrMany, .learningRate:
      if case .value(let value) = CoreSchema.read(text), value.number != nil {
        return "write it without quotes"
      }
      guard let number = Quantity.size(text), let written = number.shortestText else { return nil }
      return "write \(written)"
    case .list(let element, _):
      if case .condition = element { return "write [\"\(text.shortened)\"]" }
      return nil
    default: return nil
    }
  }
}

/// What an axis may be beside a list of values.
enum AxisSchema {
  /// The most values of an axis that is given by its count.
  static let mostValues = 1_000_000

  /// `{from: 0, count: 3}`.
  static let count = MapSchema(
    keys: [
      KeySchema("from", SpecSchema.seed, 0, "The first seed."),
      KeySchema("count", .integer(1...mostValues), nil, "How many seeds."),
    ], required: ["count"])

  /// Whether an axis may be given by its count.
  static func allowsCount(_ path: String) -> Bool { path == "seed" || path == "base.seed" }

  /// What may stand at an axis.
  static func expectation(_ path: String) -> String {
    allowsCount(path)
      ? "a list such as [0, 1, 2], or {from: 0, count: 3}" : "a list with at least one value"
  }
}
