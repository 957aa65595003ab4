import Testing
import Trainer

@Suite("Countdown with written-out working")
struct CountdownWorkingTests {
  private let task: CountdownTask

  init() throws {
    task = try CountdownTask(
      counts: [3, 4, 5], maxTarget: 99, slipProbability: 0.2, working: true)
  }

  private func tokens(_ text: String) -> [Int32] { task.vocabulary.tokens(text) }

  @Test(
    "Right is what uses exactly the numbers, reaches the target, and ends with it",
    arguments: [
      ("#5 * #3 = 15 ; 15 - #7 = 8 ; 8 + #2 = 10 .", 1.0),
      ("#3 - #7 = - 4 ; - 4 + #2 = - 2 ; - 2 * #5 = - 10 .", 0),
      // False results in between are working, which nobody marks.
      ("#5 * #3 = 14 ; 15 - #7 = 8 ; 8 + #2 = 10 .", 1),
      ("#5 * #3 = 15 ; 1 - #7 = 0 ; - 3 + #2 = 10 .", 1),
      // A false last result is a false answer, and so is a true chain to something else.
      ("#5 * #3 = 15 ; 15 - #7 = 8 ; 8 + #2 = 11 .", 0),
      ("#5 * #3 = 15 ; 15 + #7 = 22 ; 22 + #2 = 10 .", 0),
      ("#5 * #3 = 15 ; 15 + #7 = 22 ; 22 + #2 = 24 .", 0),
      ("#5 * #3 = 15 ; 15 - #7 = 8 ; 8 + #1 = 10 .", 0),
      ("#5 * #3 = 15 ; 15 - #7 = 8 .", 0), ("#5 * #2 = 10 .", 0), (".", 0), ("", 0), ("10 .", 0),
      ("#5 * #3 = 15 ; 15 - #7 = 8 ; 8 + #2 = 10", 0),
      ("#5 * #3 = 15 ; 15 - #7 = 8 ; 8 + #2 = 10 . .", 0),
      ("#5 * #3 = 15 ; 15 - #7 = 8 ; 8 + #2 = 010 .", 0),
      ("#5 * #3 = 15 ; 15 - #7 = ; 8 + #2 = 10 .", 0),
      ("#5 * #3 = 15 ; 15 - #7 = - 0 ; 8 + #2 = 10 .", 0),
      ("#5 * #3 ; 15 - #7 = 8 ; 8 + #2 = 10 .", 0),
      ("#5 * #3 - #7 + #2 .", 0),
      ("#5 * 3 = 15 ; 15 - #7 = 8 ; 8 + #2 = 10 .", 0),
      ("#5 * #3 = 15 15 - #7 = 8 ; 8 + #2 = 10 .", 0),
      ("#5 * #3 = 15 ; 15 - #7 = 8 ; 8 + #2 = 10 ; .", 0),
    ])
  func verdicts(answer: String, score: Double) {
    let problem = Problem(prompt: tokens("#2 #3 #5 #7 10 ="), reference: [])
    #expect(task.verify(tokens(answer), to: problem) == score)
  }

  @Test("A reference reads as a child would write it")
  func text() {
    let problem = Problem(prompt: tokens("#2 #3 #5 #7 10 ="), reference: [])
    let answer = tokens("#3 - #7 = - 4 ; - 4 + #5 = 1 ; 1 * #2 = 2 .")
    #expect(task.vocabulary.text(problem.prompt) == "2 3 5 7 10 =")
    #expect(
      task.vocabulary.text(answer) == "3 - 7 = - 4 ; - 4 + 5 = 1 ; 1 * 2 = 2 <eos>")
  }

  @Test("Every problem's own answer is right and within the limit; lengths are ragged")
  func generated() {
    var random = TrainerFixtures.random()
    var lengths: Set<Int> = []
    var prompts: Set<Int> = []
    for _ in 0..<3000 {
      let problem = task.draw(&random)
      #expect(task.verify(problem.reference, to: problem) == 1)
      #expect(task.demonstration(of: problem, &random).count <= task.maxResponseLength)
      lengths.insert(problem.reference.count)
      prompts.insert(problem.prompt.count)
    }
    #expect(lengths.count > 15 && prompts == [6, 7, 8])
    #expect(task.vocabulary.count == 26)
  }

  @Test(
    "The limit is the longest chain: all nines multiplied, or all but the first", arguments: 2...6)
  func longest(count: Int) throws {
    let task = try CountdownTask(
      counts: [count], maxTarget: 99, slipProbability: 1, working: true)
    let nines = Array(repeating: 9, count: count)
    var value = 9
    var text = "#9"
    for place in 1..<count {
      if place > 1 { text += " ; \(value)" }
      value *= nines[place]
      text += " * #9 = \(value)"
    }
    #expect(task.vocabulary.tokens(text + " .").count == task.maxResponseLength)
    var random = TrainerFixtures.random()
    for _ in 0..<2000 {
      let problem = task.draw(&random)
      #expect(task.demonstration(of: problem, &random).count <= task.maxResponseLength)
    }
  }

  @Test("About four fifths of demonstrations are right; slips are worked out too")
  func slips() {
    var random = TrainerFixtures.random()
    var right = 0.0
    for _ in 0..<4000 {
      let problem = task.draw(&random)
      right += task.verify(task.demonstration(of: problem, &random), to: problem)
    }
    #expect((0.80...0.86).contains(right / 4000))
  }

  @Test("Hostile answers are wrong and not a crash")
  func hostile() {
    let problem = Problem(prompt: tokens("#2 #3 #5 #7 10 ="), reference: [])
    var random = TrainerFixtures.random()
    for _ in 0..<3000 {
      let answer = (0..<random.below(60)).map { _ in Int32(random.below(28)) - 1 }
      #expect(task.verify(answer, to: problem) == 0)
    }
    #expect(task.verify([.min, .max, -1], to: problem) == 0)
    #expect(task.verify(Array(repeating: 9, count: 100_000), to: problem) == 0)
    #expect(task.verify(tokens("#5 * #3 = 99999999999999999999999999 ."), to: problem) == 0)
  }
}
