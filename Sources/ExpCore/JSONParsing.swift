internal import FoundationEssentials

/// Why a text is not the JSON document that was expected.
public struct JSONParsingError: Error, CustomStringConvertible, Sendable {
  /// What is wrong, in words, with the place where it is known.
  public let description: String
}

extension JSONValue: Codable {
  /// Decodes any JSON value.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if container.decodeNil() {
      self = .null
    } else if let value = try? container.decode(Bool.self) {  // try?: the next type is tried
      self = .bool(value)
    } else if let value = try? container.decode(Double.self) {
      self = .number(value)
    } else if let value = try? container.decode(String.self) {
      self = .string(value)
    } else if let value = try? container.decode([JSONValue].self) {
      self = .array(value)
    } else {
      self = .object(try container.decode([String: JSONValue].self))
    }
  }

  /// Encodes the value as itself.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    switch self {
    case .null: try container.encodeNil()
    case .bool(let value): try container.encode(value)
    case .number(let value):
      // Whole numbers encode as integers, so that `Int` members decode from what this wrote.
      if let whole = Int(exactly: value) {
        try container.encode(whole)
      } else {
        try container.encode(value)
      }
    case .string(let value): try container.encode(value)
    case .array(let value): try container.encode(value)
    case .object(let value): try container.encode(value)
    }
  }

  /// Parses a JSON text in UTF-8.
  ///
  /// - Throws: `JSONParsingError` for anything that is not exactly one JSON document.
  public init(parsing text: some Sequence<UInt8>) throws(JSONParsingError) {
    do {
      self = try JSONDecoder().decode(JSONValue.self, from: Data(text))
    } catch {
      throw JSONParsingError(describing: error)
    }
  }

  /// Decodes a typed value from this document.
  ///
  /// - Throws: `JSONParsingError` naming the key that is missing or of the wrong type.
  public func decoded<Value: Decodable>(as type: Value.Type) throws(JSONParsingError) -> Value {
    do {
      return try JSONDecoder().decode(type, from: Data(canonicalJSON.utf8))
    } catch {
      throw JSONParsingError(describing: error)
    }
  }
}

extension JSONParsingError {
  /// Puts a decoder's error into one sentence.
  public init(describing error: any Error) {
    func place(_ path: [any CodingKey]) -> String {
      path.isEmpty
        ? "the document" : "'" + path.map(\.stringValue).joined(separator: ".") + "'"
    }
    switch error {
    case DecodingError.keyNotFound(let key, let context):
      description = "key '\(key.stringValue)' is missing in \(place(context.codingPath))"
    case DecodingError.typeMismatch(let type, let context):
      description = "\(place(context.codingPath)) is not of type \(type)"
    case DecodingError.valueNotFound(_, let context):
      description = "\(place(context.codingPath)) is null"
    case DecodingError.dataCorrupted(let context):
      let detail = context.underlyingError.map { ": \($0)" } ?? ""
      description = "\(place(context.codingPath)): \(context.debugDescription)\(detail)"
    default:
      description = "not JSON: \(error)"
    }
  }
}
