/// Hexadecimal as identities are written: lower case, all digits.
enum HexDigits {
  /// Writes the 16 digits of a word.
  static func write(_ word: UInt64, to digits: UnsafeMutableBufferPointer<UInt8>, at start: Int) {
    for place in 0..<16 {
      let value = UInt8(truncatingIfNeeded: word >> UInt64(60 - 4 * place)) & 15
      digits[start + place] = value < 10 ? 0x30 + value : 0x57 + value
    }
  }

  /// The digits of words, one behind the other.
  static func text(of words: UInt64...) -> String {
    String(unsafeUninitializedCapacity: 16 * words.count) { digits in
      for (index, word) in words.enumerated() { write(word, to: digits, at: 16 * index) }
      return 16 * words.count
    }
  }

  /// The words that digits stand for; nil unless there are 16 lower-case digits to each of them.
  static func words(_ text: String, count: Int) -> [UInt64]? {
    guard text.utf8.count == 16 * count else { return nil }
    var words = [UInt64](repeating: 0, count: count)
    for (place, digit) in text.utf8.enumerated() {
      let value: UInt8
      switch digit {
      case 0x30...0x39: value = digit - 0x30
      case 0x61...0x66: value = digit - 0x57
      default: return nil
      }
      words[place / 16] = words[place / 16] << 4 | UInt64(value)
    }
    return words
  }
}
