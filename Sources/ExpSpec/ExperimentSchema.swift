public import ExpCore

/// The published form of the spec's schema.
public enum ExperimentSchema {
  /// The JSON Schema (draft 2020-12) of a spec file: what `schemas/experiment.schema.json` holds.
  ///
  /// It is made from the table that specs are checked against, so the two agree in everything but cross-field rules,
  /// expressions, and what only the YAML text shows (duplicate keys, tags, look-alike numbers).
  public static var jsonSchema: JSONValue {
    var definitions: [String: JSONValue] = [:]
    for path in SettablePaths.all { definitions[path.name] = path.value.jsonSchema(at: path.name) }
    definitions["axes"] = axes
    definitions["settings"] = settings
    var schema = SpecSchema.root.jsonSchema(at: "").object ?? [:]
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "exp experiment"
    schema["description"] = "A sweep of RL post-training runs, as exp reads it."
    schema["anyOf"] = [["required": ["experiment"]], ["required": ["extends"]]]
    schema["$defs"] = .object(definitions)
    return .object(schema)
  }

  private static var axes: JSONValue {
    var properties: [String: JSONValue] = [:]
    for path in SettablePaths.names {
      let list: JSONValue = [
        "type": "array", "minItems": 1, "uniqueItems": true, "items": reference(path),
      ]
      properties[path] =
        AxisSchema.allowsCount(path)
        ? ["anyOf": [list, AxisSchema.count.jsonSchema(at: "axis")]] : list
    }
    return closed(properties)
  }

  private static var settings: JSONValue {
    closed(
      Dictionary(
        SettablePaths.names.map { ($0, reference($0)) }, uniquingKeysWith: { first, _ in first }))
  }

  private static func closed(_ properties: [String: JSONValue]) -> JSONValue {
    [
      "type": "object", "minProperties": 1, "additionalProperties": false,
      "properties": .object(properties),
    ]
  }

  static func reference(_ definition: String) -> JSONValue {
    ["$ref": .string("#/$defs/\(definition)")]
  }
}

extension MapSchema {
  /// The JSON Schema of a map; keys below a section refer to their definition.
  func jsonSchema(at path: String) -> JSONValue {
    var properties: [String: JSONValue] = [:]
    for key in keys {
      let name = path.isEmpty ? key.name : "\(path).\(key.name)"
      let isShared = SettablePaths.schema(name) != nil
      var schema =
        (isShared ? ExperimentSchema.reference(name) : key.value.jsonSchema(at: name)).object ?? [:]
      schema["description"] = .string(key.summary)
      if let fallback = key.fallback { schema["default"] = fallback }
      properties[key.name] = .object(schema)
    }
    var schema: [String: JSONValue] = [
      "type": "object", "additionalProperties": false, "properties": .object(properties),
    ]
    if !required.isEmpty { schema["required"] = .array(required.map { .string($0) }) }
    return .object(schema)
  }
}

extension ValueSchema {
  /// The JSON Schema of a value.
  func jsonSchema(at path: String) -> JSONValue {
    switch self {
    case .integer(let range):
      [
        "type": "integer", "minimum": .number(Double(range.lowerBound)),
        "maximum": .number(Double(range.upperBound)),
      ]
    case .number(let range): range.jsonSchema
    case .boolean: ["type": "boolean"]
    case .choice(let names): ["enum": .array(names.map { .string($0) })]
    case .name: ["type": "string", "pattern": .string(TextForms.namePattern)]
    case .text, .condition: ["type": "string", "minLength": 1]
    case .path: ["enum": .array(SettablePaths.readable.map { .string($0) })]
    case .size: quantity(TextForms.sizePattern, most: 1e15)
    case .duration: quantity(TextForms.durationPattern, most: 1e9)
    case .memory: ["type": "string", "pattern": .string(TextForms.memoryPattern)]
    case .oneOrMany(let range):
      [
        "anyOf": [
          ValueSchema.integer(range).jsonSchema(at: path),
          [
            "type": "array", "minItems": 1, "uniqueItems": true,
            "items": ValueSchema.integer(range).jsonSchema(at: path),
          ],
        ]
      ]
    case .list(let element, let least):
      [
        "type": "array", "minItems": .number(Double(least)),
        "items": element.jsonSchema(at: "\(path)[]"),
      ]
    case .map(let map): map.jsonSchema(at: path)
    case .learningRate(let range):
      ["anyOf": [range.jsonSchema, SpecSchema.learningRateRule.jsonSchema(at: "rule")]]
    case .entropyControl: EntropyControl.jsonSchema
    case .axes: ExperimentSchema.reference("axes")
    case .settings: ExperimentSchema.reference("settings")
    }
  }

  private func quantity(_ pattern: String, most: Double) -> JSONValue {
    [
      "anyOf": [
        ["type": "number", "exclusiveMinimum": 0, "maximum": .number(most)],
        ["type": "string", "pattern": .string(pattern)],
      ]
    ]
  }
}

extension NumberRange {
  var jsonSchema: JSONValue {
    [
      "type": "number",
      excludesLower ? "exclusiveMinimum" : "minimum": .number(lower),
      excludesUpper ? "exclusiveMaximum" : "maximum": .number(upper),
    ]
  }
}

extension EntropyControl {
  static var jsonSchema: JSONValue {
    var forms: [JSONValue] = [["enum": .array(names.map { .string($0) })]]
    for method in methods {
      var schema = MapSchema(keys: method.keys).jsonSchema(at: "entropy control").object ?? [:]
      var properties = schema["properties"]?.object ?? [:]
      properties["method"] = ["const": .string(method.name)]
      schema["properties"] = .object(properties)
      schema["required"] = ["method"]
      forms.append(.object(schema))
    }
    return ["anyOf": .array(forms)]
  }
}
