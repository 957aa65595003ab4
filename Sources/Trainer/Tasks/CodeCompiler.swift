/// Turns an answer's tokens into a program, without recursion, in one pass.
///
/// ```
/// program    = statement* <eos>
/// statement  = variable "=" expression | "return" expression
///            | "if" condition block ["else" block] | "while" condition block | "repeat" operand block
/// block      = "{" statement* "}"
/// condition  = operand ("<" | "==") operand
/// expression = operand (("+" | "-" | "*") operand)*      from left to right
/// operand    = variable | digit
/// ```
package struct CodeCompiler {
  /// A block whose end is still to come, with the instruction that is to learn where that is.
  private enum Block {
    case ifBlock(branch: Int)
    case elseBlock(jump: Int)
    case whileBlock(branch: Int)
    case repeatBlock(count: Int)
  }

  private var cursor: TokenCursor
  private var instructions: [CodeProgram.Instruction] = []
  private var blocks: [Block] = []
  private var counters = 0

  /// Compiles an answer; nil unless it is a program and then the end.
  package static func compile(_ tokens: [Int32]) -> CodeProgram? {
    var compiler = CodeCompiler(cursor: TokenCursor(tokens))
    while !compiler.cursor.take(Vocabulary.eos) {
      guard compiler.statement() else { return nil }
    }
    guard compiler.cursor.isAtEnd, compiler.blocks.isEmpty else { return nil }
    return CodeProgram(instructions: compiler.instructions)
  }

  private init(cursor: TokenCursor) { self.cursor = cursor }

  /// Reads a statement, or the beginning or end of one that has a block.
  private mutating func statement() -> Bool {
    if let variable = cursor.next(CodeOperand.variable) {
      guard cursor.take(CodeSymbols.assign), expression() else { return false }
      instructions.append(.store(variable))
      return true
    }
    switch cursor.next({ $0 }) {
    case CodeSymbols.returnWord:
      guard expression() else { return false }
      instructions.append(.finish)
      return true
    case CodeSymbols.ifWord:
      return condition() && open(.ifBlock(branch: instructions.count - 1))
    case CodeSymbols.whileWord:
      return condition() && open(.whileBlock(branch: instructions.count - 1))
    case CodeSymbols.repeatWord: return repeatHead()
    case CodeSymbols.close: return close()
    default: return false
    }
  }

  private mutating func expression() -> Bool {
    guard let first = cursor.next(CodeOperand.init) else { return false }
    instructions.append(.load(first))
    // Wrapping: a token may be any number.
    while let symbol = cursor.next({ CodeOperator(rawValue: $0 &- CodeSymbols.firstOperator) }) {
      guard let operand = cursor.next(CodeOperand.init) else { return false }
      instructions.append(.apply(symbol, operand))
    }
    return true
  }

  private mutating func condition() -> Bool {
    guard let left = cursor.next(CodeOperand.init),
      let comparison = cursor.next({
        CodeComparison(rawValue: $0 &- CodeSymbols.firstComparison)
      }), let right = cursor.next(CodeOperand.init)
    else { return false }
    instructions.append(.branch(left, comparison, right, else: 0))
    return true
  }

  private mutating func repeatHead() -> Bool {
    guard let times = cursor.next(CodeOperand.init) else { return false }
    instructions += [.load(times), .begin(counter: counters), .count(counter: counters, else: 0)]
    counters += 1
    return open(.repeatBlock(count: instructions.count - 1))
  }

  private mutating func open(_ block: Block) -> Bool {
    blocks.append(block)
    return blocks.count <= CodeProgram.mostNesting && cursor.take(CodeSymbols.open)
  }

  private mutating func close() -> Bool {
    switch blocks.popLast() {
    case nil: return false
    case .ifBlock(let branch):
      guard cursor.take(CodeSymbols.elseWord) else {
        aim(branch)
        return true
      }
      instructions.append(.jump(0))
      aim(branch)
      return open(.elseBlock(jump: instructions.count - 1))
    case .elseBlock(let jump): aim(jump)
    case .whileBlock(let branch):
      instructions.append(.jump(branch))
      aim(branch)
    case .repeatBlock(let count):
      counters -= 1
      instructions.append(.jump(count))
      aim(count)
    }
    return true
  }

  /// Lets an earlier instruction lead to the next one.
  private mutating func aim(_ place: Int) {
    let target = instructions.count
    switch instructions[place] {
    case .branch(let left, let comparison, let right, _):
      instructions[place] = .branch(left, comparison, right, else: target)
    case .count(let counter, _): instructions[place] = .count(counter: counter, else: target)
    default: instructions[place] = .jump(target)
    }
  }
}
