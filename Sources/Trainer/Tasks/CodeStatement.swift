/// A program of the small language as a tree, as the generator draws it.
indirect enum CodeStatement: Sendable, Hashable {
  case assign(Int, CodeExpression)
  case branch(CodeCondition, [CodeStatement], [CodeStatement])
  case loop(CodeCondition, [CodeStatement])
  case repetition(CodeOperand, [CodeStatement])
  case result(CodeExpression)

  /// Its tokens.
  var tokens: [Int32] {
    switch self {
    case .assign(let variable, let expression):
      [CodeOperand.variable(variable).token, CodeSymbols.assign] + expression.tokens
    case .branch(let condition, let body, let other):
      [CodeSymbols.ifWord] + condition.tokens + Self.block(body)
        + (other.isEmpty ? [] : [CodeSymbols.elseWord] + Self.block(other))
    case .loop(let condition, let body):
      [CodeSymbols.whileWord] + condition.tokens + Self.block(body)
    case .repetition(let times, let body):
      [CodeSymbols.repeatWord, times.token] + Self.block(body)
    case .result(let expression): [CodeSymbols.returnWord] + expression.tokens
    }
  }

  private static func block(_ body: [CodeStatement]) -> [Int32] {
    [CodeSymbols.open] + body.flatMap(\.tokens) + [CodeSymbols.close]
  }

  /// The tokens of a whole program with its end.
  static func program(_ statements: [CodeStatement]) -> [Int32] {
    statements.flatMap(\.tokens) + [Vocabulary.eos]
  }

  /// Every list of statements that leaves one statement, at any depth, out of these.
  static func reductions(_ statements: [CodeStatement]) -> [[CodeStatement]] {
    statements.indices.flatMap { index in
      var without = statements
      without.remove(at: index)
      return [without]
        + statements[index].reductions.map { smaller in
          var changed = statements
          changed[index] = smaller
          return changed
        }
    }
  }

  private var reductions: [CodeStatement] {
    switch self {
    case .assign, .result: []
    case .branch(let condition, let body, let other):
      Self.reductions(body).map { .branch(condition, $0, other) }
        + Self.reductions(other).map { .branch(condition, body, $0) }
    case .loop(let condition, let body):
      Self.reductions(body).map { .loop(condition, $0) }
    case .repetition(let times, let body):
      Self.reductions(body).map { .repetition(times, $0) }
    }
  }
}

/// An operand, or two with an operator between them.
struct CodeExpression: Sendable, Hashable {
  var first: CodeOperand
  var rest: (symbol: CodeOperator, operand: CodeOperand)?

  var tokens: [Int32] {
    [first.token] + (rest.map { [$0.symbol.token, $0.operand.token] } ?? [])
  }

  static func == (left: CodeExpression, right: CodeExpression) -> Bool {
    left.tokens == right.tokens
  }

  func hash(into hasher: inout Hasher) { hasher.combine(tokens) }
}

/// A comparison of a variable with an operand.
struct CodeCondition: Sendable, Hashable {
  var left: CodeOperand
  var comparison: CodeComparison
  var right: CodeOperand

  var tokens: [Int32] { [left.token, comparison.token, right.token] }
}
