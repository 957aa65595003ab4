/// Reach a target from given numbers with `+`, `-` and `*`, evaluated from left to right, each number used once.
///
/// Prompt: the numbers sorted, the target's tens and units digits, `=`. Answer: `x1 op x2 op …`, then the end; with
/// working, every result is written out: `5 * 3 = 15 ; 15 - 7 = 8 ; 8 + 2 = 10`. Prompts are ragged where several
/// counts of numbers are configured, answers with working always are.
///
/// Right is an answer whose numbers are exactly the given ones and whose operations give the target; with working, its
/// last result must be the target too. Results in between are working: false ones do not count against it.
package struct CountdownTask: TaskFamily {
  package typealias Operator = CountdownChain.Operator

  private let notation: CountdownNotation
  private let counts: [Int]
  private let maxTarget: Int
  private let slipProbability: Double

  /// Makes the family.
  ///
  /// - Throws: `TrainerError` for counts outside 2...6, targets outside 9...99 or no count at all.
  package init(
    counts: [Int], maxTarget: Int, slipProbability: Double, working: Bool = false
  ) throws {
    try TaskCheck.lengths(counts, in: 2...6, key: "task.numbers")
    try TaskCheck.value(maxTarget, in: 9...99, key: "task.max_target")
    try TaskCheck.probability(slipProbability, key: "task.slip_probability")
    self.counts = counts
    self.maxTarget = maxTarget
    self.slipProbability = slipProbability
    notation = CountdownNotation(writesWorking: working)
  }

  package var vocabulary: Vocabulary { notation.vocabulary }
  package var maxPromptLength: Int { (counts.max() ?? 0) + 3 }
  package var maxResponseLength: Int { notation.longest(counts.max() ?? 0) }

  package func draw(_ random: inout RandomSequence) -> Problem {
    let count = counts[random.below(counts.count)]
    while true {
      let numbers = (0..<count).map { _ in 1 + random.below(9) }
      let chain = CountdownChain(
        numbers: numbers, operators: drawOperators(count - 1, &random))
      let target = chain.value
      guard (0...maxTarget).contains(target) else { continue }
      return Problem(
        prompt: notation.prompt(numbers, target: target), reference: notation.write(chain))
    }
  }

  /// With the slip probability all operators are redrawn; the working is then that of the redrawn ones.
  package func demonstration(of problem: Problem, _ random: inout RandomSequence) -> [Int32] {
    guard random.uniform() < slipProbability, var chain = notation.read(problem.reference)?.chain
    else { return problem.reference }
    chain.operators = drawOperators(chain.operators.count, &random)
    return notation.write(chain)
  }

  package func verify(_ response: [Int32], to problem: Problem) -> Double {
    // So short an answer has too few factors of at most nine to overflow.
    guard response.count <= maxResponseLength, let reading = notation.read(response) else {
      return 0
    }
    let value = reading.chain.value
    guard (0...99).contains(value), value == reading.result ?? value else { return 0 }
    return notation.prompt(reading.chain.numbers, target: value) == problem.prompt ? 1 : 0
  }

  private func drawOperators(_ count: Int, _ random: inout RandomSequence) -> [Operator] {
    (0..<count).map { _ in Operator.allCases[random.below(Operator.allCases.count)] }
  }
}
