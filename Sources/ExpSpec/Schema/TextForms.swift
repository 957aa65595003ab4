internal import ExpCore

/// Texts with a grammar, each with the regular expression that the JSON Schema publishes for it.
///
/// The patterns end in `$(?!\n)` because `$` alone allows a line break after it in some engines.
enum TextForms {
  private static let end = #"$(?!\n)"#
  private static let amount = #"([1-9][0-9]{0,5}(\.[0-9]{1,3})?|0\.[0-9]{0,2}[1-9])"#

  static let namePattern = "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}" + end
  static let sizePattern = "^" + amount + "[kKmMbB]" + end
  static let durationPattern = "^" + amount + "[smhd]" + end
  static let memoryPattern = "^(auto|" + amount + "(MB|GB|MiB|GiB))" + end

  /// Whether a text is a name that is safe in a path.
  static func isName(_ text: String) -> Bool {
    let bytes = Array(text.utf8)
    guard let first = bytes.first, bytes.count <= 64, isLetterOrDigit(first) else { return false }
    return bytes.allSatisfy { isLetterOrDigit($0) || [0x2e, 0x5f, 0x2d].contains($0) }
  }

  /// The parameters that a text such as `300k` stands for.
  static func size(_ text: String) -> Double? {
    guard let last = text.last, "kKmMbB".contains(last), isAmount(text.dropLast()) else {
      return nil
    }
    return Quantity.size(text)
  }

  /// The seconds that a text such as `2h` stands for.
  static func duration(_ text: String) -> Double? {
    guard let last = text.last, "smhd".contains(last), isAmount(text.dropLast()) else { return nil }
    return Quantity.duration(text)
  }

  /// The bytes that a text such as `2GiB` stands for.
  static func memory(_ text: String) -> Double? {
    let units: [(String, Double)] = [
      ("MiB", 1_048_576), ("GiB", 1_073_741_824), ("MB", 1e6), ("GB", 1e9),
    ]
    for (unit, bytes) in units where text.hasSuffix(unit) {
      let number = text.dropLast(unit.count)
      guard isAmount(number), let value = Double(number) else { return nil }
      return value * bytes
    }
    return nil
  }

  /// Whether a text is a positive number with at most six digits before the point and three after it.
  private static func isAmount(_ text: Substring) -> Bool {
    let parts = text.utf8.split(separator: 0x2e, omittingEmptySubsequences: false)
    guard let whole = parts.first, parts.count <= 2, parts.allSatisfy({ $0.allSatisfy(isDigit) }),
      (1...6).contains(whole.count)
    else { return false }
    let fraction = parts.count == 2 ? parts[1] : nil
    if let fraction, !(1...3).contains(fraction.count) { return false }
    if whole.first == 0x30 {
      guard whole.count == 1, let fraction else { return false }
      return fraction.last != 0x30
    }
    return true
  }

  private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }

  private static func isLetterOrDigit(_ byte: UInt8) -> Bool {
    isDigit(byte) || (0x41...0x5a).contains(byte & 0xdf)
  }
}
