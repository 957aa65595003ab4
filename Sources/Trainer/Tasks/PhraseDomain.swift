/// One subject of questions whose answers have many phrasings: what is asked, how values are said, and what phrases mean.
///
/// Values are whole numbers in the domain's unit; phrases stand without their end.
protocol PhraseDomain: Sendable {
  /// The values there are.
  var values: Range<Int> { get }
  /// Draws a question with the value that answers it.
  func ask(_ random: inout RandomSequence) -> (question: [Int32], value: Int)
  /// Says a value in one of its phrasings.
  func say(_ value: Int, _ random: inout RandomSequence) -> [Int32]
  /// The plainest phrasing of a value, in digits.
  func reference(_ value: Int) -> [Int32]
  /// What a phrase means; nil for what is no phrase of the domain.
  func meaning(_ phrase: [Int32]) -> Int?
  /// Returns a value that is easily taken for another.
  func nearMiss(_ value: Int, _ random: inout RandomSequence) -> Int
}

/// The words of all domains, with their tokens.
enum PhraseWords {
  private static let names = [
    "?", "time", "length", "after", "before", "past", "to", "minutes", "o'clock",
    "oh", "half", "quarter", "a", "an", "and", ":", "plus", "less", "inch", "inches", "foot",
    "feet", "yard", "yards",
  ]
  static let vocabulary = Vocabulary(after: names + NumberWords.symbols)
  static let numbers = NumberWords(
    first: Int32(vocabulary.count - NumberWords.symbols.count), vocabulary: vocabulary)

  /// The token of a word that is in the list above.
  static func token(_ word: String) -> Int32 {
    guard let index = vocabulary.symbols.firstIndex(of: word) else {
      preconditionFailure("'\(word)' is not in the vocabulary")
    }
    return Int32(index)
  }
}
