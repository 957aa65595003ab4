import Testing
import Trainer
import TrainerProtocol

@Suite("Questions with many phrasings of an answer")
struct PhraseTaskTests {
  private let task: PhraseTask

  init() throws {
    task = try PhraseTask(domains: [.quantity, .time], slipProbability: 0.2)
  }

  private func tokens(_ text: String) -> [Int32] { task.vocabulary.tokens(text) }

  private func score(_ answer: String, _ topic: String, _ reference: String) -> Double {
    task.verify(
      tokens(answer), to: Problem(prompt: tokens("\(topic) ?"), reference: tokens(reference)))
  }

  @Test(
    "Any phrasing of the time is right, and of no other",
    arguments: [
      ("3 : 45 .", 1.0), ("three forty five .", 1), ("quarter to four .", 1),
      ("quarter before 4 .", 1), ("fifteen minutes to four .", 1), ("fifteen to four .", 1),
      ("15 before four .", 1), ("forty five minutes past three .", 1), ("45 after 3 .", 1),
      ("3 45 .", 0), ("quarter past three .", 0), ("quarter to three .", 0), ("4 : 45 .", 0),
      ("3 : 46 .", 0), ("15 : 45 .", 0), ("3 : 4 .", 0), ("3 : 450 .", 0), ("three .", 0),
      ("three oh forty five .", 0), ("quarter four .", 0), ("to four .", 0), ("half to four .", 0),
      ("seventy five minutes past two .", 0), ("fifteen minutes four .", 0), (".", 0), ("", 0),
      ("three forty five", 0), ("three forty five . .", 0), ("three forty five ? .", 0),
      ("quarter to four four .", 0), ("fifteen inches .", 0),
    ])
  func times(answer: String, score: Double) {
    #expect(self.score(answer, "time", "3 : 45 .") == score)
  }

  @Test(
    "The hours around twelve, and minutes below ten",
    arguments: [
      ("12 : 05 .", "twelve oh five ."), ("12 : 05 .", "five past twelve ."),
      ("12 : 55 .", "five to one ."), ("11 : 30 .", "half past eleven ."),
      ("12 : 00 .", "twelve o'clock ."), ("12 : 35 .", "twenty five minutes before one ."),
      ("11 : 50 .", "ten minutes to twelve ."), ("1 : 00 .", "one o'clock ."),
    ])
  func clock(reference: String, answer: String) {
    #expect(score(answer, "time", reference) == 1)
    #expect(score(answer, "time", "6 : 10 .") == 0)
  }

  @Test(
    "Any phrasing of the length is right, and of no other",
    arguments: [
      ("42 inches .", 1.0), ("forty two inches .", 1), ("3 feet 6 inches .", 1),
      ("three feet and six inches .", 1), ("three and a half feet .", 1), ("a yard 6 inches .", 1),
      ("one yard and half a foot .", 1), ("a yard and six inches .", 1),
      ("3 feet and a half foot .", 0), ("three feet .", 0), ("forty three inches .", 0),
      ("six inches three feet .", 0), ("three feet three feet six inches .", 0), ("42 .", 0),
      ("inches .", 0), ("3 feet and .", 0), ("and 42 inches .", 0), ("half an inch .", 0),
      ("three and a half inches .", 0), (".", 0), ("", 0), ("42 inches", 0), ("042 inches .", 0),
      ("three and feet six inches .", 0), ("half past three .", 0),
    ])
  func lengths(answer: String, score: Double) {
    #expect(self.score(answer, "length", "3 feet 6 inches .") == score)
  }

  @Test("One of a thing is `a`, `an` or `one`")
  func articles() {
    #expect(score("a foot and an inch .", "length", "13 inches .") == 1)
    #expect(score("one foot one inch .", "length", "1 foot 1 inch .") == 1)
    #expect(score("half a yard .", "length", "1 foot 6 inches .") == 1)
  }

  @Test("References are right, and so are demonstrations but for slips; lengths stay in bounds")
  func generated() {
    var random = TrainerFixtures.random()
    var right = 0.0
    var phrasings: Set<[Int32]> = []
    var (longestPrompt, longestAnswer) = (0, 0)
    for _ in 0..<6000 {
      let problem = task.draw(&random)
      #expect(task.verify(problem.reference, to: problem) == 1)
      let answer = task.demonstration(of: problem, &random)
      right += task.verify(answer, to: problem)
      longestPrompt = max(longestPrompt, problem.prompt.count)
      longestAnswer = max(longestAnswer, answer.count)
      phrasings.insert(answer)
    }
    #expect((0.78...0.82).contains(right / 6000))
    #expect(longestPrompt <= task.maxPromptLength && longestAnswer <= task.maxResponseLength)
    #expect(phrasings.count > 800)
  }

  @Test("Questions and their answers, one of each form, by hand")
  func questions() throws {
    // The answer follows from the question alone: the same question never has two references.
    var references: [[Int32]: [Int32]] = [:]
    var random = TrainerFixtures.random()
    for _ in 0..<20_000 {
      let problem = task.draw(&random)
      let known = references.updateValue(problem.reference, forKey: problem.prompt)
      #expect(known ?? problem.reference == problem.reference)
    }
    func reference(_ question: String) -> String? {
      references[tokens(question)].map { task.vocabulary.text($0) }
    }
    let found = [
      ("time 5 minutes after 12 : 55 ?", "1 : 00 <eos>"),
      ("time ten minutes before one o'clock ?", "12 : 50 <eos>"),
      ("time 15 minutes after eleven fifty ?", "12 : 05 <eos>"),
      ("length an inch plus an inch ?", "2 inches <eos>"),
      ("length a foot less 1 inch ?", "11 inches <eos>"),
      ("length 1 foot plus eleven inches ?", "1 foot 11 inches <eos>"),
    ].filter { question, answer in
      let known = reference(question)
      #expect(known == nil || known == answer, "\(question)")
      return known != nil
    }
    #expect(found.count >= 2)
  }

  @Test("Candidates for a judge are right about half of the time, and wrong in several ways")
  func candidates() {
    var random = TrainerFixtures.random()
    var right = 0.0
    var parsed = 0
    for _ in 0..<4000 {
      let problem = task.draw(&random)
      let answer = task.candidate(for: problem, &random)
      #expect(answer.count <= task.maxResponseLength)
      right += task.verify(answer, to: problem)
      // A phrase that is right for some problem is whole.
      let own = Problem(prompt: problem.prompt, reference: answer)
      if task.verify(answer, to: own) == 1 { parsed += 1 }
    }
    #expect((0.46...0.56).contains(right / 4000))
    #expect((3600...3850).contains(parsed))
  }

  @Test("Hostile answers are wrong and not a crash")
  func hostile() {
    var random = TrainerFixtures.random()
    var right = 0.0
    for _ in 0..<5000 {
      let problem = task.draw(&random)
      let answer =
        (0..<random.below(9)).map { _ in Int32(random.below(task.vocabulary.count + 4)) - 2 } + [1]
      right += task.verify(answer, to: problem)
    }
    #expect(right < 25)
    let problem = task.draw(&random)
    #expect(task.verify([.min, .max, 1], to: problem) == 0)
    #expect(task.verify(Array(repeating: 4, count: 100_000) + [1], to: problem) == 0)
    #expect(task.verify(problem.reference, to: Problem(prompt: [], reference: [])) == 0)
    #expect(task.verify([1], to: Problem(prompt: problem.prompt, reference: [])) == 0)
  }

  @Test("Subjects must be named, each once")
  func refusals() throws {
    #expect(throws: TrainerError.self) { try PhraseTask(domains: [], slipProbability: 0) }
    #expect(throws: TrainerError.self) {
      try PhraseTask(domains: [.time, .time], slipProbability: 0)
    }
    let times = try PhraseTask(domains: [.time], slipProbability: 0)
    var random = TrainerFixtures.random()
    let topic = tokens("time")[0]
    for _ in 0..<100 { #expect(times.draw(&random).prompt.first == topic) }
  }
}
