package import TrainerProtocol

/// Questions with free-form answers: any phrasing of the right value is right.
///
/// Prompt: a question in words, which begins with its subject and ends with `?`. Answer: a phrase, then the end; both are
/// ragged. The exact verifier reads any phrasing; a judge has to tell the same from one phrasing, the reference.
package struct PhraseTask: JudgedFamily {
  /// Tokens of the longest question; a test draws many.
  package let maxPromptLength = 15
  /// Tokens of the longest answer that is read, with its end.
  package let maxResponseLength = 10

  private let domains: [any PhraseDomain]
  private let topics: [Int32]
  private let slipProbability: Double

  /// Makes the family.
  ///
  /// - Throws: `TrainerError` for no subject, or one that is named twice.
  package init(domains: [TaskConfig.Domain], slipProbability: Double) throws {
    guard !domains.isEmpty, Set(domains).count == domains.count else {
      throw TrainerError(
        .badRequest, "'config.task.domains' needs one subject or more, each named once")
    }
    try TaskCheck.probability(slipProbability, key: "task.slip_probability")
    self.domains = domains.map { domain in
      switch domain {
      case .time: TimeDomain()
      case .quantity: QuantityDomain()
      }
    }
    topics = domains.map { PhraseWords.token($0 == .time ? "time" : "length") }
    self.slipProbability = slipProbability
  }

  package var vocabulary: Vocabulary { PhraseWords.vocabulary }

  package func draw(_ random: inout RandomSequence) -> Problem {
    let domain = domains[random.below(domains.count)]
    let (question, value) = domain.ask(&random)
    return Problem(prompt: question, reference: domain.reference(value) + [Vocabulary.eos])
  }

  /// Any phrasing of the right value; with the slip probability, of a value near it.
  package func demonstration(of problem: Problem, _ random: inout RandomSequence) -> [Int32] {
    guard let (domain, value) = answer(to: problem) else { return problem.reference }
    let isSlip = random.uniform() < slipProbability
    let said = isSlip ? domain.nearMiss(value, &random) : value
    return domain.say(said, &random) + [Vocabulary.eos]
  }

  package func verify(_ response: [Int32], to problem: Problem) -> Double {
    guard response.count <= maxResponseLength, response.last == Vocabulary.eos,
      let (domain, value) = answer(to: problem)
    else { return 0 }
    return domain.meaning(Array(response.dropLast())) == value ? 1 : 0
  }

  package func candidate(for problem: Problem, _ random: inout RandomSequence) -> [Int32] {
    guard let (domain, value) = answer(to: problem) else { return problem.reference }
    let phrase: [Int32]
    switch random.below(10) {
    case 0..<5: phrase = domain.say(value, &random)
    case 5..<7: phrase = domain.say(domain.nearMiss(value, &random), &random)
    case 7..<9:
      let other = domain.values.lowerBound + random.below(domain.values.count)
      phrase = domain.say(other, &random)
    default: phrase = corrupted(domain.say(value, &random), &random)
    }
    return phrase + [Vocabulary.eos]
  }

  /// A phrase with a word left out, said twice, or replaced by any other.
  private func corrupted(_ phrase: [Int32], _ random: inout RandomSequence) -> [Int32] {
    var phrase = phrase
    let place = random.below(phrase.count)
    switch random.below(3) {
    case 0: phrase.remove(at: place)
    case 1: phrase.insert(phrase[place], at: place)
    default: phrase[place] = Int32(2 + random.below(vocabulary.count - 2))
    }
    return phrase
  }

  private func answer(to problem: Problem) -> (domain: any PhraseDomain, value: Int)? {
    guard let topic = problem.prompt.first, let index = topics.firstIndex(of: topic),
      let value = domains[index].meaning(Array(problem.reference.dropLast()))
    else { return nil }
    return (domains[index], value)
  }
}
