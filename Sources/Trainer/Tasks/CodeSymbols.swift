/// The tokens of the small language, behind padding, end and the ten digits.
enum CodeSymbols {
  static let arrow: Int32 = 12
  static let bar: Int32 = 13
  static let firstVariable: Int32 = 14
  static let firstOperator: Int32 = 17
  static let firstComparison: Int32 = 20
  static let assign: Int32 = 22
  static let ifWord: Int32 = 23
  static let elseWord: Int32 = 24
  static let whileWord: Int32 = 25
  static let repeatWord: Int32 = 26
  static let returnWord: Int32 = 27
  static let open: Int32 = 28
  static let close: Int32 = 29

  static let vocabulary = Vocabulary(after: [
    ">", "|", "x", "y", "z", "+", "-", "*", "<", "==", "=", "if", "else", "while", "repeat",
    "return", "{", "}",
  ])
}

/// Arithmetic on digits, modulo ten.
enum CodeOperator: Int32, Sendable, CaseIterable {
  case add, subtract, multiply

  /// The digit that `left op right` gives.
  func apply(_ left: Int, _ right: Int) -> Int {
    switch self {
    case .add: (left + right) % 10
    case .subtract: (left - right + 10) % 10
    case .multiply: left * right % 10
    }
  }

  var token: Int32 { CodeSymbols.firstOperator + rawValue }
}

/// Comparisons of digits.
enum CodeComparison: Int32, Sendable, CaseIterable {
  case less, equal

  func holds(_ left: Int, _ right: Int) -> Bool {
    switch self {
    case .less: left < right
    case .equal: left == right
    }
  }

  var token: Int32 { CodeSymbols.firstComparison + rawValue }
}

/// What an operation works on.
enum CodeOperand: Sendable, Hashable {
  /// `x`, `y` or `z`, by its number.
  case variable(Int)
  case digit(Int)

  /// Variables there are; the first two hold the inputs, the third begins as 0.
  static let variables = 3

  /// Reads a token; nil for any other.
  init?(_ token: Int32) {
    if let digit = CodeSymbols.vocabulary.digitValue(token) {
      self = .digit(digit)
    } else if let variable = CodeOperand.variable(token) {
      self = .variable(variable)
    } else {
      return nil
    }
  }

  /// The number of a variable's token; nil for any other token.
  static func variable(_ token: Int32) -> Int? {
    (CodeSymbols.firstVariable..<CodeSymbols.firstOperator).contains(token)
      ? Int(token - CodeSymbols.firstVariable) : nil
  }

  var token: Int32 {
    switch self {
    case .variable(let number): CodeSymbols.firstVariable + Int32(number)
    case .digit(let value): CodeSymbols.vocabulary.digit(value)
    }
  }
}
