/// Write a program in a small language with variables, conditionals and loops; judged by running it, on hidden inputs too.
///
/// Prompt: examples, each `x y > result |`, a digit a token. Answer: the program, then the end. Prompts are ragged where
/// several counts of examples are configured, answers always are. A program that takes more than the step budget, or
/// ends without `return`, has no result and is wrong. `CodeCompiler` has the grammar.
package struct CodeTask: TaskFamily {
  private static let hiddenExamples = 8
  private static let drawsPerLength = 100

  package let vocabulary = CodeSymbols.vocabulary
  private let generator: CodeGenerator
  private let examples: [Int]
  private let stepBudget: Int
  private let slipProbability: Double

  /// Makes the family.
  ///
  /// - Throws: `TrainerError` for statements outside 0...6, nesting outside 0...3, examples outside 2...10 or none, or
  ///   a step budget outside 10...10000.
  package init(
    maxStatements: Int, maxNesting: Int, examples: [Int], stepBudget: Int, slipProbability: Double
  ) throws {
    try TaskCheck.value(maxStatements, in: 0...6, key: "task.max_statements")
    try TaskCheck.value(maxNesting, in: 0...3, key: "task.max_nesting")
    try TaskCheck.lengths(examples, in: 2...10, key: "task.examples")
    try TaskCheck.value(stepBudget, in: 10...10_000, key: "task.step_budget")
    try TaskCheck.probability(slipProbability, key: "task.slip_probability")
    generator = CodeGenerator(maxStatements: maxStatements, maxNesting: maxNesting)
    self.examples = examples
    self.stepBudget = stepBudget
    self.slipProbability = slipProbability
  }

  package var maxPromptLength: Int { 5 * (examples.max() ?? 0) }
  package var maxResponseLength: Int { generator.longest }

  /// Draws programs until one is fit to be asked for.
  ///
  /// How long it is to be is settled first, since long programs are refused more often and would be rare otherwise. Where
  /// a hundred of one length were refused, a shorter one will do: of those without statements most are fit.
  package func draw(_ random: inout RandomSequence) -> Problem {
    let count = examples[random.below(examples.count)]
    var length = random.below(generator.maxStatements + 1)
    while true {
      for _ in 0..<CodeTask.drawsPerLength {
        let statements = generator.draw(length, &random)
        if let problem = problem(statements, examples: count, &random) { return problem }
      }
      length = max(0, length - 1)
    }
  }

  /// The problem of writing a program; nil unless it ends on all inputs, has more than one result among the shown ones,
  /// and needs each of its statements for them.
  private func problem(
    _ statements: [CodeStatement], examples count: Int, _ random: inout RandomSequence
  ) -> Problem? {
    let reference = CodeStatement.program(statements)
    guard let program = CodeCompiler.compile(reference) else { return nil }
    let inputs = (0..<count + CodeTask.hiddenExamples).map { _ in
      [random.below(10), random.below(10)]
    }
    var shown: [Int] = []
    for (index, input) in inputs.enumerated() {
      guard let result = program.run(input, budget: stepBudget) else { return nil }
      if index < count { shown.append(result) }
    }
    guard shown.contains(where: { $0 != shown[0] }),
      isTight(statements, inputs.prefix(count), shown)
    else { return nil }
    return Problem(
      prompt: prompt(inputs, shown), reference: reference,
      hiddenInputs: Array(inputs.suffix(CodeTask.hiddenExamples)))
  }

  /// With the slip probability one operand, operator or comparison is redrawn.
  package func demonstration(of problem: Problem, _ random: inout RandomSequence) -> [Int32] {
    guard random.uniform() < slipProbability else { return problem.reference }
    var response = problem.reference
    let places = response.indices.filter { CodeTask.alternatives(response[$0]) != nil }
    let place = places[random.below(places.count)]
    if let choices = CodeTask.alternatives(response[place]) {
      response[place] = choices.lowerBound + Int32(random.below(choices.count))
    }
    return response
  }

  package func verify(_ response: [Int32], to problem: Problem) -> Double {
    guard response.count <= maxResponseLength, let program = CodeCompiler.compile(response),
      let reference = CodeCompiler.compile(problem.reference)
    else { return 0 }
    for (inputs, result) in shown(problem.prompt)
    where program.run(inputs, budget: stepBudget) != result { return 0 }
    for inputs in problem.hiddenInputs {
      let result = reference.run(inputs, budget: stepBudget)
      guard result != nil, program.run(inputs, budget: stepBudget) == result else { return 0 }
    }
    return 1
  }

  /// The tokens that may stand in a token's place by a slip; nil for those that shape the program.
  private static func alternatives(_ token: Int32) -> Range<Int32>? {
    switch token {
    case 2...11: 2..<12
    case CodeSymbols.firstVariable..<CodeSymbols.firstOperator:
      CodeSymbols.firstVariable..<CodeSymbols.firstOperator
    case CodeSymbols.firstOperator..<CodeSymbols.firstComparison:
      CodeSymbols.firstOperator..<CodeSymbols.firstComparison
    case CodeSymbols.firstComparison..<CodeSymbols.assign:
      CodeSymbols.firstComparison..<CodeSymbols.assign
    default: nil
    }
  }

  /// Whether leaving out any statement changes a result.
  private func isTight(
    _ statements: [CodeStatement], _ inputs: ArraySlice<[Int]>, _ results: [Int]
  ) -> Bool {
    CodeStatement.reductions(statements).allSatisfy { smaller in
      guard let program = CodeCompiler.compile(CodeStatement.program(smaller)) else { return true }
      return zip(inputs, results).contains { program.run($0, budget: stepBudget) != $1 }
    }
  }

  private func prompt(_ inputs: [[Int]], _ results: [Int]) -> [Int32] {
    zip(inputs, results).flatMap { inputs, result in
      inputs.map(vocabulary.digit) + [CodeSymbols.arrow, vocabulary.digit(result), CodeSymbols.bar]
    }
  }

  /// The examples that a prompt shows.
  private func shown(_ prompt: [Int32]) -> [(inputs: [Int], result: Int?)] {
    prompt.split(separator: CodeSymbols.bar).map { example in
      let digits = example.compactMap(vocabulary.digitValue)
      return (Array(digits.dropLast()), digits.last)
    }
  }
}
