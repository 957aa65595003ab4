package import TrainerProtocol

/// Measures a policy on the task's fixed validation prompts: the law's H and R come from the same answers.
package struct Evaluation {
  /// The fixed problems.
  package let problems: [Problem]
  private let family: any TaskFamily
  private let config: EvaluateConfig
  private let stream: RandomStream

  /// Draws the problems; the answers' random numbers belong to the run's seed.
  package init(_ config: EvaluateConfig, family: any TaskFamily, seed: UInt64) throws {
    self.family = family
    self.config = config
    stream = RandomStream(seed: seed, stream: .validationSampling)
    problems = try family.validationProblems(count: config.prompts)
  }

  /// Whether a step is followed by an evaluation: the first (0), the last, and every so many.
  package func isDue(_ step: Int, of totalSteps: Int) -> Bool {
    step == totalSteps || step.isMultiple(of: config.every)
  }

  /// Measures the policy behind an engine.
  ///
  /// - Throws: `StopRequested` where a stop is wished for before all answers are there.
  package func measure(
    _ engine: RolloutEngine, step: Int, shouldStop: () -> Bool
  ) throws -> StepRecord {
    let sampled = try answers(
      engine, samples: config.samples, temperature: 1, step: step, shouldStop)
    var record = StepRecord()
    record.values = scores(sampled)
    var greedy: [Answer] = []
    if config.greedy {
      greedy = try answers(engine, samples: 1, temperature: 0, step: step, shouldStop)
      let scores = greedy.map(\.reward)
      record.values[MetricName.valGreedy] = SampleStatistics.mean(scores)
      record.values[MetricName.valGreedySE] = standardError(scores)
    }
    record.samples = kept(sampled, greedy, step: step)
    return record
  }

  private struct Answer {
    var response: SampledResponse
    var reward: Double
  }

  private func answers(
    _ engine: RolloutEngine, samples: Int, temperature: Double, step: Int,
    _ shouldStop: () -> Bool
  ) throws -> [Answer] {
    let responses = engine.generate(
      prompts: problems.map(\.prompt), samplesPerPrompt: samples,
      maxNewTokens: family.maxResponseLength, eos: Vocabulary.eos, temperature: temperature,
      stream: stream, step: UInt32(step), shouldStop: shouldStop)
    if shouldStop() { throw StopRequested() }
    return responses.sorted { ($0.prompt, $0.sample) < ($1.prompt, $1.sample) }.map {
      Answer(response: $0, reward: family.verify($0.tokens, to: problems[$0.prompt]))
    }
  }

  private func scores(_ answers: [Answer]) -> [String: Double] {
    var byPrompt: [[Double]] = Array(repeating: [], count: problems.count)
    for answer in answers { byPrompt[answer.response.prompt].append(answer.reward) }
    let promptMeans = byPrompt.map { SampleStatistics.mean($0) }
    let entropies = answers.lazy.filter { !$0.response.tokens.isEmpty }.map { answer in
      answer.response.entropies.reduce(0) { $0 + Double($1) } / Double(answer.response.tokens.count)
    }
    var values = [
      MetricName.entropy: SampleStatistics.mean(Array(entropies)),
      MetricName.valScore: SampleStatistics.mean(promptMeans),
      MetricName.passAtK: SampleStatistics.mean(byPrompt.map { $0.contains(1) ? 1 : 0 }),
    ]
    values[MetricName.valScoreSE] = standardError(promptMeans)
    for k in PassAtK.recorded(samples: config.samples) {
      let estimates = byPrompt.map { rewards in
        PassAtK.estimate(samples: rewards.count, right: rewards.count { $0 == 1 }, k: k)
      }
      values[MetricName.passAt(k)] = SampleStatistics.mean(estimates)
      values[MetricName.passAtSE(k)] = standardError(estimates)
    }
    return values.merging(lengths(answers)) { first, _ in first }
  }

  private func lengths(_ answers: [Answer]) -> [String: Double] {
    let lengths = answers.map { Double($0.response.tokens.count) }
    return [
      StepMetric.valResponseLength: SampleStatistics.mean(lengths),
      StepMetric.valResponseLengthMax: lengths.max() ?? 0,
      StepMetric.valCutFraction: SampleStatistics.mean(
        answers.map { $0.response.endedByEOS ? 0 : 1 }),
    ]
  }

  private func standardError(_ promptMeans: [Double]) -> Double? {
    Evaluation.clusteredStandardError(of: promptMeans, clusters: problems.map(\.prompt))
  }

  /// Returns the standard error of the mean where only values of different clusters are independent; nil for one cluster.
  ///
  /// Sums of deviations per cluster take the place of single deviations, with G / (G - 1) for G clusters (Liang and
  /// Zeger, Biometrika 1986). With clusters of one value it is the usual standard error.
  package static func clusteredStandardError(
    of values: [Double], clusters: [[Int32]]
  ) -> Double? {
    let mean = SampleStatistics.mean(values)
    var places: [[Int32]: Int] = [:]
    // Sums are kept in order of first occurrence: a dictionary's own order differs from run to run, and so would rounding.
    var sums: [Double] = []
    for (value, cluster) in zip(values, clusters) {
      let place = places[cluster, default: sums.count]
      if place == sums.count {
        places[cluster] = place
        sums.append(0)
      }
      sums[place] += value - mean
    }
    guard sums.count > 1 else { return nil }
    let count = Double(sums.count)
    let square = sums.reduce(0) { $0 + $1 * $1 } * count / (count - 1)
    return square.squareRoot() / Double(values.count)
  }

  private func kept(_ sampled: [Answer], _ greedy: [Answer], step: Int) -> [SampleRecord] {
    problems.prefix(config.keep).enumerated().map { index, problem in
      SampleRecord(
        step: step, prompt: family.vocabulary.text(problem.prompt),
        reference: family.vocabulary.text(problem.reference),
        answers: sampled.filter { $0.response.prompt == index }.map(text),
        greedy: greedy.first { $0.response.prompt == index }.map(text))
    }
  }

  private func text(_ answer: Answer) -> SampleRecord.Answer {
    SampleRecord.Answer(
      text: family.vocabulary.text(answer.response.tokens), reward: answer.reward,
      entropies: answer.response.entropies.map(Double.init))
  }
}
