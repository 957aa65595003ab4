/// A JSON document as a value: what specs resolve to, requests carry and hashes are taken of.
///
/// Numbers are IEEE doubles, as RFC 8785 wants them; integers are exact up to 2^53.
public enum JSONValue: Sendable, Hashable {
  case null
  case bool(Bool)
  case number(Double)
  case string(String)
  case array([JSONValue])
  case object([String: JSONValue])
}

extension JSONValue: ExpressibleByNilLiteral, ExpressibleByBooleanLiteral,
  ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral, ExpressibleByStringLiteral,
  ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
  /// Makes `null`.
  public init(nilLiteral: ()) { self = .null }
  /// Makes a boolean.
  public init(booleanLiteral value: Bool) { self = .bool(value) }
  /// Makes a number from an integer literal.
  public init(integerLiteral value: Int) { self = .number(Double(value)) }
  /// Makes a number.
  public init(floatLiteral value: Double) { self = .number(value) }
  /// Makes a string.
  public init(stringLiteral value: String) { self = .string(value) }
  /// Makes an array.
  public init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
  /// Makes an object; of a repeated key the last value counts.
  public init(dictionaryLiteral elements: (String, JSONValue)...) {
    self = .object(Dictionary(elements, uniquingKeysWith: { _, last in last }))
  }
}

extension JSONValue {
  /// The members, where this is an object.
  public var object: [String: JSONValue]? {
    guard case .object(let members) = self else { return nil }
    return members
  }

  /// The elements, where this is an array.
  public var array: [JSONValue]? {
    guard case .array(let elements) = self else { return nil }
    return elements
  }

  /// The text, where this is a string.
  public var string: String? {
    guard case .string(let text) = self else { return nil }
    return text
  }

  /// The value, where this is a number.
  public var number: Double? {
    guard case .number(let value) = self else { return nil }
    return value
  }

  /// The value, where this is a number without a fraction that an `Int` holds exactly.
  public var integer: Int? {
    guard case .number(let value) = self else { return nil }
    return Int(exactly: value)
  }

  /// The value, where this is a boolean.
  public var bool: Bool? {
    guard case .bool(let value) = self else { return nil }
    return value
  }

  /// Reads or writes the value at a dotted path such as `train.learning_rate`.
  ///
  /// Reading through anything but an object gives nil. Writing makes the objects on the way, replacing
  /// whatever stood there; writing nil removes the key.
  public subscript(path path: String) -> JSONValue? {
    get {
      var members = object
      var rest = path[...]
      while let dot = rest.utf8.firstIndex(of: 0x2e) {
        members = members?[String(rest[..<dot])]?.object
        rest = rest[rest.index(after: dot)...]
      }
      return members?[String(rest)]
    }
    set {
      set(path.split(separator: ".", omittingEmptySubsequences: false)[...], newValue)
    }
  }

  private mutating func set(_ keys: ArraySlice<Substring>, _ newValue: JSONValue?) {
    guard let first = keys.first else {
      self = newValue ?? .null
      return
    }
    var members = object ?? [:]
    let key = String(first)
    if keys.count == 1 {
      members[key] = newValue
    } else {
      var child = members[key] ?? .object([:])
      child.set(keys.dropFirst(), newValue)
      members[key] = child
    }
    self = .object(members)
  }

  /// Returns every leaf with its dotted path, in order of the path; arrays and empty objects are leaves.
  public func flattened() -> [(path: String, value: JSONValue)] {
    var leaves: [(path: String, value: JSONValue)] = []
    func visit(_ value: JSONValue, _ path: String) {
      if case .object(let members) = value, !members.isEmpty {
        for (key, member) in members {
          visit(member, path.isEmpty ? key : "\(path).\(key)")
        }
      } else {
        leaves.append((path, value))
      }
    }
    visit(self, "")
    leaves.sort { $0.path < $1.path }
    return leaves
  }
}
