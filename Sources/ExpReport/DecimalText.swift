/// A finite number's shortest decimal digits, for rounding that looks right to people.
///
/// Rounding is half away from zero on the digits that are printed: 0.125 to two places is 0.13, and 2.675 is
/// 2.68 though its binary value lies below.
struct DecimalText {
  private var isNegative: Bool
  /// Significant digits, the first not 0; empty for zero.
  private var digits: [UInt8]
  /// The value is `0.digits * 10^exponent`.
  private var exponent: Int

  /// Takes a number; nil unless it is finite.
  init?(_ value: Double) {
    guard value.isFinite else { return nil }
    isNegative = value < 0
    let parts = value.magnitude.description.split(separator: "e", maxSplits: 1)
    let mantissa = parts[0].split(separator: ".", maxSplits: 1)
    let whole = mantissa[0].utf8
    let fraction = mantissa.count == 2 ? mantissa[1].utf8 : "".utf8[...]
    exponent = whole.count + (parts.count == 2 ? Int(parts[1]) ?? 0 : 0)
    digits = (Array(whole) + Array(fraction)).map { $0 - 0x30 }
    let zeros = digits.prefix { $0 == 0 }.count
    digits.removeFirst(zeros)
    exponent -= zeros
    while digits.last == 0 { digits.removeLast() }
    if digits.isEmpty { exponent = 0 }
  }

  /// The power of ten of the first significant digit; nil for zero.
  var leadingPower: Int? { digits.isEmpty ? nil : exponent - 1 }

  /// The first significant digit; 0 for zero.
  var leadingDigit: UInt8 { digits.first ?? 0 }

  /// Rounds to so many places after the point; negative places round before it.
  func rounded(places: Int) -> DecimalText {
    let kept = exponent + places
    guard kept < digits.count else { return self }
    var result = self
    guard kept >= 0 else {
      result.digits = []
      return result
    }
    let up = digits[kept] >= 5
    result.digits.removeLast(digits.count - kept)
    if up {
      while result.digits.last == 9 { result.digits.removeLast() }
      if result.digits.isEmpty {
        result.digits = [1]
        // All nines became one digit a place higher, wherever they stood.
        result.exponent = exponent + 1
      } else {
        result.digits[result.digits.count - 1] += 1
      }
    }
    return result
  }

  /// The digits with exactly `places` after the point; a value that rounds to zero has no sign.
  func fixed(places: Int) -> String {
    let value = rounded(places: places)
    var text = value.isNegative && !value.digits.isEmpty ? "-" : ""
    text += value.exponent > 0 ? value.characters(0..<value.exponent) : "0"
    if places > 0 { text += "." + value.characters(value.exponent..<(value.exponent + places)) }
    return text
  }

  /// One digit, a point, `places` digits and the power of ten.
  func scientific(places: Int) -> String {
    guard let power = leadingPower else { return fixed(places: places) }
    let value = rounded(places: places - power)
    var mantissa = value
    mantissa.exponent = 1
    return "\(mantissa.fixed(places: places))e\((value.leadingPower ?? power))"
  }

  /// The digits at positions counted from the first significant one; zeros outside.
  private func characters(_ range: Range<Int>) -> String {
    String(
      decoding: range.map { digits.indices.contains($0) ? digits[$0] + 0x30 : 0x30 },
      as: UTF8.self)
  }
}
