import Testing
import Trainer

@Suite("Programs over lists: operations, generator and verifier")
struct ProgramTaskTests {
  private let task: ProgramTask
  private let vocabulary: Vocabulary

  init() throws {
    task = try ProgramTask(maxDepth: 2, lengths: [4], slipProbability: 0.2)
    vocabulary = task.vocabulary
  }

  private func operation(_ operation: ListOperation) -> Int32 { 14 + Int32(operation.rawValue) }

  private func problem(_ program: [ListOperation], _ inputs: [[Int]]) -> Problem {
    var prompt: [Int32] = []
    for input in inputs.prefix(2) {
      let output = program.reduce(input) { $1.apply($0) }
      prompt += input.map(vocabulary.digit) + [12] + output.map(vocabulary.digit) + [13]
    }
    return Problem(
      prompt: prompt, reference: program.map(operation) + [Vocabulary.eos],
      hiddenInputs: Array(inputs.dropFirst(2)))
  }

  @Test(
    "Each operation on 3 1 4 2",
    arguments: zip(
      ListOperation.allCases,
      [
        [2, 4, 1, 3], [1, 4, 2, 3], [1, 2, 3, 4], [4, 2, 5, 3], [6, 2, 8, 4], [6, 8, 5, 7],
        [1, 3, 4, 2], [3, 4, 8, 0], [3, 3, 4, 4], [2, 0, 4, 2],
      ]))
  func operations(operation: ListOperation, result: [Int]) {
    #expect(operation.apply([3, 1, 4, 2]) == result)
  }

  @Test(
    "Digits wrap around at 10, and short lists are no trouble", arguments: ListOperation.allCases)
  func edges(operation: ListOperation) {
    #expect(operation.apply([]) == [])
    #expect(operation.apply([9]).allSatisfy { (0...9).contains($0) })
    #expect(operation.apply([9, 9, 9]).allSatisfy { (0...9).contains($0) })
    #expect(ListOperation.increment.apply([9, 0]) == [0, 1])
    #expect(ListOperation.double.apply([5, 9]) == [0, 8])
    #expect(ListOperation.prefixSums.apply([9, 9, 9]) == [9, 8, 7])
  }

  @Test("Any program that maps all examples counts, hidden ones included")
  func verdicts() {
    let inputs = [[3, 1, 4, 2], [9, 0, 5, 5], [1, 2, 3, 4], [8, 7, 0, 1]]
    let sorting = problem([.sort], inputs)
    let end = Vocabulary.eos
    func verify(_ operations: [ListOperation]) -> Double {
      task.verify(operations.map(operation) + [end], to: sorting)
    }
    #expect(verify([.sort]) == 1)
    #expect(verify([.reverse, .sort]) == 1)
    #expect(verify([.sort, .runningMaximum]) == 1)
    #expect(verify([.reverse]) == 0)
    #expect(verify([]) == 0)
    #expect(verify([.reverse, .reverse, .sort]) == 0)
    #expect(task.verify([operation(.sort)], to: sorting) == 0)
    #expect(task.verify([operation(.sort), end, end], to: sorting) == 0)
    #expect(task.verify([end, operation(.sort)], to: sorting) == 0)
    #expect(task.verify([operation(.sort), Vocabulary.pad], to: sorting) == 0)
    #expect(task.verify([.min, end], to: sorting) == 0)
    #expect(task.verify([], to: sorting) == 0)
  }

  @Test("A program that only fits what is shown fails on the hidden lists")
  func hidden() {
    // Both shown lists are sorted by reversing them.
    let problem = problem([.sort], [[4, 3, 2, 1], [9, 7, 5, 0], [1, 2, 3, 4], [0, 1, 0, 1]])
    #expect(task.verify([operation(.reverse), Vocabulary.eos], to: problem) == 0)
    let lenient = Problem(prompt: problem.prompt, reference: problem.reference)
    #expect(task.verify([operation(.reverse), Vocabulary.eos], to: lenient) == 1)
  }

  @Test("Every problem's own program is right; depth 1 has probability 0.3")
  func generated() throws {
    let task = try ProgramTask(maxDepth: 3, lengths: [2, 5], slipProbability: 0)
    var random = TrainerFixtures.random()
    var depths = [0, 0, 0, 0]
    var promptLengths: Set<Int> = []
    for _ in 0..<3000 {
      let problem = task.draw(&random)
      #expect(task.verify(problem.reference, to: problem) == 1)
      #expect(task.demonstration(of: problem, &random) == problem.reference)
      depths[problem.reference.count - 1] += 1
      promptLengths.insert(problem.prompt.count)
    }
    #expect((840...960).contains(depths[1]))
    #expect((960...1140).contains(depths[2]) && (960...1140).contains(depths[3]))
    #expect(promptLengths == [12, 24])
    #expect(task.maxPromptLength == 24 && task.maxResponseLength == 4)
  }

  @Test("With lists of four and depth two, prompts are 20 tokens and answers at most 3")
  func recipe() {
    var random = TrainerFixtures.random()
    var right = 0.0
    for _ in 0..<2000 {
      let problem = task.draw(&random)
      #expect(problem.prompt.count == 20 && (2...3).contains(problem.reference.count))
      right += task.verify(task.demonstration(of: problem, &random), to: problem)
    }
    #expect((0.80...0.88).contains(right / 2000))
    #expect(task.contextLength == 23)
  }

  @Test("Random junk is seldom right")
  func junk() {
    var random = TrainerFixtures.random()
    var right = 0.0
    for _ in 0..<2000 {
      let problem = task.draw(&random)
      let answer = (0..<1 + random.below(4)).map { _ in Int32(random.below(vocabulary.count)) }
      right += task.verify(answer, to: problem)
    }
    #expect(right < 20)
  }

  @Test("A prompt reads as lists of digits")
  func text() {
    let problem = problem([.sort], [[3, 1, 4, 2], [9, 0, 5, 5]])
    #expect(vocabulary.text(problem.prompt) == "3142 > 1234 | 9055 > 0559 |")
    #expect(vocabulary.text(problem.reference) == "sort <eos>")
  }
}
