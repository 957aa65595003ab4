extension JSONValue {
  /// Makes the document that a value encodes to.
  ///
  /// Built without a text in between, which a sweep would otherwise write and parse for every run.
  /// - Throws: `JSONParsingError` for a number that is not finite.
  public init(encoding value: some Encodable) throws(JSONParsingError) {
    do {
      self = try JSONValue.document(of: value, at: [])
    } catch {
      throw JSONParsingError(describing: error)
    }
  }

  fileprivate static func document(
    of value: some Encodable, at path: [any CodingKey]
  ) throws -> JSONValue {
    if let document = value as? JSONValue { return document }
    let encoder = DocumentEncoder(codingPath: path)
    try value.encode(to: encoder)
    return encoder.node.document
  }

  fileprivate static func finite(_ value: Double, at path: [any CodingKey]) throws -> JSONValue {
    guard value.isFinite else {
      let words = "JSON has no number \(value)"
      throw EncodingError.invalidValue(value, .init(codingPath: path, debugDescription: words))
    }
    return .number(value)
  }
}

/// A value on its way into a document; containers of nested values fill it after they are handed out.
private final class DocumentNode {
  enum Content {
    case value(JSONValue)
    case members([String: DocumentNode])
    case elements([DocumentNode])
  }

  /// What an encoder that is asked for nothing leaves behind.
  var content = Content.value(.object([:]))

  init() {}
  init(_ value: JSONValue) { content = .value(value) }

  var document: JSONValue {
    switch content {
    case .value(let value): value
    case .members(let members): .object(members.mapValues(\.document))
    case .elements(let elements): .array(elements.map(\.document))
    }
  }

  subscript(key: String) -> DocumentNode? {
    get {
      guard case .members(let members) = content else { return nil }
      return members[key]
    }
    set {
      guard case .members(var members) = content else {
        content = .members(newValue.map { [key: $0] } ?? [:])
        return
      }
      content = .value(.null)  // lets `members` be changed in place
      members[key] = newValue
      content = .members(members)
    }
  }

  func becomeObject() { if case .members = content {} else { content = .members([:]) } }

  func append(_ node: DocumentNode) {
    guard case .elements(var elements) = content else {
      content = .elements([node])
      return
    }
    content = .value(.null)  // as above
    elements.append(node)
    content = .elements(elements)
  }

  var count: Int {
    guard case .elements(let elements) = content else { return 0 }
    return elements.count
  }
}

private struct DocumentEncoder: Encoder, SingleValueEncodingContainer {
  let codingPath: [any CodingKey]
  var node = DocumentNode()
  var userInfo: [CodingUserInfoKey: Any] { [:] }

  func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
    node.becomeObject()
    return KeyedEncodingContainer(MembersEncoder<Key>(codingPath: codingPath, node: node))
  }

  func unkeyedContainer() -> any UnkeyedEncodingContainer {
    if node.count == 0 { node.content = .elements([]) }
    return ElementsEncoder(codingPath: codingPath, node: node)
  }

  func singleValueContainer() -> any SingleValueEncodingContainer { self }

  func encodeNil() { node.content = .value(.null) }
  func encode(_ value: Bool) { node.content = .value(.bool(value)) }
  func encode(_ value: String) { node.content = .value(.string(value)) }
  func encode(_ value: Double) throws {
    node.content = .value(try .finite(value, at: codingPath))
  }
  func encode(_ value: Float) throws { try encode(value.asWritten) }
  func encode<Value: Encodable & BinaryInteger>(_ value: Value) {
    node.content = .value(.number(Double(value)))
  }
  func encode<Value: Encodable>(_ value: Value) throws {
    node.content = .value(try JSONValue.document(of: value, at: codingPath))
  }
}

private struct MembersEncoder<Key: CodingKey>: KeyedEncodingContainerProtocol {
  let codingPath: [any CodingKey]
  let node: DocumentNode

  private func set(_ value: JSONValue, _ key: Key) { node[key.stringValue] = DocumentNode(value) }

  func encodeNil(forKey key: Key) { set(.null, key) }
  func encode(_ value: Bool, forKey key: Key) { set(.bool(value), key) }
  func encode(_ value: String, forKey key: Key) { set(.string(value), key) }
  func encode(_ value: Double, forKey key: Key) throws {
    set(try .finite(value, at: codingPath + [key]), key)
  }
  func encode(_ value: Float, forKey key: Key) throws { try encode(value.asWritten, forKey: key) }
  func encode<Value: Encodable & BinaryInteger>(_ value: Value, forKey key: Key) {
    set(.number(Double(value)), key)
  }
  func encode<Value: Encodable>(_ value: Value, forKey key: Key) throws {
    set(try JSONValue.document(of: value, at: codingPath + [key]), key)
  }

  func nestedContainer<Nested: CodingKey>(
    keyedBy type: Nested.Type, forKey key: Key
  ) -> KeyedEncodingContainer<Nested> {
    encoder(for: key).container(keyedBy: type)
  }

  func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
    encoder(for: key).unkeyedContainer()
  }

  func superEncoder() -> any Encoder { encoder(named: "super", at: codingPath) }
  func superEncoder(forKey key: Key) -> any Encoder { encoder(for: key) }

  private func encoder(for key: Key) -> DocumentEncoder {
    encoder(named: key.stringValue, at: codingPath + [key])
  }

  private func encoder(named name: String, at path: [any CodingKey]) -> DocumentEncoder {
    let nested = node[name] ?? DocumentNode()
    node[name] = nested
    return DocumentEncoder(codingPath: path, node: nested)
  }
}

private struct ElementsEncoder: UnkeyedEncodingContainer {
  let codingPath: [any CodingKey]
  let node: DocumentNode
  var count: Int { node.count }

  private func append(_ value: JSONValue) { node.append(DocumentNode(value)) }

  func encodeNil() { append(.null) }
  func encode(_ value: Bool) { append(.bool(value)) }
  func encode(_ value: String) { append(.string(value)) }
  func encode(_ value: Double) throws { append(try .finite(value, at: codingPath)) }
  func encode(_ value: Float) throws { try encode(value.asWritten) }
  func encode<Value: Encodable & BinaryInteger>(_ value: Value) { append(.number(Double(value))) }
  func encode<Value: Encodable>(_ value: Value) throws {
    append(try JSONValue.document(of: value, at: codingPath))
  }

  func nestedContainer<Nested: CodingKey>(
    keyedBy type: Nested.Type
  ) -> KeyedEncodingContainer<Nested> {
    superEncoder().container(keyedBy: type)
  }

  func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer {
    superEncoder().unkeyedContainer()
  }

  func superEncoder() -> any Encoder {
    let nested = DocumentNode()
    node.append(nested)
    return DocumentEncoder(codingPath: codingPath, node: nested)
  }
}

extension Float {
  /// The number that its shortest text reads as: 0.1, not the 24 bits next to it.
  fileprivate var asWritten: Double { Double(description) ?? Double(self) }
}
