/// A place in an answer that is being read from left to right.
struct TokenCursor {
  private let tokens: [Int32]
  private(set) var place = 0

  init(_ tokens: [Int32]) { self.tokens = tokens }

  var isAtEnd: Bool { place >= tokens.count }

  /// The token to be read next; nil at the end.
  var peek: Int32? { isAtEnd ? nil : tokens[place] }

  /// Goes past a token if it is the next one.
  mutating func take(_ token: Int32) -> Bool {
    guard peek == token else { return false }
    place += 1
    return true
  }

  /// Goes past the next token if it means something.
  mutating func next<Value>(_ meaning: (Int32) -> Value?) -> Value? {
    guard let token = peek, let value = meaning(token) else { return nil }
    place += 1
    return value
  }

  /// Goes past a number in decimal digits without leading zeros; nil where there is none or it is longer.
  mutating func number(_ vocabulary: Vocabulary, mostDigits: Int) -> Int? {
    let start = place
    var value = 0
    while let digit = next(vocabulary.digitValue) {
      guard place - start <= mostDigits, place == start + 1 || value > 0 else { return nil }
      value = value * 10 + digit
    }
    return place > start ? value : nil
  }
}
