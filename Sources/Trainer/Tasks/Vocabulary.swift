/// The symbols of a task family: what each token means and how a row of them reads.
package struct Vocabulary: Sendable, Hashable {
  /// The text of each token, by its number.
  package let symbols: [String]
  /// Tokens that are written next to each other without a space: the digits.
  package let digits: ClosedRange<Int32>

  /// Fills up to nothing; never sampled on purpose and never right.
  package static let pad: Int32 = 0
  /// Ends an answer.
  package static let eos: Int32 = 1

  /// Takes the family's own symbols, which follow padding, end and the ten digits.
  package init(after own: [String]) {
    symbols = ["<pad>", "<eos>"] + (0...9).map(String.init) + own
    digits = 2...11
  }

  /// Tokens in the vocabulary.
  package var count: Int { symbols.count }

  /// Returns the token of a decimal digit, 0...9.
  package func digit(_ value: Int) -> Int32 { digits.lowerBound + Int32(value) }

  /// Returns the value of a digit's token; nil for any other token.
  package func digitValue(_ token: Int32) -> Int? {
    digits.contains(token) ? Int(token - digits.lowerBound) : nil
  }

  /// Returns the tokens of a number in decimal digits.
  package func number(_ value: some BinaryInteger) -> [Int32] {
    "\(value.magnitude)".utf8.map { digit(Int($0) - 48) }
  }

  /// Writes tokens for people: symbols with spaces between them, neighbouring digits as one number.
  package func text(_ tokens: some Sequence<Int32>) -> String {
    var text = ""
    var previous: Int32?
    for token in tokens {
      if let previous, !(digits.contains(previous) && digits.contains(token)) { text += " " }
      let known = symbols.indices.contains(Int(token))
      text += known ? symbols[Int(token)] : "<\(token)?>"
      previous = token
    }
    return text
  }
}
