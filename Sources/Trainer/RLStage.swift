package import TrainerProtocol

/// The RL stage: rollout, verify, filter, advantages, updates, and an evaluation every so many steps.
package final class RLStage: TrainingStage {
  private static let previousEntropy = "entropy_train"

  package let state: TrainableState
  package var totalSteps: Int { config.steps }

  private let config: TrainConfig
  private let evaluation: Evaluation
  private let evaluateConfig: EvaluateConfig
  private let base: BasePolicy
  private let method: RLMethod
  private let clock = ContinuousClock()
  private let shouldStop: () -> Bool

  /// Makes the stage of a configuration, from the base policy it starts with.
  package init(
    _ config: RunConfig, train: TrainConfig, evaluate: EvaluateConfig, seed: UInt64,
    family: any TaskFamily, base: BasePolicy, shouldStop: @escaping () -> Bool
  ) throws {
    self.config = train
    self.base = base
    self.shouldStop = shouldStop
    evaluateConfig = evaluate
    evaluation = try Evaluation(evaluate, family: family, seed: seed)
    method = try RLMethod(
      config, train: train, seed: seed, family: family, base: base,
      validationAnswers: evaluation.problems.count * evaluate.samples, shouldStop: shouldStop)
    state = method.state
  }

  package func isRecorded(_ step: Int) -> Bool { true }

  package func start() throws { try method.start(from: base) }

  package func measureStart() throws -> StepRecord {
    var record = StepRecord()
    try evaluate(0, into: &record)
    return record
  }

  package func advance(to step: Int) throws -> StepRecord {
    var record = StepRecord()
    // Counts begin at each step: sums over a whole run would round, and differently so after a resume.
    method.floatingPointOperations = 0
    state.save()
    do {
      let batch = try collect(step, into: &record)
      try learn(from: batch, step: step, into: &record)
      record.values[StepMetric.flops] = method.floatingPointOperations
      if evaluation.isDue(step, of: totalSteps) { try evaluate(step, into: &record) }
    } catch {
      // A step that is stopped halfway, in an update or in its evaluation, is done again as a whole.
      state.restore()
      throw error
    }
    return record
  }

  private func collect(_ step: Int, into record: inout StepRecord) throws -> PolicyBatch {
    let begin = clock.now
    let batch = try method.source.collect(step: step, into: &record)
    let seconds = (clock.now - begin).seconds
    record.values[StepMetric.rolloutSeconds] = seconds
    record.values[StepMetric.rolloutTokensPerSecond] =
      (record.values[StepMetric.tokens] ?? 0) / max(seconds, 1e-9)
    return batch
  }

  private func learn(
    from batch: PolicyBatch, step: Int, into record: inout StepRecord
  ) throws {
    let begin = clock.now
    if batch.rows.tokenCount == 0 {
      record.values[StepMetric.updates] = 0
      record.messages.append("no group is left to learn from: no update at this step")
    } else {
      measureEntropy(batch, into: &record)
      try method.learn(from: batch, step: step, into: &record)
    }
    let seconds = (clock.now - begin).seconds
    record.values[StepMetric.updateSeconds] = seconds
    record.values[StepMetric.updateTokens] = Double(batch.learntTokens)
    record.values[StepMetric.updateTokensPerSecond] =
      Double(batch.learntTokens) / max(seconds, 1e-9)
  }

  private func measureEntropy(_ batch: PolicyBatch, into record: inout StepRecord) {
    // Preference pairs have no advantages, so nothing can covary with them.
    let values =
      config.isPreference
      ? StepDiagnostics.entropies(batch)
      : StepDiagnostics.values(
        batch, estimator: AdvantageEstimator(config), knowsScores: config.algorithm != .spoTree)
    record.merge(values)
    guard let entropy = values[MetricName.entropyTrain] else { return }
    if let previous = state.numbers[RLStage.previousEntropy] {
      record.values[StepMetric.entropyChange] = entropy - previous
    }
    state.numbers[RLStage.previousEntropy] = entropy
  }

  private func evaluate(_ step: Int, into record: inout StepRecord) throws {
    let begin = clock.now
    let measured = try evaluation.measure(method.engine, step: step, shouldStop: shouldStop)
    record.merge(measured.values)
    record.samples = measured.samples
    record.values[StepMetric.evaluateSeconds] = (clock.now - begin).seconds
  }

  package var definitions: [String: String] {
    var texts = RLDefinitions(
      train: config, evaluate: evaluateConfig, promptCount: evaluation.problems.count,
      distinctCount: Set(evaluation.problems.map(\.prompt)).count
    ).texts
    if !state.model.isBatchInvariant {
      texts.merge(RLDefinitions.mismatchTexts) { first, _ in first }
    }
    return texts
  }
}
