extension JSONValue {
  /// The canonical text of RFC 8785: members sorted by UTF-16 code units, no white space, numbers as ECMAScript prints them.
  ///
  /// Equal values give equal text, so it is what is hashed. Infinities and NaN, which JSON lacks, become `null`.
  public var canonicalJSON: String {
    var text = ""
    write(into: &text, indent: nil, level: 0)
    return text
  }

  /// The same document spread over lines, two spaces a level, for people.
  public var prettyJSON: String {
    var text = ""
    write(into: &text, indent: 2, level: 0)
    return text
  }

  private func write(into text: inout String, indent: Int?, level: Int) {
    switch self {
    case .null: text += "null"
    case .bool(let value): text += value ? "true" : "false"
    case .number(let value): text += value.shortestText ?? "null"
    case .string(let value): JSONValue.write(value, into: &text)
    case .array(let elements):
      guard !elements.isEmpty else {
        text += "[]"
        return
      }
      // Arrays of scalars stay on one line even for people: a grid axis reads better so.
      let scalars = elements.allSatisfy { $0.array == nil && $0.object == nil }
      let inner = scalars ? nil : indent
      text += "["
      for (index, element) in elements.enumerated() {
        if index > 0 { text += indent != nil && scalars ? ", " : "," }
        JSONValue.breakLine(&text, inner, level + 1)
        element.write(into: &text, indent: indent, level: level + 1)
      }
      JSONValue.breakLine(&text, inner, level)
      text += "]"
    case .object(let members):
      guard !members.isEmpty else {
        text += "{}"
        return
      }
      text += "{"
      for (index, key) in JSONValue.sorted(members.keys).enumerated() {
        if index > 0 { text += "," }
        JSONValue.breakLine(&text, indent, level + 1)
        JSONValue.write(key, into: &text)
        text += indent == nil ? ":" : ": "
        members[key]?.write(into: &text, indent: indent, level: level + 1)
      }
      JSONValue.breakLine(&text, indent, level)
      text += "}"
    }
  }

  /// Keys by their UTF-16 code units, which is the order of the bytes where all are ASCII.
  private static func sorted(_ keys: Dictionary<String, JSONValue>.Keys) -> [String] {
    if keys.allSatisfy({ $0.utf8.allSatisfy { $0 < 0x80 } }) { return keys.sorted() }
    return keys.sorted { $0.utf16.lexicographicallyPrecedes($1.utf16) }
  }

  private static func breakLine(_ text: inout String, _ indent: Int?, _ level: Int) {
    guard let indent else { return }
    text += "\n"
    text += String(repeating: " ", count: indent * level)
  }

  private static func write(_ string: String, into text: inout String) {
    text += "\""
    // Only some ASCII bytes are escaped, so most texts go in whole.
    if string.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x22 && $0 != 0x5c }) {
      text += string
    } else {
      for scalar in string.unicodeScalars { write(scalar, into: &text) }
    }
    text += "\""
  }

  private static func write(_ scalar: Unicode.Scalar, into text: inout String) {
    switch scalar {
    case "\"": text += "\\\""
    case "\\": text += "\\\\"
    case "\u{8}": text += "\\b"
    case "\t": text += "\\t"
    case "\n": text += "\\n"
    case "\u{c}": text += "\\f"
    case "\r": text += "\\r"
    case "\u{0}"..."\u{1f}":
      let digits = String(scalar.value, radix: 16)
      text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
    default: text.unicodeScalars.append(scalar)
    }
  }
}

extension Double {
  /// The shortest decimal text that reads back as the same bits, as ECMAScript's Number::toString; nil where not finite.
  ///
  /// -0 prints as `0`, as RFC 8785 section 3.2.2.3 asks.
  public var shortestText: String? {
    guard isFinite else { return nil }
    guard self != 0 else { return "0" }
    // Whole numbers that are exact need all their digits.
    if magnitude < 0x1p53, let whole = Int(exactly: self) { return String(whole) }
    // Swift's description is shortest round-trip already; only its layout differs from ECMAScript's.
    let (digits, exponent) = Double.decompose(magnitude.description)
    let sign = self < 0 ? "-" : ""
    let count = digits.count
    if exponent > 21 || exponent <= -6 {
      let mantissa = count == 1 ? digits : digits.prefix(1) + "." + digits.dropFirst()
      let power = exponent - 1
      return "\(sign)\(mantissa)e\(power < 0 ? "-" : "+")\(power.magnitude)"
    }
    if exponent >= count {
      return sign + digits + String(repeating: "0", count: exponent - count)
    }
    if exponent > 0 {
      return sign + digits.prefix(exponent) + "." + digits.dropFirst(exponent)
    }
    return sign + "0." + String(repeating: "0", count: -exponent) + digits
  }

  /// Splits Swift's text of a positive number into significant digits and n, where the value is `0.digits * 10^n`.
  private static func decompose(_ text: String) -> (digits: String, exponent: Int) {
    let parts = text.split(separator: "e", maxSplits: 1)
    var exponent = parts.count == 2 ? Int(parts[1]) ?? 0 : 0
    let mantissa = parts[0].split(separator: ".", maxSplits: 1)
    let whole = mantissa[0]
    let fraction = mantissa.count == 2 ? mantissa[1] : ""
    exponent += whole.count
    var digits = whole + fraction
    while digits.first == "0" {
      digits = digits.dropFirst()
      exponent -= 1
    }
    while digits.last == "0" { digits = digits.dropLast() }
    return (String(digits), exponent)
  }
}
