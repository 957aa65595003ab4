/// A program of the small language as flat instructions, and the machine that runs them.
///
/// The machine has three variables, a counter per nested `repeat`, and a count of steps; it calls nothing and reaches
/// nothing else. Values are digits, so that no arithmetic can overflow, and every instruction costs a step, so that
/// every run ends.
package struct CodeProgram: Sendable {
  /// One step of the machine.
  enum Instruction: Sendable, Hashable {
    /// Puts a value into the accumulator.
    case load(CodeOperand)
    /// Accumulator op operand, into the accumulator.
    case apply(CodeOperator, CodeOperand)
    /// Puts the accumulator into a variable.
    case store(Int)
    /// Goes elsewhere unless a comparison holds.
    case branch(CodeOperand, CodeComparison, CodeOperand, else: Int)
    case jump(Int)
    /// Puts the accumulator into a counter.
    case begin(counter: Int)
    /// Goes elsewhere if a counter is 0, and counts down otherwise.
    case count(counter: Int, else: Int)
    /// Ends with the accumulator as result.
    case finish
  }

  /// Blocks that may lie in each other.
  package static let mostNesting = 8

  let instructions: [Instruction]

  /// Returns what a program gives for two inputs; nil where it ends without `return` or does not end within the budget.
  package func run(_ inputs: [Int], budget: Int) -> Int? {
    let count = CodeOperand.variables + CodeProgram.mostNesting
    return withUnsafeTemporaryAllocation(of: Int.self, capacity: count) { memory in
      memory.initialize(repeating: 0)
      for (place, input) in inputs.prefix(CodeOperand.variables).enumerated() {
        memory[place] = input
      }
      return run(memory, budget: budget)
    }
  }

  /// `memory` has the variables, then the counters.
  private func run(_ memory: UnsafeMutableBufferPointer<Int>, budget: Int) -> Int? {
    let counters = CodeOperand.variables
    var accumulator = 0
    var place = 0
    func value(_ operand: CodeOperand) -> Int {
      switch operand {
      case .variable(let number): memory[number]
      case .digit(let digit): digit
      }
    }
    for _ in 0..<budget {
      guard place < instructions.count else { return nil }
      let instruction = instructions[place]
      place += 1
      switch instruction {
      case .load(let operand): accumulator = value(operand)
      case .apply(let symbol, let operand): accumulator = symbol.apply(accumulator, value(operand))
      case .store(let variable): memory[variable] = accumulator
      case .branch(let left, let comparison, let right, let other):
        if !comparison.holds(value(left), value(right)) { place = other }
      case .jump(let target): place = target
      case .begin(let counter): memory[counters + counter] = accumulator
      case .count(let counter, let other):
        if memory[counters + counter] == 0 {
          place = other
        } else {
          memory[counters + counter] -= 1
        }
      case .finish: return accumulator
      }
    }
    return nil
  }
}
