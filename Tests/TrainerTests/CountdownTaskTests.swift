import Testing
import Trainer

@Suite("Countdown: its generator and its verifier")
struct CountdownTaskTests {
  private let task: CountdownTask

  init() throws {
    task = try CountdownTask(counts: [3, 4, 5], maxTarget: 99, slipProbability: 0.2)
  }

  /// Tokens of words: numbers, operators, `=`, a full stop for the end, and `d0` to `d9` for digits.
  private func tokens(_ words: String) -> [Int32] {
    words.split(separator: " ").map { word in
      switch word {
      case "pad": Vocabulary.pad
      case ".": Vocabulary.eos
      case "+": 12
      case "-": 13
      case "*": 14
      case "=": 15
      default:
        word.hasPrefix("d") ? 2 + (Int32(word.dropFirst()) ?? 99) : 15 + (Int32(word) ?? 99)
      }
    }
  }

  @Test(
    "An answer is right if it uses exactly the numbers and reaches the target from left to right",
    arguments: [
      ("5 * 7 + 9 + 3 .", 1.0), ("7 * 5 + 3 + 9 .", 1), ("9 + 3 + 7 * 5 .", 0),
      ("5 * 7 + 9 - 3 .", 0), ("5 * 7 + 9 + 3", 0), ("5 * 7 + 9 + 3 . .", 0),
      ("5 * 7 + 9 .", 0), ("5 * 7 + 9 + 3 + 3 .", 0), ("5 * 7 + 9 + 9 .", 0), (".", 0), ("", 0),
      ("5 * 7 . + 9 + 3 .", 0), ("5 * 7 + 9 + d3 .", 0), ("5 * 7 pad 9 + 3 .", 0),
      ("* 5 7 + 9 + 3 .", 0), ("5 * 7 + 9 + 3 pad", 0), ("9 * 9 * 9 * 9 .", 0),
    ])
  func verdicts(answer: String, score: Double) {
    let problem = Problem(prompt: tokens("3 5 7 9 d4 d7 ="), reference: tokens("5 * 7 + 9 + 3 ."))
    #expect(task.verify(tokens(answer), to: problem) == score)
  }

  @Test("Numbers that occur twice are to be used twice")
  func repeats() {
    let problem = Problem(prompt: tokens("2 2 3 d0 d7 ="), reference: tokens("2 * 2 + 3 ."))
    #expect(task.verify(tokens("2 + 2 + 3 ."), to: problem) == 1)
    #expect(task.verify(tokens("2 * 3 + 1 ."), to: problem) == 0)
    #expect(task.verify(tokens("2 + 3 + 3 ."), to: problem) == 0)
  }

  @Test("Tokens outside the vocabulary are wrong and not a crash")
  func outside() {
    let problem = Problem(prompt: tokens("2 2 3 d0 d7 ="), reference: [])
    let hostile: [Int32] = [.min, .max, -1, 25, 1000, .max]
    #expect(task.verify(hostile, to: problem) == 0)
    #expect(task.verify(Array(repeating: .min, count: 6), to: problem) == 0)
    #expect(task.verify(Array(repeating: 17, count: 100_000), to: problem) == 0)
    #expect(
      task.vocabulary.text(hostile)
        == "<-2147483648?> <2147483647?> <-1?> <25?> <1000?> <2147483647?>")
  }

  @Test("Every problem's own answer is right, prompts have the stated shape, lengths are ragged")
  func generated() {
    var random = TrainerFixtures.random()
    var lengths: Set<Int> = []
    for _ in 0..<2000 {
      let problem = task.draw(&random)
      #expect(task.verify(problem.reference, to: problem) == 1)
      #expect(problem.prompt.count == problem.reference.count / 2 + 3)
      #expect(problem.prompt.dropLast(3) == problem.prompt.dropLast(3).sorted()[...])
      lengths.insert(problem.prompt.count)
    }
    #expect(lengths == [6, 7, 8])
    #expect(task.maxPromptLength == 8 && task.maxResponseLength == 10)
    #expect(task.vocabulary.count == 25)
  }

  @Test("With four numbers, prompts are 7 tokens and answers 8, as the recipe has them")
  func recipe() throws {
    let task = try CountdownTask(counts: [4], maxTarget: 99, slipProbability: 0.2)
    var random = TrainerFixtures.random()
    for _ in 0..<200 {
      let problem = task.draw(&random)
      #expect(problem.prompt.count == 7 && problem.reference.count == 8)
    }
    #expect(task.contextLength == 15)
  }

  @Test("About four fifths of demonstrations are right, and all without slips")
  func slips() throws {
    var random = TrainerFixtures.random()
    var right = 0.0
    for _ in 0..<4000 {
      let problem = task.draw(&random)
      right += task.verify(task.demonstration(of: problem, &random), to: problem)
    }
    #expect((0.80...0.86).contains(right / 4000))
    let clean = try CountdownTask(counts: [4], maxTarget: 99, slipProbability: 0)
    let problem = clean.draw(&random)
    #expect(clean.demonstration(of: problem, &random) == problem.reference)
  }

  @Test("Random junk is almost never right")
  func junk() {
    var random = TrainerFixtures.random()
    var right = 0.0
    for _ in 0..<2000 {
      let problem = task.draw(&random)
      let answer = (0..<problem.reference.count).map { _ in Int32(random.below(25)) }
      right += task.verify(answer, to: problem)
    }
    #expect(right < 3)
  }

  @Test("A prompt reads as numbers, target and equals sign")
  func text() {
    #expect(task.vocabulary.text(tokens("3 5 7 9 d4 d7 =")) == "3 5 7 9 47 =")
    #expect(task.vocabulary.text(tokens("5 * 7 .")) == "5 * 7 <eos>")
  }

  @Test("Settings out of range are refused")
  func refusals() {
    #expect(throws: TrainerError.self) {
      try CountdownTask(counts: [], maxTarget: 99, slipProbability: 0)
    }
    #expect(throws: TrainerError.self) {
      try CountdownTask(counts: [7], maxTarget: 99, slipProbability: 0)
    }
    #expect(throws: TrainerError.self) {
      try CountdownTask(counts: [4], maxTarget: 100, slipProbability: 0)
    }
    #expect(throws: TrainerError.self) {
      try CountdownTask(counts: [4], maxTarget: 99, slipProbability: .nan)
    }
  }
}
