package import TrainerProtocol

/// Samples answers to training prompts and scores them.
package final class RolloutSampler {
  /// Prompts are drawn anew at most so often where dropped groups are replaced; algorithms.md section 1.
  static let mostRounds = 10

  let config: TrainConfig
  let family: any TaskFamily
  let engine: RolloutEngine
  let shouldStop: () -> Bool
  private let seed: UInt64
  private let judge: Judge?
  private let prompts: RandomStream
  private var tokenCount = 0

  /// Makes a sampler of the policy behind an engine; `judge` scores the answers where the configuration says so.
  package init(
    _ config: TrainConfig, family: any TaskFamily, engine: RolloutEngine, seed: UInt64,
    judge: Judge?, shouldStop: @escaping () -> Bool
  ) {
    self.config = config
    self.family = family
    self.engine = engine
    self.seed = seed
    self.judge = judge
    self.shouldStop = shouldStop
    prompts = RandomStream(seed: seed, stream: .prompts)
  }

  /// Random numbers of the run's seed for a purpose.
  func stream(_ stream: RandomStream.Stream, part: UInt32 = 0) -> RandomStream {
    RandomStream(seed: seed, stream: stream, part: part)
  }

  /// Tokens sampled since it was last asked.
  func takeTokenCount() -> Int {
    defer { tokenCount = 0 }
    return tokenCount
  }

  private func addTokens(of responses: [SampledResponse]) {
    tokenCount += responses.reduce(0) { $0 + $1.tokens.count }
  }

  /// The longest answer, tokens.
  var maxResponseTokens: Int {
    let longest = family.maxResponseLength
    return config.longestResponse > 0 ? min(config.longestResponse, longest) : longest
  }

  /// Draws the problems of a step, the same ones for every run of one seed; a later round draws others.
  func problems(step: Int, round: Int = 0) throws -> [Problem] {
    try (0..<config.promptsPerStep).map { index in
      let place = UInt64(step) * UInt64(config.promptsPerStep) + UInt64(index)
      return try family.problem(UInt64(round) << 56 | place, of: .training, from: prompts)
    }
  }

  /// Samples and scores `count` answers to each problem, prompt after prompt; round r's groups count from r * prompts.
  func answers(
    to problems: [Problem], count: Int, step: Int, round: Int = 0
  ) throws -> [PolicyBatch.Sample] {
    let responses = try generate(
      problems.map(\.prompt), count: count, maxTokens: maxResponseTokens,
      stream: stream(.sampling, part: UInt32(round)), step: step)
    let scores = zip(responses, responses.map { problems[$0.prompt] }).map { response, problem in
      family.verify(response.tokens, to: problem)
    }
    let verdicts = try verdicts(on: responses, scores: scores, problems)
    let rewards = rewards(of: responses, verdicts: verdicts)
    return responses.indices.map { index in
      let response = responses[index]
      return PolicyBatch.Sample(
        prompt: problems[response.prompt].prompt, response: response,
        verdict: verdicts[index], reward: rewards[index], score: scores[index],
        group: round * config.promptsPerStep + response.prompt)
    }
  }

  /// Samples at the training temperature.
  ///
  /// - Throws: `StopRequested` where a stop is wished for before all answers are there.
  func generate(
    _ prompts: [[Int32]], count: Int, maxTokens: Int, stream: RandomStream, step: Int
  ) throws -> [SampledResponse] {
    let responses = engine.generate(
      prompts: prompts, samplesPerPrompt: count, maxNewTokens: maxTokens, eos: Vocabulary.eos,
      temperature: config.temperature, topP: config.nucleus, stream: stream, step: UInt32(step),
      shouldStop: shouldStop)
    if shouldStop() { throw StopRequested() }
    addTokens(of: responses)
    return responses
  }

  /// The likeliest answer's score for each problem.
  func greedyScores(_ problems: [Problem]) throws -> [Double] {
    let responses = engine.generate(
      prompts: problems.map(\.prompt), samplesPerPrompt: 1, maxNewTokens: maxResponseTokens,
      eos: Vocabulary.eos, temperature: 0, stream: prompts, step: 0, shouldStop: shouldStop)
    if shouldStop() { throw StopRequested() }
    addTokens(of: responses)
    let scores = responses.map { family.verify($0.tokens, to: problems[$0.prompt]) }
    return rewards(
      of: responses, verdicts: try verdicts(on: responses, scores: scores, problems))
  }

  /// What is said of whole answers: the exact score, or the judge's verdict or confidence.
  func verdicts(
    on responses: [SampledResponse], scores: [Double], _ problems: [Problem]
  ) throws -> [Double] {
    guard let judge, config.rewardForm != .exact else { return scores }
    return try judge.rewards(
      problems: responses.map { problems[$0.prompt] }, answers: responses.map(\.tokens),
      form: config.rewardForm, shouldStop: shouldStop)
  }

  /// What whole answers earn: the verdict less the penalty for length.
  func rewards(of responses: [SampledResponse], verdicts: [Double]) -> [Double] {
    zip(verdicts, responses).map { verdict, response in
      verdict
        + RewardShaping.overlongPenalty(
          tokens: response.tokens.count, limit: maxResponseTokens, buffer: config.penalisedTokens,
          factor: config.largestPenalty)
    }
  }
}
