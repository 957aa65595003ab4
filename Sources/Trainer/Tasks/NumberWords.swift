/// Numbers from 1 to 99 as words or digits, and the tokens of the words.
struct NumberWords: Sendable {
  private static let units = [
    "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven",
    "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
  ]
  private static let tens = [
    "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety",
  ]

  /// The words, in order of their tokens.
  static let symbols = units + tens

  /// The token of the first word.
  let first: Int32
  /// Where the digits are.
  let vocabulary: Vocabulary

  /// A number in words.
  func words(_ value: Int) -> [Int32] {
    guard value >= 20 else { return [first + Int32(value - 1)] }
    let ten = first + Int32(NumberWords.units.count + value / 10 - 2)
    return value % 10 == 0 ? [ten] : [ten, first + Int32(value % 10 - 1)]
  }

  /// A number in words or in digits, each half of the time.
  func either(_ value: Int, _ random: inout RandomSequence) -> [Int32] {
    random.below(2) == 0 ? words(value) : vocabulary.number(value)
  }

  /// Reads a number from 1 to 99 in words or digits; nil where none stands there.
  func read(_ cursor: inout TokenCursor) -> Int? {
    if let peek = cursor.peek, vocabulary.digits.contains(peek) {
      return cursor.number(vocabulary, mostDigits: 2).flatMap { $0 > 0 ? $0 : nil }
    }
    return readWords(&cursor)
  }

  private func readWords(_ cursor: inout TokenCursor) -> Int? {
    guard let index = cursor.next(place) else { return nil }
    let units = NumberWords.units.count
    guard index >= units else { return index + 1 }
    let unit = cursor.next { token in place(token).flatMap { $0 < 9 ? $0 + 1 : nil } }
    return (index - units + 2) * 10 + (unit ?? 0)
  }

  private func place(_ token: Int32) -> Int? {
    (first..<first + Int32(NumberWords.symbols.count)).contains(token) ? Int(token - first) : nil
  }
}
