/// Reads a `metrics` line of the usual form without a general JSON decoder, which is an order slower.
///
/// The form is one object with `event`, `step`, `seconds` and `values` in any order, plain strings and
/// numbers in them. Anything else is left to the general decoder, so this may refuse but never misread.
struct MetricsLine {
  private let bytes: UnsafeBufferPointer<UInt8>
  private var position = 0
  private(set) var step = 0
  private(set) var seconds = 0.0
  /// The values in the order of the line; a `null` is a value that was not measured and is left out.
  private(set) var values: [(name: String, value: Double)]

  /// Takes a line and a buffer whose capacity is used again.
  init(_ bytes: UnsafeBufferPointer<UInt8>, reusing values: [(name: String, value: Double)]) {
    self.bytes = bytes
    self.values = values
    self.values.removeAll(keepingCapacity: true)
  }

  /// Whether the line is of the form, which fills the members.
  mutating func parse() -> Bool {
    var seen = (event: false, step: false, seconds: false, values: false)
    guard take(0x7b) else { return false }
    repeat {
      guard let key = string(), take(0x3a) else { return false }
      switch key {
      case "event":
        guard !seen.event, string() == "metrics" else { return false }
        seen.event = true
      case "step":
        guard !seen.step, let number = integer() else { return false }
        step = number
        seen.step = true
      case "seconds":
        guard !seen.seconds, let number = number() else { return false }
        seconds = number
        seen.seconds = true
      case "values":
        guard !seen.values, members() else { return false }
        seen.values = true
      default: return false
      }
    } while take(0x2c)
    guard take(0x7d) else { return false }
    skipSpace()
    return position == bytes.count && seen == (true, true, true, true)
  }

  private mutating func members() -> Bool {
    guard take(0x7b) else { return false }
    if take(0x7d) { return true }
    repeat {
      guard let name = string(), take(0x3a) else { return false }
      if takeNull() { continue }
      guard let value = number() else { return false }
      values.append((name, value))
    } while take(0x2c)
    return take(0x7d)
  }

  private mutating func skipSpace() {
    while position < bytes.count {
      let byte = bytes[position]
      guard byte == 0x20 || byte == 0x09 || byte == 0x0d else { return }
      position += 1
    }
  }

  private mutating func take(_ byte: UInt8) -> Bool {
    skipSpace()
    guard position < bytes.count, bytes[position] == byte else { return false }
    position += 1
    return true
  }

  private mutating func takeNull() -> Bool {
    skipSpace()
    guard position + 4 <= bytes.count, bytes[position] == 0x6e, bytes[position + 1] == 0x75,
      bytes[position + 2] == 0x6c, bytes[position + 3] == 0x6c
    else { return false }
    position += 4
    return true
  }

  /// A string of printable ASCII without escapes.
  private mutating func string() -> String? {
    guard take(0x22) else { return nil }
    let start = position
    while position < bytes.count, bytes[position] != 0x22 {
      guard (0x20...0x7e).contains(bytes[position]), bytes[position] != 0x5c else { return nil }
      position += 1
    }
    guard position < bytes.count else { return nil }
    position += 1
    return String(decoding: bytes[start..<(position - 1)], as: UTF8.self)
  }

  private mutating func integer() -> Int? {
    guard let value = number() else { return nil }
    return Int(exactly: value)
  }

  /// A number by JSON's grammar whose value is finite.
  private mutating func number() -> Double? {
    skipSpace()
    let start = position
    var mantissa: UInt64 = 0
    var scale = 0
    let negative = position < bytes.count && bytes[position] == 0x2d
    if negative { position += 1 }
    let whole = position
    let wholeDigits = digits(into: &mantissa)
    guard wholeDigits > 0, wholeDigits == 1 || bytes[whole] != 0x30 else { return nil }
    var count = wholeDigits
    if position < bytes.count, bytes[position] == 0x2e {
      position += 1
      let fraction = digits(into: &mantissa)
      guard fraction > 0 else { return nil }
      scale = fraction
      count += fraction
    }
    let hasExponent = position < bytes.count && bytes[position] | 0x20 == 0x65
    // Below 2^53 and down to 10^-22 both operands are exact, so the quotient is rounded once and right.
    if !hasExponent, count <= 15, scale <= 22 {
      let value = Double(mantissa) / MetricsLine.powersOfTen[scale]
      return negative ? -value : value
    }
    if hasExponent {
      position += 1
      if position < bytes.count, bytes[position] == 0x2b || bytes[position] == 0x2d {
        position += 1
      }
      var exponent: UInt64 = 0
      guard digits(into: &exponent) > 0 else { return nil }
    }
    let text = String(decoding: bytes[start..<position], as: UTF8.self)
    guard let value = Double(text), value.isFinite else { return nil }
    return value
  }

  /// Reads digits, adding them to a number that may overflow harmlessly, and returns how many there were.
  private mutating func digits(into number: inout UInt64) -> Int {
    let start = position
    while position < bytes.count, (0x30...0x39).contains(bytes[position]) {
      number = number &* 10 &+ UInt64(bytes[position] - 0x30)
      position += 1
    }
    return position - start
  }

  private static let powersOfTen: [Double] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
  ]
}
