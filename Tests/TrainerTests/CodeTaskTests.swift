import Testing
import Trainer

@Suite("Programs in the small language: generator and verifier")
struct CodeTaskTests {
  private let task: CodeTask

  init() throws {
    task = try CodeTask(
      maxStatements: 3, maxNesting: 2, examples: [4, 6], stepBudget: 100, slipProbability: 0.2)
  }

  private func tokens(_ text: String) -> [Int32] { task.vocabulary.tokens(text) }

  private func verify(_ answer: String, hidden: [[Int]]) -> Double {
    let problem = Problem(
      prompt: tokens("31 > 4 | 25 > 7 | 90 > 9 | 46 > 0 |"), reference: tokens("return x + y ."),
      hiddenInputs: hidden)
    return task.verify(tokens(answer), to: problem)
  }

  @Test(
    "Any program counts that agrees on shown and hidden inputs",
    arguments: [
      ("return x + y .", 1.0), ("return y + x .", 1), ("z = x return z + y .", 1),
      ("repeat y { x = x + 1 } return x .", 1),
      ("while 0 < y { x = x + 1 y = y - 1 } return x .", 1),
      ("return x - y .", 0), ("return x .", 0), ("return x + y", 0), (".", 0), ("", 0),
      ("while 0 == 0 { } return x .", 0), ("x = x + y .", 0),
    ])
  func verdicts(answer: String, score: Double) {
    #expect(verify(answer, hidden: [[9, 9], [1, 2]]) == score)
  }

  @Test("A program that only fits what is shown fails on the hidden inputs")
  func hidden() {
    let answer = "if x == 8 { return 0 } return x + y ."
    #expect(verify(answer, hidden: [[1, 1]]) == 1)
    #expect(verify(answer, hidden: [[1, 1], [8, 3]]) == 0)
  }

  @Test("A program that needs more steps than the budget is wrong")
  func budget() throws {
    let short = try CodeTask(
      maxStatements: 3, maxNesting: 2, examples: [4], stepBudget: 10, slipProbability: 0)
    let problem = Problem(
      prompt: tokens("31 > 4 | 25 > 7 |"), reference: tokens("return x + y ."), hiddenInputs: [])
    #expect(short.verify(tokens("return x + y ."), to: problem) == 1)
    #expect(short.verify(tokens("repeat y { x = x + 1 } return x ."), to: problem) == 0)
    #expect(task.verify(tokens("repeat y { x = x + 1 } return x ."), to: problem) == 1)
  }

  @Test("Every problem's own program is right; prompts and answers are ragged and bounded")
  func generated() {
    var random = TrainerFixtures.random()
    var prompts: Set<Int> = []
    var lengths: Set<Int> = []
    var words: [Int32: Int] = [:]
    var right = 0.0
    for _ in 0..<2000 {
      let problem = task.draw(&random)
      #expect(task.verify(problem.reference, to: problem) == 1)
      #expect(problem.reference.count <= task.maxResponseLength)
      let demonstration = task.demonstration(of: problem, &random)
      #expect(demonstration.count == problem.reference.count)
      right += task.verify(demonstration, to: problem)
      prompts.insert(problem.prompt.count)
      lengths.insert(problem.reference.count)
      for token in Set(problem.reference) { words[token, default: 0] += 1 }
    }
    #expect(prompts == [20, 30] && task.maxPromptLength == 30)
    #expect(lengths.count > 12)
    #expect((0.80...0.92).contains(right / 2000))
    for word in ["if", "else", "while", "repeat", "<", "==", "*"] {
      #expect(words[tokens(word)[0], default: 0] > 20, "\(word)")
    }
  }

  @Test("The limit holds for the longest programs", arguments: [(6, 3), (1, 3), (6, 0), (0, 0)])
  func longest(statements: Int, nesting: Int) throws {
    let task = try CodeTask(
      maxStatements: statements, maxNesting: nesting, examples: [6], stepBudget: 100,
      slipProbability: 0)
    var random = TrainerFixtures.random()
    for _ in 0..<50 {
      #expect(task.draw(&random).reference.count <= task.maxResponseLength)
    }
    #expect(task.maxResponseLength == (5 + 6 * nesting) * statements + 5)
  }

  @Test("No statement of a reference is idle on the shown examples")
  func tight() {
    let problem = Problem(
      prompt: tokens("31 > 4 | 25 > 7 |"), reference: tokens("return x + y ."))
    #expect(task.verify(tokens("z = 1 return x + y ."), to: problem) == 1)
    var random = TrainerFixtures.random()
    for _ in 0..<300 {
      let drawn = task.draw(&random)
      // Leaving the first statement out, where it is an assignment, must be noticed.
      let isAssignment = drawn.reference.dropFirst().first == tokens("=")[0]
      guard isAssignment else { continue }
      let length = drawn.reference[3] >= 17 && drawn.reference[3] <= 19 ? 5 : 3
      let without = Array(drawn.reference.dropFirst(length))
      #expect(task.verify(without, to: drawn) == 0)
    }
  }

  @Test("Settings out of range are refused")
  func refusals() {
    func make(_ statements: Int, _ nesting: Int, _ examples: [Int], _ budget: Int) throws {
      _ = try CodeTask(
        maxStatements: statements, maxNesting: nesting, examples: examples, stepBudget: budget,
        slipProbability: 0)
    }
    #expect(throws: TrainerError.self) { try make(7, 1, [4], 100) }
    #expect(throws: TrainerError.self) { try make(1, 4, [4], 100) }
    #expect(throws: TrainerError.self) { try make(1, 1, [], 100) }
    #expect(throws: TrainerError.self) { try make(1, 1, [1], 100) }
    #expect(throws: TrainerError.self) { try make(1, 1, [4], 9) }
  }
}
