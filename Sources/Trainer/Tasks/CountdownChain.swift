/// Numbers with an operator between each two, worked out from left to right.
package struct CountdownChain: Sendable, Hashable {
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

  /// The numbers, one or more, 1...9.
  package var numbers: [Int]
  /// One operator fewer.
  package var operators: [Operator]

  /// Makes a chain.
  package init(numbers: [Int], operators: [Operator]) {
    self.numbers = numbers
    self.operators = operators
  }

  /// The result of each operation; a chain of n numbers stays below 9^n in magnitude.
  package var results: [Int] {
    var value = numbers[0]
    return zip(operators, numbers.dropFirst()).map { symbol, number in
      value = symbol.apply(value, number)
      return value
    }
  }

  /// The last result.
  package var value: Int { results.last ?? numbers[0] }
}
