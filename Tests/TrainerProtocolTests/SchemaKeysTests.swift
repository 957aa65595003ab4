import ExpCore
import Foundation
import TestSupport
import Testing
import TrainerProtocol

@Suite("Schemas and Swift types have the same keys")
struct SchemaKeysTests {
  /// A value's optional members that are nil, by their path: what its encoding cannot show.
  static func unset(_ value: Any, _ path: String = "") -> [String] {
    let mirror = Mirror(reflecting: value)
    if mirror.displayStyle == .optional && mirror.children.isEmpty { return [path] }
    return mirror.children.flatMap { unset($0.value, "\(path).\($0.label ?? "")") }
  }

  /// The dotted keys of a document's objects; those below `free` paths are names, not keys.
  static func keys(of value: JSONValue, free: Set<String>, _ path: String = "") -> Set<String> {
    guard let members = value.object, !free.contains(path) else { return [] }
    var found: Set<String> = []
    for (key, member) in members {
      let inner = path.isEmpty ? key : "\(path).\(key)"
      found.insert(inner)
      found.formUnion(keys(of: member, free: free, inner))
    }
    return found
  }

  /// The dotted keys a schema describes, through references and branches.
  static func keys(in schema: JSONValue, root: JSONValue, _ path: String = "") -> Set<String> {
    guard let members = schema.object else { return [] }
    var found: Set<String> = []
    if let reference = members["$ref"]?.string,
      let target = root.object?["$defs"]?.object?[String(reference.dropFirst("#/$defs/".count))]
    {
      found.formUnion(keys(in: target, root: root, path))
    }
    for (key, member) in members["properties"]?.object ?? [:] {
      let inner = path.isEmpty ? key : "\(path).\(key)"
      found.insert(inner)
      found.formUnion(keys(in: member, root: root, inner))
    }
    for branch in members["oneOf"]?.array ?? [] {
      found.formUnion(keys(in: branch, root: root, path))
    }
    return found
  }

  static func schema(_ name: String) throws -> JSONValue {
    let text = try String(contentsOfFile: Repository.schema(name), encoding: .utf8)
    return try JSONValue(parsing: text.utf8)
  }

  @Test("of a request")
  func request() throws {
    let request = try ProtocolSamples.fullRequest()
    #expect(SchemaKeysTests.unset(request) == [])
    let written = try JSONValue(encoding: request)
    let schema = try SchemaKeysTests.schema("request")
    #expect(
      SchemaKeysTests.keys(of: written, free: [])
        == SchemaKeysTests.keys(in: schema, root: schema))
  }

  @Test("of a result")
  func result() throws {
    let result = try ProtocolSamples.result()
    #expect(SchemaKeysTests.unset(result) == [])
    let written = try JSONValue(encoding: result)
    let schema = try SchemaKeysTests.schema("result")
    #expect(
      SchemaKeysTests.keys(of: written, free: ["last", "definitions"])
        == SchemaKeysTests.keys(in: schema, root: schema))
  }

  @Test("of each event", arguments: ProtocolSamples.fullEvents)
  func event(event: TrainEvent) throws {
    #expect(SchemaKeysTests.unset(event) == [])
    let written = try JSONValue(encoding: event)
    let root = try SchemaKeysTests.schema("event")
    let kind = try #require(written[path: "event"]?.string)
    let schema = try #require(root.object?["$defs"]?.object?[kind])
    #expect(
      SchemaKeysTests.keys(of: written, free: ["values"])
        == SchemaKeysTests.keys(in: schema, root: root))
  }

  @Test("of the enumerations")
  func enumerations() throws {
    let request = try SchemaKeysTests.schema("request")
    func values(_ path: String) -> [String] {
      let property = path.split(separator: ".").reduce(request) { value, key in
        value.object?[String(key)] ?? .null
      }
      return (property.object?["enum"]?.array ?? []).compactMap(\.string)
    }
    #expect(
      values("$defs.task.properties.name") == TaskConfig.Name.allCases.map(\.rawValue))
    #expect(
      values("$defs.train.properties.algorithm")
        == TrainConfig.Algorithm.allCases.map(\.rawValue))
    #expect(
      values("$defs.train.properties.loss_aggregation")
        == TrainConfig.LossAggregation.allCases.map(\.rawValue))
    #expect(
      values("$defs.entropy_control.properties.method")
        == EntropyControlConfig.Method.allCases.map(\.rawValue))
    #expect(
      values("$defs.entropy_control.properties.estimator")
        == EntropyControlConfig.Estimator.allCases.map(\.rawValue))
  }
}
