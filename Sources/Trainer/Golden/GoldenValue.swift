internal import ExpCore

/// How far a number may be from the expected one: `atol + rtol * |want|`.
struct GoldenTolerance {
  let absolute: Double
  let relative: Double

  static let double = GoldenTolerance(absolute: 2e-7, relative: 1e-6)
  static let single = GoldenTolerance(absolute: 2e-6, relative: 2e-5)

  init(absolute: Double, relative: Double) {
    self.absolute = absolute
    self.relative = relative
  }

  init(dtype: String) throws {
    switch dtype {
    case "float64": self = .double
    case "float32": self = .single
    default: throw GoldenError("unknown dtype '\(dtype)'")
    }
  }
}

/// What our functions make of a case, under one key of its expectations.
struct GoldenValue {
  /// All numbers in order.
  let numbers: [Double]
  /// Which of the expected numbers are compared; nil for all.
  let compared: [Int]?
  /// Whether an expectation may leave it out.
  let isOptional: Bool
  /// The peer computed it in single precision whatever the case's dtype.
  let isSingle: Bool

  init(
    _ numbers: [Double], compared: [Int]? = nil, isOptional: Bool = false, isSingle: Bool = false
  ) {
    self.numbers = numbers
    self.compared = compared
    self.isOptional = isOptional
    self.isSingle = isSingle
  }

  static func number(_ value: Double) -> GoldenValue { GoldenValue([value]) }
  static func count(_ value: Int) -> GoldenValue { GoldenValue([Double(value)]) }
  static func flag(_ value: Bool) -> GoldenValue { GoldenValue([value ? 1 : 0]) }

  /// A share of tokens or answers, which peers take in single precision.
  static func fraction(_ value: Double, isOptional: Bool = false) -> GoldenValue {
    GoldenValue([value], isOptional: isOptional, isSingle: true)
  }

  /// A value of each token, 0 at all other places.
  static func padded(_ values: [Double], _ tokens: GoldenRows, isSingle: Bool = false)
    -> GoldenValue
  {
    GoldenValue(tokens.padded(values), isSingle: isSingle)
  }

  /// A value of each token, anything at all other places.
  static func masked(_ values: [Double], _ tokens: GoldenRows, isSingle: Bool = false)
    -> GoldenValue
  {
    GoldenValue(
      tokens.padded(values), compared: tokens.places.map { $0.row * tokens.columns + $0.column },
      isSingle: isSingle)
  }
}

/// How far a case is from its expectations.
struct GoldenOutcome {
  private(set) var largestAbsolute = 0.0
  private(set) var largestRelative = 0.0
  private(set) var problems: [String] = []

  /// Compares everything that is expected with what was computed.
  init(_ computed: [String: GoldenValue], expected: GoldenObject, tolerance: GoldenTolerance) throws
  {
    for key in expected.members.keys.sorted() where computed[key] == nil {
      throw GoldenError("nothing computes 'expected.\(key)'")
    }
    for (key, value) in computed.sorted(by: { $0.key < $1.key }) {
      if value.isOptional && expected.members[key] == nil { continue }
      var want: [Double] = []
      try Self.flatten(expected.value(key), "expected.\(key)", into: &want)
      compare(key, value, want, value.isSingle ? .single : tolerance)
    }
  }

  private mutating func compare(
    _ key: String, _ got: GoldenValue, _ want: [Double], _ tolerance: GoldenTolerance
  ) {
    guard got.numbers.count == want.count else {
      problems.append("\(key): \(got.numbers.count) numbers, \(want.count) expected")
      return
    }
    var isFirst = true
    for index in got.compared ?? Array(want.indices) {
      let (value, goal) = (got.numbers[index], want[index])
      let error = (value - goal).magnitude
      largestAbsolute = max(largestAbsolute, error.isNaN ? .infinity : error)
      if goal != 0 { largestRelative = max(largestRelative, error / goal.magnitude) }
      // Written so that NaN fails.
      guard !(error <= tolerance.absolute + tolerance.relative * goal.magnitude) else { continue }
      if isFirst { problems.append("\(key)[\(index)]: \(value), expected \(goal)") }
      isFirst = false
    }
  }

  private static func flatten(
    _ value: JSONValue, _ name: String, into numbers: inout [Double]
  ) throws {
    switch value {
    case .array(let elements):
      for element in elements { try flatten(element, name, into: &numbers) }
    case .bool(let flag):
      numbers.append(flag ? 1 : 0)
    default:
      numbers.append(try GoldenObject.number(value, name))
    }
  }
}
