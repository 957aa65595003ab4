/// Write the program that maps the shown lists of digits; judged by running it, on hidden lists too.
///
/// Prompt: two examples, each `input > output |`, a digit a token. Answer: one token per operation, then the end.
/// Programs have depth 1 with probability 0.3 where more is allowed; the rest is spread evenly over 2...`maxDepth`.
/// The lists of one problem have one length, so problems of different lengths make ragged prompts.
package struct ProgramTask: TaskFamily {
  package let vocabulary = Vocabulary(after: [">", "|"] + ListOperation.allCases.map(\.symbol))
  private let arrow: Int32 = 12
  private let bar: Int32 = 13
  private let firstOperation: Int32 = 14
  private let shownExamples = 2
  private let hiddenExamples = 2

  private let maxDepth: Int
  private let lengths: [Int]
  private let slipProbability: Double

  /// Makes the family.
  ///
  /// - Throws: `TrainerError` for depths outside 1...4, lengths outside 2...8 or no length at all.
  package init(maxDepth: Int, lengths: [Int], slipProbability: Double) throws {
    try TaskCheck.value(maxDepth, in: 1...4, key: "task.max_depth")
    try TaskCheck.lengths(lengths, in: 2...8, key: "task.list_lengths")
    try TaskCheck.probability(slipProbability, key: "task.slip_probability")
    self.maxDepth = maxDepth
    self.lengths = lengths
    self.slipProbability = slipProbability
  }

  package var maxPromptLength: Int { shownExamples * (2 * (lengths.max() ?? 0) + 2) }
  package var maxResponseLength: Int { maxDepth + 1 }

  package func draw(_ random: inout RandomSequence) -> Problem {
    let program = (0..<drawDepth(&random)).map { _ in drawOperation(&random) }
    let length = lengths[random.below(lengths.count)]
    let inputs = (0..<shownExamples + hiddenExamples).map { _ in
      (0..<length).map { _ in random.below(10) }
    }
    var prompt: [Int32] = []
    for input in inputs.prefix(shownExamples) {
      prompt += input.map(vocabulary.digit) + [arrow]
      prompt += run(program, on: input).map(vocabulary.digit) + [bar]
    }
    return Problem(
      prompt: prompt, reference: program.map(token) + [Vocabulary.eos],
      hiddenInputs: Array(inputs.suffix(hiddenExamples)))
  }

  package func demonstration(of problem: Problem, _ random: inout RandomSequence) -> [Int32] {
    guard random.uniform() < slipProbability else { return problem.reference }
    var response = problem.reference
    response[random.below(response.count - 1)] = token(drawOperation(&random))
    return response
  }

  package func verify(_ response: [Int32], to problem: Problem) -> Double {
    guard response.count <= maxResponseLength, let program = parse(response),
      let reference = parse(problem.reference)
    else { return 0 }
    for (input, output) in shown(problem.prompt) where run(program, on: input) != output {
      return 0
    }
    for input in problem.hiddenInputs where run(program, on: input) != run(reference, on: input) {
      return 0
    }
    return 1
  }

  private func drawDepth(_ random: inout RandomSequence) -> Int {
    guard maxDepth > 1 else { return 1 }
    return random.uniform() < 0.3 ? 1 : 2 + random.below(maxDepth - 1)
  }

  private func drawOperation(_ random: inout RandomSequence) -> ListOperation {
    ListOperation.allCases[random.below(ListOperation.allCases.count)]
  }

  private func token(_ operation: ListOperation) -> Int32 {
    firstOperation + Int32(operation.rawValue)
  }

  private func run(_ program: [ListOperation], on input: [Int]) -> [Int] {
    program.reduce(input) { $1.apply($0) }
  }

  /// The operations of an answer; nil unless it is one or more operations and then the end.
  private func parse(_ response: [Int32]) -> [ListOperation]? {
    guard response.count > 1, response.last == Vocabulary.eos else { return nil }
    var operations: [ListOperation] = []
    for token in response.dropLast() {
      guard let operation = ListOperation(rawValue: Int(token) - Int(firstOperation)) else {
        return nil
      }
      operations.append(operation)
    }
    return operations
  }

  /// The examples that a prompt shows.
  private func shown(_ prompt: [Int32]) -> [(input: [Int], output: [Int])] {
    prompt.split(separator: bar).map { example in
      let sides = example.split(separator: arrow, omittingEmptySubsequences: false)
      return (
        sides[0].compactMap(vocabulary.digitValue),
        sides.dropFirst().joined().compactMap(vocabulary.digitValue)
      )
    }
  }
}
