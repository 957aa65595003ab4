/// How a chain is written as tokens: `x1 op x2 op …`, or with its working, `x1 op x2 = r1 ; r1 op x3 = r2 ; …`.
///
/// Given numbers are tokens of their own, results are written digit by digit, negative ones behind a minus sign.
struct CountdownNotation: Sendable {
  /// What an answer says.
  struct Reading {
    /// The numbers and operators it uses.
    var chain: CountdownChain
    /// The result it ends with; nil where no working is written.
    var result: Int?
  }

  let writesWorking: Bool
  let vocabulary: Vocabulary

  private static let firstOperator: Int32 = 12
  private static let minus: Int32 = 13
  private static let equals: Int32 = 15
  private static let firstNumber: Int32 = 16
  private static let separator: Int32 = 25
  /// More digits than any chain's result has.
  private static let mostDigits = 7

  init(writesWorking: Bool) {
    self.writesWorking = writesWorking
    let numbers = (1...9).map(String.init)
    vocabulary = Vocabulary(
      after: ["+", "-", "*", "="] + numbers + (writesWorking ? [";"] : []))
  }

  /// Tokens of the longest chain of so many numbers, with its end.
  ///
  /// Result k has at most k + 1 characters: those of 9^(k + 1), or of -8 * 9^k. So operation k takes 2k + 5 tokens, the
  /// first 6, since it begins with one number; with first number and end that adds up to n^2 + 4n - 5.
  func longest(_ numbers: Int) -> Int {
    writesWorking ? numbers * numbers + 4 * numbers - 5 : 2 * numbers
  }

  func prompt(_ numbers: [Int], target: Int) -> [Int32] {
    numbers.sorted().map(token)
      + [vocabulary.digit(target / 10), vocabulary.digit(target % 10), Self.equals]
  }

  func write(_ chain: CountdownChain) -> [Int32] {
    var tokens = [token(chain.numbers[0])]
    let results = chain.results
    for (index, symbol) in chain.operators.enumerated() {
      if writesWorking && index > 0 { tokens += [Self.separator] + digits(results[index - 1]) }
      tokens += [Self.firstOperator + Int32(symbol.rawValue), token(chain.numbers[index + 1])]
      if writesWorking { tokens += [Self.equals] + digits(results[index]) }
    }
    return tokens + [Vocabulary.eos]
  }

  /// Reads an answer; nil unless it has the notation's shape and ends with the end.
  ///
  /// Results in between must be numbers and are otherwise not looked at.
  func read(_ tokens: [Int32]) -> Reading? {
    var cursor = TokenCursor(tokens)
    guard let first = cursor.next(number) else { return nil }
    var reading = Reading(chain: CountdownChain(numbers: [first], operators: []))
    while !cursor.take(Vocabulary.eos) {
      if writesWorking && !reading.chain.operators.isEmpty {
        guard cursor.take(Self.separator), integer(&cursor) != nil else { return nil }
      }
      guard let symbol = cursor.next(symbol), let number = cursor.next(number) else { return nil }
      reading.chain.operators.append(symbol)
      reading.chain.numbers.append(number)
      guard writesWorking else { continue }
      guard cursor.take(Self.equals), let result = integer(&cursor) else { return nil }
      reading.result = result
    }
    return cursor.isAtEnd ? reading : nil
  }

  private func digits(_ value: Int) -> [Int32] {
    (value < 0 ? [Self.minus] : []) + vocabulary.number(value.magnitude)
  }

  /// An integer as it is usually written: no leading zero, no negative zero.
  private func integer(_ cursor: inout TokenCursor) -> Int? {
    let isNegative = cursor.take(Self.minus)
    guard let value = cursor.number(vocabulary, mostDigits: Self.mostDigits) else { return nil }
    return isNegative ? (value == 0 ? nil : -value) : value
  }

  private func token(_ number: Int) -> Int32 { Self.firstNumber + Int32(number - 1) }

  private func number(_ token: Int32) -> Int? {
    (Self.firstNumber..<Self.firstNumber + 9).contains(token)
      ? Int(token - Self.firstNumber) + 1 : nil
  }

  private func symbol(_ token: Int32) -> CountdownChain.Operator? {
    CountdownChain.Operator(rawValue: Int(token) - Int(Self.firstOperator))
  }
}
