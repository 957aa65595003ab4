/// Reach a target from given numbers with `+`, `-` and `*`, evaluated from left to right, each number used once.
///
/// Prompt: the numbers sorted, the target's tens and units digits, `=`. Answer: `x1 op x2 op …`, then the end.
/// Prompts and answers are ragged where several counts of numbers are configured.
package struct CountdownTask: TaskFamily {
  /// The operators there are, in order of their tokens.
  package enum Operator: Int, Sendable, CaseIterable {
    case add, subtract, multiply

    /// The value of `left op right`.
    package func apply(_ left: Int, _ right: Int) -> Int {
      switch self {
      case .add: left + right
      case .subtract: left - right
      case .multiply: left * right
      }
    }
  }

  package let vocabulary = Vocabulary(after: ["+", "-", "*", "="] + (1...9).map(String.init))
  private let firstOperator: Int32 = 12
  private let equals: Int32 = 15
  private let firstNumber: Int32 = 16

  private let counts: [Int]
  private let maxTarget: Int
  private let slipProbability: Double

  /// Makes the family.
  ///
  /// - Throws: `TrainerError` for counts outside 2...6, targets outside 9...99 or no count at all.
  package init(counts: [Int], maxTarget: Int, slipProbability: Double) throws {
    try TaskCheck.lengths(counts, in: 2...6, key: "task.numbers")
    try TaskCheck.value(maxTarget, in: 9...99, key: "task.max_target")
    try TaskCheck.probability(slipProbability, key: "task.slip_probability")
    self.counts = counts
    self.maxTarget = maxTarget
    self.slipProbability = slipProbability
  }

  package var maxPromptLength: Int { (counts.max() ?? 0) + 3 }
  package var maxResponseLength: Int { 2 * (counts.max() ?? 0) }

  package func draw(_ random: inout RandomSequence) -> Problem {
    let count = counts[random.below(counts.count)]
    while true {
      let numbers = (0..<count).map { _ in 1 + random.below(9) }
      let operators = drawOperators(count - 1, &random)
      let target = evaluate(numbers, operators)
      guard (0...maxTarget).contains(target) else { continue }
      return Problem(
        prompt: prompt(numbers, target: target), reference: response(numbers, operators))
    }
  }

  package func demonstration(of problem: Problem, _ random: inout RandomSequence) -> [Int32] {
    guard random.uniform() < slipProbability else { return problem.reference }
    var response = problem.reference
    for place in stride(from: 1, to: response.count - 1, by: 2) {
      response[place] = firstOperator + Int32(random.below(Operator.allCases.count))
    }
    return response
  }

  package func verify(_ response: [Int32], to problem: Problem) -> Double {
    let count = problem.prompt.count - 3
    guard count > 0, response.count == 2 * count, response.last == Vocabulary.eos else { return 0 }
    var numbers: [Int] = []
    var operators: [Operator] = []
    for (place, token) in response.dropLast().enumerated() {
      if place.isMultiple(of: 2) {
        guard let number = number(token) else { return 0 }
        numbers.append(number)
      } else {
        guard let symbol = Operator(rawValue: Int(token) - Int(firstOperator)) else { return 0 }
        operators.append(symbol)
      }
    }
    // At most six factors of at most nine: the value cannot overflow.
    return prompt(numbers, target: evaluate(numbers, operators)) == problem.prompt ? 1 : 0
  }

  private func drawOperators(_ count: Int, _ random: inout RandomSequence) -> [Operator] {
    (0..<count).map { _ in Operator.allCases[random.below(Operator.allCases.count)] }
  }

  private func evaluate(_ numbers: [Int], _ operators: [Operator]) -> Int {
    var value = numbers[0]
    for (symbol, number) in zip(operators, numbers.dropFirst()) {
      value = symbol.apply(value, number)
    }
    return value
  }

  /// The prompt that these numbers and this target make; empty for a target that no prompt can name.
  private func prompt(_ numbers: [Int], target: Int) -> [Int32] {
    guard (0...99).contains(target) else { return [] }
    return numbers.sorted().map(token)
      + [vocabulary.digit(target / 10), vocabulary.digit(target % 10), equals]
  }

  private func response(_ numbers: [Int], _ operators: [Operator]) -> [Int32] {
    var tokens = [token(numbers[0])]
    for (symbol, number) in zip(operators, numbers.dropFirst()) {
      tokens += [firstOperator + Int32(symbol.rawValue), token(number)]
    }
    return tokens + [Vocabulary.eos]
  }

  private func token(_ number: Int) -> Int32 { firstNumber + Int32(number - 1) }

  private func number(_ token: Int32) -> Int? {
    (firstNumber..<firstNumber + 9).contains(token) ? Int(token - firstNumber) + 1 : nil
  }
}
