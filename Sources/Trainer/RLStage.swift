package import TrainerProtocol

/// The RL stage: rollout, verify, filter, advantages, updates, and an evaluation every so many steps.
package final class RLStage: TrainingStage {
  package let state: TrainableState
  package var totalSteps: Int { config.steps }

  private let config: TrainConfig
  private let family: any TaskFamily
  private let evaluation: Evaluation
  private let evaluateConfig: EvaluateConfig
  private let base: BasePolicy
  private let engine: RolloutEngine
  private let updater: PolicyUpdater
  private let reference: ReferencePolicy?
  private let prompts: RandomStream
  private let sampling: RandomStream
  private let shouldStop: () -> Bool
  private let clock = ContinuousClock()

  /// Makes the stage of a configuration, from the base policy it starts with.
  package init(
    _ config: RunConfig, train: TrainConfig, evaluate: EvaluateConfig, seed: UInt64,
    family: any TaskFamily, base: BasePolicy, shouldStop: @escaping () -> Bool
  ) throws {
    self.config = train
    self.family = family
    self.base = base
    self.shouldStop = shouldStop
    evaluateConfig = evaluate
    evaluation = try Evaluation(evaluate, family: family, seed: seed)
    let model = try base.makeModel(config, family: family)
    state = TrainableState(
      model: model,
      optimizer: AdamW(
        model: model, beta1: train.beta1, beta2: train.beta2, weightDecay: train.weightDecay))
    let sequences = max(
      train.promptsPerStep * train.samplesPerPrompt, evaluation.problems.count * evaluate.samples)
    engine = RolloutEngine(
      model: model,
      maxSequences: RolloutCapacity.sequences(
        wanted: sequences, shape: config.model.shape, length: family.contextLength),
      maxLength: family.contextLength)
    updater = PolicyUpdater(
      train, state: state, contextLength: family.contextLength, seed: seed, shouldStop: shouldStop)
    reference =
      PolicyObjective(train).needsReference
      ? try ReferencePolicy(
        try base.makeModel(config, family: family), config: train,
        contextLength: family.contextLength) : nil
    prompts = RandomStream(seed: seed, stream: .prompts)
    sampling = RandomStream(seed: seed, stream: .sampling)
  }

  package func isRecorded(_ step: Int) -> Bool { true }

  package func start() throws {
    try base.copyParameters(into: state.model)
  }

  package func measureStart() throws -> StepRecord {
    var record = StepRecord()
    try evaluate(0, into: &record)
    return record
  }

  package func advance(to step: Int) throws -> StepRecord {
    var record = StepRecord()
    resetOperations()
    let samples = try rollout(step, into: &record)
    let batch = PolicyBatch(samples, groupSize: config.samplesPerPrompt, config: config)
    record.values[StepMetric.groupsKept] =
      Double(batch.groupCount) / Double(config.promptsPerStep)
    state.save()
    do {
      try learn(from: batch, step: step, into: &record)
      record.values[StepMetric.flops] = floatingPointOperations
      if evaluation.isDue(step, of: totalSteps) { try evaluate(step, into: &record) }
    } catch {
      // A step that is stopped halfway, in an update or in its evaluation, is done again as a whole.
      state.restore()
      throw error
    }
    return record
  }

  /// Samples the step's prompts, the same ones for every run of one seed, and scores the answers.
  private func rollout(_ step: Int, into record: inout StepRecord) throws -> [PolicyBatch.Sample] {
    let begin = clock.now
    let problems = try (0..<config.promptsPerStep).map { index in
      try family.problem(
        UInt64(step) * UInt64(config.promptsPerStep) + UInt64(index), of: .training, from: prompts)
    }
    let responses = engine.generate(
      prompts: problems.map(\.prompt), samplesPerPrompt: config.samplesPerPrompt,
      maxNewTokens: family.maxResponseLength, eos: Vocabulary.eos,
      temperature: config.temperature, stream: sampling, step: UInt32(step),
      shouldStop: shouldStop)
    if shouldStop() { throw StopRequested() }
    let samples = responses.sorted { ($0.prompt, $0.sample) < ($1.prompt, $1.sample) }.map {
      PolicyBatch.Sample(
        prompt: problems[$0.prompt].prompt, response: $0,
        reward: family.verify($0.tokens, to: problems[$0.prompt]))
    }
    let seconds = (clock.now - begin).seconds
    let lengths = samples.map { Double($0.response.tokens.count) }
    let tokens = lengths.reduce(0, +)
    let entropies = samples.lazy.filter { !$0.response.tokens.isEmpty }.map { sample in
      SampleStatistics.mean(sample.response.entropies.map(Double.init))
    }
    record.values.merge([
      MetricName.trainReward: SampleStatistics.mean(samples.map(\.reward)),
      StepMetric.responseLength: SampleStatistics.mean(lengths),
      StepMetric.entropyRollout: SampleStatistics.mean(Array(entropies)),
      StepMetric.tokens: tokens, StepMetric.rolloutSeconds: seconds,
      StepMetric.rolloutTokensPerSecond: tokens / max(seconds, 1e-9),
    ]) { _, new in new }
    return samples
  }

  private func learn(
    from batch: PolicyBatch, step: Int, into record: inout StepRecord
  ) throws {
    let begin = clock.now
    let method = config.entropyControl.method
    var summary = UpdateSummary()
    if batch.groupCount == 0 {
      record.messages.append("every group was all right or all wrong: no update at this step")
    } else {
      measureEntropy(batch, into: &record)
      let referenceLogProbs = try reference?.logProbs(batch, shouldStop) ?? []
      summary = try updater.update(batch, reference: referenceLogProbs, step: step)
      if summary.skipped > 0 {
        record.messages.append(
          "\(summary.skipped) updates were left out: their gradient is not finite")
      }
    }
    let seconds = (clock.now - begin).seconds
    record.values.merge(summary.values(for: method)) { _, new in new }
    record.values[StepMetric.updateSeconds] = seconds
    record.values[StepMetric.updateTokens] = Double(batch.computedTokens)
    record.values[StepMetric.updateTokensPerSecond] =
      Double(batch.computedTokens) / max(seconds, 1e-9)
  }

  private func measureEntropy(_ batch: PolicyBatch, into record: inout StepRecord) {
    let values = StepDiagnostics.values(batch, estimator: AdvantageEstimator(config))
    record.values.merge(values) { _, new in new }
    guard let entropy = values[MetricName.entropyTrain] else { return }
    if let previous = state.previousEntropy {
      record.values[StepMetric.entropyChange] = entropy - previous
    }
    state.previousEntropy = entropy
  }

  private func evaluate(_ step: Int, into record: inout StepRecord) throws {
    let begin = clock.now
    let measured = try evaluation.measure(engine, step: step, shouldStop: shouldStop)
    record.values.merge(measured.values) { _, new in new }
    record.samples = measured.samples
    record.values[StepMetric.evaluateSeconds] = (clock.now - begin).seconds
  }

  /// Counts begin at each step: sums over a whole run would round, and differently so after a resume.
  private func resetOperations() {
    engine.floatingPointOperations = 0
    updater.floatingPointOperations = 0
    reference?.floatingPointOperations = 0
  }

  private var floatingPointOperations: Double {
    engine.floatingPointOperations + updater.floatingPointOperations
      + (reference?.floatingPointOperations ?? 0)
  }

  package var definitions: [String: String] {
    RLDefinitions(
      train: config, evaluate: evaluateConfig, promptCount: evaluation.problems.count,
      distinctCount: Set(evaluation.problems.map(\.prompt)).count
    ).texts
  }
}
