internal import ExpCore

/// Why a case or a file of golden vectors cannot be run.
struct GoldenError: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = description }
}

/// Members of a JSON object, read with their names in every error.
struct GoldenObject {
  let name: String
  let members: [String: JSONValue]

  init(_ value: JSONValue?, _ name: String) throws {
    guard let members = value?.object else { throw GoldenError("'\(name)' is not an object") }
    self.name = name
    self.members = members
  }

  func value(_ key: String) throws -> JSONValue {
    guard let value = members[key] else { throw GoldenError("'\(name)' has no '\(key)'") }
    return value
  }

  func number(_ key: String) throws -> Double { try Self.number(value(key), "\(name).\(key)") }

  /// A number, or nil where it is null.
  func numberOrNull(_ key: String) throws -> Double? {
    if case .null = try value(key) { return nil }
    return try number(key)
  }

  /// A number, or nil where there is none.
  func numberIfPresent(_ key: String) throws -> Double? {
    members[key] == nil ? nil : try number(key)
  }

  func count(_ key: String) throws -> Int {
    guard let count = try value(key).integer, (1...1_000_000).contains(count) else {
      throw GoldenError("'\(name).\(key)' is not a count from 1 to 1000000")
    }
    return count
  }

  func flag(_ key: String) throws -> Bool {
    guard let flag = try value(key).bool else {
      throw GoldenError("'\(name).\(key)' is not true or false")
    }
    return flag
  }

  func string(_ key: String) throws -> String {
    guard let text = try value(key).string else {
      throw GoldenError("'\(name).\(key)' is not a string")
    }
    return text
  }

  func array(_ key: String) throws -> [JSONValue] {
    guard let elements = try value(key).array else {
      throw GoldenError("'\(name).\(key)' is not a list")
    }
    return elements
  }

  func numbers(_ key: String) throws -> [Double] {
    try array(key).map { try Self.number($0, "\(name).\(key)") }
  }

  /// A list with a number for each of so many things.
  func numbers(_ key: String, count: Int) throws -> [Double] {
    let numbers = try numbers(key)
    guard numbers.count == count else {
      throw GoldenError("'\(name).\(key)' has \(numbers.count) numbers, not \(count)")
    }
    return numbers
  }

  /// A list of whole numbers that `Int32` holds.
  func integers(_ key: String) throws -> [Int] {
    try array(key).map { try Self.integer($0, "\(name).\(key)") }
  }

  static func integer(_ value: JSONValue, _ place: String) throws -> Int {
    guard let integer = value.integer, Int32(exactly: integer) != nil else {
      throw GoldenError("'\(place)' has something else than a whole number of 32 bits")
    }
    return integer
  }

  static func number(_ value: JSONValue, _ place: String) throws -> Double {
    guard let number = value.number, number.isFinite else {
      throw GoldenError("'\(place)' has something else than a finite number")
    }
    return number
  }
}

/// One case of a file of golden vectors.
struct GoldenCase {
  let function: String
  let name: String
  /// The tolerances that the precision of the peer's numbers allows.
  let tolerance: GoldenTolerance
  let inputs: GoldenObject
  let params: GoldenObject
  let expected: GoldenObject

  init(_ value: JSONValue, function: String) throws {
    let members = try GoldenObject(value, "case")
    self.function = function
    name = try members.string("name")
    tolerance = try GoldenTolerance(dtype: members.string("dtype"))
    inputs = try GoldenObject(members.value("inputs"), "inputs")
    params = try GoldenObject(members.value("params"), "params")
    expected = try GoldenObject(members.value("expected"), "expected")
  }

  /// The valid tokens of a mask among the inputs, as rows.
  func rows(_ key: String = "response_mask") throws -> GoldenRows {
    try GoldenRows(inputs.array(key), "inputs.\(key)")
  }
}
