package import ExpCore
package import TrainerProtocol

/// A small model that reads a question, an answer and the reference, and says with one token whether the answer is right.
///
/// It reads `answer | reference | question`, where `|` is a token of its own behind the family's, and says the family's
/// digit 1 or 0. It is deterministic, and an answer's verdict does not depend on the others it is judged with.
package final class Judge {
  /// Its name among the models of a base policy's checkpoint.
  package static let name = "judge"
  /// Answers in one forward pass; changes nothing but memory.
  private static let batchSize = 256

  /// Its parameters.
  package let model: PolicyModel
  private let family: any JudgedFamily
  private let pass: TrainingPass
  private let bar: Int32

  /// Makes a judge with all parameters 0.
  package init(_ shape: ModelShape, family: any JudgedFamily) throws {
    self.family = family
    bar = Int32(family.vocabulary.count)
    let length = Judge.contextLength(family)
    model = try PolicyModel(
      shape: shape, vocabulary: family.vocabulary.count + 1, contextLength: length)
    pass = TrainingPass(model: model, tokenCapacity: Judge.batchSize * length)
  }

  /// Question, answer and reference, two bars and the verdict.
  private static func contextLength(_ family: any JudgedFamily) -> Int {
    family.maxPromptLength + 2 * family.maxResponseLength + 3
  }

  /// Floating-point operations since it was last set to 0.
  package var floatingPointOperations: Double {
    get { pass.floatingPointOperations }
    set { pass.floatingPointOperations = newValue }
  }

  /// Returns a reward in [0, 1] for each answer, `problems[i]` being what `answers[i]` answers.
  ///
  /// - Precondition: `form` is one of the judge's.
  /// - Throws: `StopRequested` where a stop is wished for before all answers are judged.
  package func rewards(
    problems: [Problem], answers: [[Int32]], form: TrainConfig.RewardForm,
    shouldStop: () -> Bool
  ) throws -> [Double] {
    precondition(form != .exact, "exact rewards are the verifier's")
    let isSoft = form == .judgeSoft
    let verdicts = try verdicts(problems: problems, answers: answers, shouldStop: shouldStop)
    return verdicts.map {
      isSoft ? $0.softReward : $0.binaryReward
    }
  }

  /// Returns a verdict for each answer.
  ///
  /// - Throws: `StopRequested` where a stop is wished for before all answers are judged.
  package func verdicts(
    problems: [Problem], answers: [[Int32]], shouldStop: () -> Bool
  ) throws -> [JudgeVerdict] {
    precondition(problems.count == answers.count, "\(answers.count) answers to \(problems.count)")
    var verdicts: [JudgeVerdict] = []
    verdicts.reserveCapacity(answers.count)
    for start in stride(from: 0, to: answers.count, by: Judge.batchSize) {
      if shouldStop() { throw StopRequested() }
      let range = start..<min(start + Judge.batchSize, answers.count)
      let prompts = range.map { prompt(problems[$0], answers[$0]) }
      let right = probabilities(of: true, prompts)
      let wrong = probabilities(of: false, prompts)
      verdicts += zip(right, wrong).map { JudgeVerdict(right: $0, wrong: $1) }
    }
    return verdicts
  }

  private func probabilities(of isRight: Bool, _ prompts: [[Int32]]) -> [Double] {
    var batch = TokenBatch()
    for prompt in prompts { batch.append(prompt: prompt, response: [verdict(isRight)]) }
    pass.forward(batch)
    return pass.logProbs.map { LogRatio.exponential(Double($0)) }
  }

  /// What the judge reads.
  private func prompt(_ problem: Problem, _ answer: [Int32]) -> [Int32] {
    head(answer) + tail(problem)
  }

  /// The first part of what it reads: the answer; of one longer than any right one, its beginning.
  func head(_ answer: [Int32]) -> [Int32] { answer.prefix(family.maxResponseLength) + [bar] }

  /// The rest of what it reads.
  func tail(_ problem: Problem) -> [Int32] { problem.reference + [bar] + problem.prompt }

  /// The token that says whether an answer is right.
  package func verdict(_ isRight: Bool) -> Int32 { family.vocabulary.digit(isRight ? 1 : 0) }
}
