/// Draws programs of the small language: so many assignments and returns, some of them in blocks, and a closing `return`.
struct CodeGenerator: Sendable {
  /// The most assignments and returns before the closing `return`.
  let maxStatements: Int
  /// The most blocks that lie in each other.
  let maxNesting: Int

  /// Tokens of the longest program that can be drawn, with its end.
  ///
  /// An assignment has 5 tokens at most, a block's frame 6, or 9 where it holds two or more statements in two blocks.
  var longest: Int { (5 + 6 * maxNesting) * maxStatements + 5 }

  /// Draws a program with so many assignments and returns before the closing `return`.
  func draw(_ count: Int, _ random: inout RandomSequence) -> [CodeStatement] {
    guard count > 0 else { return [.result(expression(operators: 3, &random))] }
    return block(count, nesting: 0, &random) + [.result(expression(&random))]
  }

  /// So many assignments and returns in all.
  private func block(
    _ count: Int, nesting: Int, _ random: inout RandomSequence
  ) -> [CodeStatement] {
    var statements: [CodeStatement] = []
    var left = count
    while left > 0 {
      if nesting < maxNesting && random.below(2) == 0 {
        let inner = 1 + random.below(left)
        statements.append(control(inner, nesting: nesting, &random))
        left -= inner
      } else {
        statements.append(simple(isNested: nesting > 0, &random))
        left -= 1
      }
    }
    return statements
  }

  private func simple(isNested: Bool, _ random: inout RandomSequence) -> CodeStatement {
    if isNested && random.below(3) == 0 { return .result(expression(&random)) }
    return .assign(random.below(CodeOperand.variables), expression(&random))
  }

  private func control(
    _ inner: Int, nesting: Int, _ random: inout RandomSequence
  ) -> CodeStatement {
    switch random.below(4) {
    case 0: return .loop(condition(&random), block(inner, nesting: nesting + 1, &random))
    case 1: return .repetition(operand(&random), block(inner, nesting: nesting + 1, &random))
    default:
      let other = inner > 1 ? random.below(inner) : 0
      return .branch(
        condition(&random), block(inner - other, nesting: nesting + 1, &random),
        block(other, nesting: nesting + 1, &random))
    }
  }

  private func condition(_ random: inout RandomSequence) -> CodeCondition {
    CodeCondition(
      left: variable(&random), comparison: CodeComparison.allCases[random.below(2)],
      right: operand(&random))
  }

  /// A variable, in so many of four cases with an operator behind it; longer programs have simpler expressions.
  private func expression(
    operators: Int = 2, _ random: inout RandomSequence
  ) -> CodeExpression {
    let first = variable(&random)
    guard random.below(4) < operators else { return CodeExpression(first: first, rest: nil) }
    let symbol = CodeOperator.allCases[random.below(CodeOperator.allCases.count)]
    return CodeExpression(first: first, rest: (symbol, operand(&random)))
  }

  private func variable(_ random: inout RandomSequence) -> CodeOperand {
    .variable(random.below(CodeOperand.variables))
  }

  private func operand(_ random: inout RandomSequence) -> CodeOperand {
    random.below(2) == 0 ? variable(&random) : .digit(1 + random.below(9))
  }
}
