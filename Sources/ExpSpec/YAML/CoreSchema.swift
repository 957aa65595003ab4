package import ExpCore

/// Plain scalars by the core schema of YAML 1.2 (section 10.3.2), without what only looks like a number.
package enum CoreSchema {
  /// What a plain scalar is.
  package enum Reading: Equatable {
    case value(JSONValue)
    /// It looks like a number and is not one that a spec may hold; the reason and the mend.
    case refused(String, help: String)
  }

  /// The largest whole number that a double holds together with all below it.
  static let largestInteger = 9_007_199_254_740_992.0

  /// Reads a plain scalar.
  package static func read(_ text: String) -> Reading {
    switch text {
    case "", "~", "null", "Null", "NULL": return .value(.null)
    case "true", "True", "TRUE": return .value(true)
    case "false", "False", "FALSE": return .value(false)
    default: break
    }
    guard looksNumeric(text) else { return .value(.string(text)) }
    return number(text)
  }

  /// Whether a text is written in the letters of numbers: `012`, `1_000`, `1:30`, `0x1F`, `.inf`, `2024-01-01`.
  static func looksNumeric(_ text: String) -> Bool {
    var bytes = Array(text.utf8)[...]
    if bytes.first == 0x2b || bytes.first == 0x2d { bytes = bytes.dropFirst() }
    if [".inf", ".Inf", ".INF", ".nan", ".NaN", ".NAN"].contains(
      String(decoding: bytes, as: UTF8.self))
    {
      return true
    }
    if let rest = digitsAfterRadix(bytes) {
      return rest.allSatisfy { isHexDigit($0) || $0 == 0x5f }
    }
    let first = bytes.first == 0x2e ? bytes.dropFirst().first : bytes.first
    guard let first, isDigit(first) else { return false }
    // Digits and _ . : , + - e E
    return bytes.allSatisfy {
      isDigit($0) || [0x5f, 0x2e, 0x3a, 0x2c, 0x2b, 0x2d, 0x65, 0x45].contains($0)
    }
  }

  private static func number(_ text: String) -> Reading {
    let unsigned = text.utf8.first == 0x2b || text.utf8.first == 0x2d ? text.dropFirst() : text[...]
    if unsigned.hasPrefix("0x") || unsigned.hasPrefix("0o") {
      guard unsigned.count == text.count else { return notANumber(text) }
      return radixNumber(text, String(unsigned.dropFirst(2)), unsigned.hasPrefix("0x") ? 16 : 8)
    }
    if [".inf", ".nan"].contains(unsigned.lowercased()) {
      return .refused("'\(text)' is not a finite number", help: "write a number")
    }
    let digits = unsigned.utf8.prefix(while: isDigit)
    if digits.count > 1, digits.first == 0x30, DecimalForm(text[...]) != nil {
      return .refused(
        "'\(text.shortened)' begins with 0, which some readers take for octal",
        help: "drop the leading zeros, or put it in quotes if it is text")
    }
    guard let form = DecimalForm(text[...]), let value = Double(text) else {
      return notANumber(text)
    }
    let isWhole = !form.hasExponent && !text.utf8.contains(0x2e)
    if isWhole, !isExact(text) {
      return .refused(
        "'\(text.shortened)' is too large: whole numbers are exact up to 9007199254740992",
        help: "put it in quotes if it is text")
    }
    if !value.isFinite {
      return .refused(
        "'\(text.shortened)' is too large for a number", help: "put it in quotes if it is text")
    }
    if value == 0,
      unsigned.utf8.prefix(while: { $0 != 0x65 && $0 != 0x45 }).contains(where: {
        (0x31...0x39).contains($0)
      })
    {
      return .refused("'\(text.shortened)' is too small for a number", help: "write 0")
    }
    return .value(.number(value))
  }

  private static func isExact(_ digits: String) -> Bool {
    Int(digits).map { $0.magnitude <= UInt(largestInteger) } ?? false
  }

  private static func radixNumber(_ text: String, _ digits: String, _ radix: Int) -> Reading {
    guard !digits.isEmpty, digits.utf8.allSatisfy(isHexDigit),
      digits.utf8.allSatisfy({ radix == 16 || (0x30...0x37).contains($0) })
    else { return notANumber(text) }
    guard let value = UInt64(digits, radix: radix), value <= UInt64(largestInteger) else {
      return .refused(
        "'\(text.shortened)' is too large: whole numbers are exact up to 9007199254740992",
        help: "put it in quotes if it is text")
    }
    return .value(.number(Double(value)))
  }

  private static func notANumber(_ text: String) -> Reading {
    .refused(
      "'\(text.shortened)' looks like a number and is not one",
      help: text.utf8.contains(0x5f)
        ? "write it without '_', or in quotes if it is text" : "put it in quotes if it is text")
  }

  private static func digitsAfterRadix(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
    guard bytes.count >= 2, bytes.first == 0x30, let letter = bytes.dropFirst().first,
      [0x78, 0x6f, 0x62].contains(letter)
    else { return nil }
    return bytes.dropFirst(2)
  }

  private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }

  private static func isHexDigit(_ byte: UInt8) -> Bool {
    isDigit(byte) || (0x61...0x66).contains(byte | 0x20)
  }
}
