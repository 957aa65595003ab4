import Trainer

extension Vocabulary {
  /// Tokens of text as `text` writes it: symbols with spaces between them, numbers digit by digit, `.` for the end.
  ///
  /// Words that stand for a token of their own win over digits, but only behind a `#` where they are digits.
  func tokens(_ text: String) -> [Int32] {
    text.split(separator: " ").flatMap { word -> [Int32] in
      if word == "." { return [Vocabulary.eos] }
      if word.allSatisfy(\.isNumber) { return word.compactMap(\.wholeNumberValue).map(digit) }
      let name = word.hasPrefix("#") ? String(word.dropFirst()) : String(word)
      // From the back: a family's own numbers stand behind the digits.
      guard let token = symbols.lastIndex(of: name) else { return [999] }
      return [Int32(token)]
    }
  }
}
