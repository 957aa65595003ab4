/// Numbers with units, as people write sizes and times.
public enum Quantity {
  /// Reads a size or a plain number: `1e6`, `300k`, `2.7m`, `7B`; nil for anything else.
  ///
  /// `k`, `m` and `b` in either case are 10^3, 10^6 and 10^9. The result is the double nearest to what is written.
  public static func size(_ text: String) -> Double? {
    guard let last = text.last else { return nil }
    switch last {
    case "k", "K": return number(text.dropLast(), exponent: 3)
    case "m", "M": return number(text.dropLast(), exponent: 6)
    case "b", "B": return number(text.dropLast(), exponent: 9)
    default: return number(text[...], exponent: nil)
    }
  }

  /// Reads a time in seconds: `90`, `90s`, `30m`, `2h`, `1.5d`; nil for anything else.
  public static func duration(_ text: String) -> Double? {
    guard let last = text.last else { return nil }
    let seconds: Double
    switch last {
    case "s": seconds = 1
    case "m": seconds = 60
    case "h": seconds = 3600
    case "d": seconds = 86_400
    default: return number(text[...], exponent: nil)
    }
    guard let count = number(text.dropLast(), exponent: 0) else { return nil }
    let value = count * seconds
    return value.isFinite ? value : nil
  }

  /// Reads a decimal number; with `exponent` given, one without an exponent of its own, times ten to that power.
  ///
  /// The exponent joins the text before it is rounded, so that `2.7m` is exactly the double nearest 2,700,000.
  static func number(_ text: Substring, exponent: Int?) -> Double? {
    guard let form = DecimalForm(text), exponent == nil || !form.hasExponent else { return nil }
    let written = exponent.map { "\(text)e\($0)" } ?? String(text)
    guard let value = Double(written), value.isFinite else { return nil }
    return value
  }
}

/// Whether a text is a decimal number, judged by its letters alone: `Double` reads `nan` and `0x1p3` too.
package struct DecimalForm {
  /// Whether there is an `e`.
  package private(set) var hasExponent = false

  /// Nil unless the text is an optional sign, digits with at most one point, and an optional exponent.
  package init?(_ text: Substring) {
    var rest = text.utf8[...]
    func skipSign() { if rest.first == 0x2b || rest.first == 0x2d { rest = rest.dropFirst() } }
    func skipDigits() -> Int {
      let digits = rest.prefix { (0x30...0x39).contains($0) }
      rest = rest.dropFirst(digits.count)
      return digits.count
    }
    skipSign()
    var digits = skipDigits()
    if rest.first == 0x2e {
      rest = rest.dropFirst()
      digits += skipDigits()
    }
    guard digits > 0 else { return nil }
    if rest.first == 0x65 || rest.first == 0x45 {
      hasExponent = true
      rest = rest.dropFirst()
      skipSign()
      guard skipDigits() > 0 else { return nil }
    }
    guard rest.isEmpty else { return nil }
  }
}
