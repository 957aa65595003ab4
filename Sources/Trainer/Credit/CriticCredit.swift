internal import TrainerProtocol

/// PPO's credit: generalised advantages over a critic's values, and the critic's own updates; algorithms.md section 2.6.
///
/// The critic has the policy's widths and starts with its trunk and a head of 0.
package final class CriticCredit: TokenCredit {
  package let companions: [NamedModel]

  private let config: TrainConfig
  private let rewards: TokenRewards
  private let critic: PolicyModel
  private let optimizer: AdamW
  private let pass: TrainingPass
  private let shouldStop: () -> Bool
  private let longestResponse: Int
  private var oldValues: [Double] = []
  private var returns: [Double] = []

  /// Makes a critic beside a policy that has the base policy's parameters.
  package init(_ sampler: RolloutSampler, rewards: TokenRewards, policy: PolicyModel) throws {
    config = sampler.config
    shouldStop = sampler.shouldStop
    longestResponse = sampler.family.maxResponseLength
    self.rewards = rewards
    critic = try PolicyModel(
      shape: policy.shape, vocabulary: policy.vocabulary, contextLength: policy.contextLength,
      output: .value)
    critic.initialise(seed: 0)
    critic.copyTrunk(from: policy)
    optimizer = AdamW(
      model: critic, beta1: config.beta1, beta2: config.beta2, weightDecay: config.weightDecay)
    companions = [NamedModel(name: "critic", model: critic, optimizer: optimizer)]
    pass = TrainingPass(
      model: critic,
      tokenCapacity: PolicyBatch.tokenCapacity(config, contextLength: policy.contextLength))
  }

  package var floatingPointOperations: Double {
    get { pass.floatingPointOperations }
    set { pass.floatingPointOperations = newValue }
  }

  package func attach(_ state: TrainableState) { rewards.attach(state) }

  package func advantages(
    _ batch: PolicyBatch, problems: [Problem], step: Int, into record: inout StepRecord
  ) throws -> [Double] {
    oldValues = try values(batch)
    let estimate = AdvantageEstimator(config).criticAdvantages(
      rows: batch.rows, tokenRewards: try rewards.values(batch, step: step, into: &record),
      values: oldValues)
    returns = estimate.returns
    record.values[StepMetric.valueMean] = SampleStatistics.mean(oldValues)
    let spread = SampleStatistics.variance(returns)
    if spread > 0 {
      let left = SampleStatistics.variance(zip(returns, oldValues).map { $0 - $1 })
      record.values[StepMetric.valueExplained] = 1 - left / spread
    }
    return estimate.advantages
  }

  package func learn(from batch: PolicyBatch, step: Int, into record: inout StepRecord) throws {
    var (loss, norm, clipped, updates) = (0.0, 0.0, 0, 0)
    for _ in 0..<config.epochs {
      for rows in batch.miniBatches(config.updatesPerRollout) {
        critic.zeroGradients()
        let mini = batch.rows.tokens(rows)
        let weights = (config.lossAggregation ?? .tokenMean).weights(
          TokenRows(lengths: rows.map { batch.rows.length($0) }),
          over: .init(length: Double(max(longestResponse, 1))))
        for piece in batch.microBatches(rows, sequences: config.microBatchSize) {
          if shouldStop() { throw StopRequested() }
          let tokens = batch.rows.tokens(piece)
          let local = tokens.lowerBound - mini.lowerBound..<tokens.upperBound - mini.lowerBound
          let part = update(batch, piece, weights[local])
          loss += part.loss
          clipped += part.clipped
        }
        norm += try optimizer.step(
          learningRate: config.criticLearningRate ?? 0, maxGradNorm: config.maxGradNorm)
        updates += 1
      }
    }
    guard updates > 0 else { return }
    record.merge([
      StepMetric.valueLoss: loss / Double(updates),
      StepMetric.criticGradNorm: norm / Double(updates),
      StepMetric.valueClipFraction: Double(clipped)
        / Double(max(batch.rows.tokenCount * config.epochs, 1)),
    ])
  }

  private func update(
    _ batch: PolicyBatch, _ piece: Range<Int>, _ weights: ArraySlice<Double>
  ) -> (loss: Double, clipped: Int) {
    let tokens = batch.rows.tokens(piece)
    pass.forward(batch.packed(piece))
    let result = ValueLoss.clipped(
      values: pass.values.map(Double.init), oldValues: Array(oldValues[tokens]),
      returns: Array(returns[tokens]), clip: config.valueClip ?? .infinity)
    zip(result.loss.gradient, weights).map { Float($0 * $1) }.withUnsafeBufferPointer {
      pass.backward(dValues: $0)
    }
    return (result.loss.total(weights), result.isClipped.count { $0 })
  }

  private func values(_ batch: PolicyBatch) throws -> [Double] {
    var result: [Double] = []
    result.reserveCapacity(batch.rows.tokenCount)
    for piece in batch.microBatches(0..<batch.rows.count, sequences: config.microBatchSize) {
      if shouldStop() { throw StopRequested() }
      pass.forward(batch.packed(piece))
      result.append(contentsOf: pass.values.lazy.map(Double.init))
    }
    return result
  }
}
