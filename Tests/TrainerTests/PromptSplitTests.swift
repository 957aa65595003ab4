import Testing
import Trainer
import TrainerProtocol

@Suite("The split into training and validation prompts")
struct PromptSplitTests {
  private static let tasks = [
    TrainerFixtures.countdown(), TrainerFixtures.countdown(numbers: [3, 4, 5]),
    TrainerFixtures.prog(), TrainerFixtures.prog(lengths: [3, 5]),
  ]

  @Test("One prompt in sixteen is for validation", arguments: tasks)
  func share(config: TaskConfig) throws {
    let family = try TaskCatalogue.family(config)
    var random = TrainerFixtures.random()
    let count = (0..<4000).count { _ in
      PromptSplit(of: family.draw(&random).prompt) == .validation
    }
    #expect((190...310).contains(count))
  }

  @Test("No validation prompt occurs in supervised or RL data", arguments: tasks)
  func disjoint(config: TaskConfig) throws {
    let family = try TaskCatalogue.family(config)
    let validation = Set(try family.validationProblems(count: 300).map(\.prompt))
    #expect(validation.count > 150)
    let demonstrations = RandomStream(seed: 3, stream: .demonstrations)
    let prompts = RandomStream(seed: 3, stream: .prompts)
    for index in 0..<1500 as Range<UInt64> {
      #expect(
        !validation.contains(try family.demonstration(index, from: demonstrations).prompt))
      #expect(
        !validation.contains(try family.problem(index, of: .training, from: prompts).prompt))
    }
  }

  @Test("Validation problems are fixed, and a longer list begins with the shorter one")
  func fixed() throws {
    let family = try TaskCatalogue.family(TrainerFixtures.countdown())
    let few = try family.validationProblems(count: 20)
    #expect(try family.validationProblems(count: 20) == few)
    #expect(Array(try family.validationProblems(count: 50).prefix(20)) == few)
  }

  @Test("Validation prompts are as frequent as the family draws them, so repeats stay in")
  func distribution() throws {
    let family = try TaskCatalogue.family(TrainerFixtures.countdown(numbers: [2], maxTarget: 30))
    let problems = try family.validationProblems(count: 200)
    #expect(problems.count == 200)
    #expect(Set(problems.map(\.prompt)).count < 40)
  }

  @Test("A problem is a function of seed and index alone")
  func pure() throws {
    let family = try TaskCatalogue.family(TrainerFixtures.prog())
    let stream = RandomStream(seed: 7, stream: .prompts)
    let problem = try family.problem(41, of: .training, from: stream)
    _ = try family.problem(40, of: .training, from: stream)
    #expect(try family.problem(41, of: .training, from: stream) == problem)
    let other = RandomStream(seed: 8, stream: .prompts)
    #expect(try family.problem(41, of: .training, from: other) != problem)
  }

  @Test("Even the smallest tasks that a spec may name have both splits")
  func smallest() throws {
    for target in 9...99 {
      let family = try TaskCatalogue.family(
        TrainerFixtures.countdown(numbers: [2], maxTarget: target))
      #expect(try !family.validationProblems(count: 1).isEmpty)
    }
  }
}
