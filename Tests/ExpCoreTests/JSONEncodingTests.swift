import ExpCore
import Foundation
import Testing

@Suite("Values as JSON documents")
struct JSONEncodingTests {
  private struct Record: Codable {
    struct Part: Codable {
      var flag: Bool
      var words: [String]
    }

    enum Kind: String, Codable { case one, two }

    var text: String
    var count: Int
    var big: UInt64
    var small: Float
    var ratio: Double
    var missing: Int?
    var kind: Kind
    var part: Part
    var parts: [Part]
    var none: [Int]
    var table: [[Double]]
    var names: [String: Double]
    var numbers: [Int: String]
    var kinds: [Kind: Int]
    var document: JSONValue
  }

  /// Writes by hand what no synthesised conformance asks an encoder for.
  private struct Nested: Encodable {
    enum Key: String, CodingKey { case map, list, other }

    func encode(to encoder: any Encoder) throws {
      var members = encoder.container(keyedBy: Key.self)
      var map = members.nestedContainer(keyedBy: Key.self, forKey: .map)
      var list = members.nestedUnkeyedContainer(forKey: .list)
      try map.encode(1, forKey: .list)
      try list.encodeNil()
      var inner = list.nestedUnkeyedContainer()
      try inner.encode("x")
      var other = list.nestedContainer(keyedBy: Key.self)
      try other.encodeNil(forKey: .other)
      try map.encode(2, forKey: .other)
      try list.encode(2.5)
      try [1, 2].encode(to: members.superEncoder(forKey: .other))
    }
  }

  private static let record = Record(
    text: "\u{e4}\"\n", count: -3, big: .max, small: 0.1, ratio: 1e-300, missing: nil, kind: .two,
    part: .init(flag: true, words: ["a", "b"]),
    parts: [.init(flag: false, words: []), .init(flag: true, words: [""])], none: [],
    table: [[1, 2.5], []], names: ["b": 1, "a": -0.5], numbers: [1: "one"], kinds: [.one: 1],
    document: ["x": [1, nil, true, ["y": [:]]]])

  @Test("A record is the document that its text parses to")
  func records() throws {
    try expectEqual(JSONEncodingTests.record)
    try expectEqual([JSONEncodingTests.record, JSONEncodingTests.record])
    try expectEqual(Nested())
    try expectEqual("text")
    try expectEqual([String: Int]())
  }

  @Test("A number that is not finite is refused", arguments: [Double.nan, .infinity, -.infinity])
  func refusals(number: Double) {
    #expect(throws: JSONParsingError.self) { try JSONValue(encoding: number) }
    #expect(throws: JSONParsingError.self) { try JSONValue(encoding: ["a": [number]]) }
  }

  private func expectEqual(_ value: some Encodable) throws {
    let parsed = try JSONDecoder().decode(JSONValue.self, from: JSONEncoder().encode(value))
    #expect(try JSONValue(encoding: value) == parsed)
  }
}
