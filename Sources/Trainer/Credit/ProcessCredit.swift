internal import TrainerProtocol

/// PRIME's credit: rewards of single tokens from a reward model that learns from outcomes; algorithms.md section 2.7.
///
/// Reward model and frozen reference both start as the base policy; a token's reward is `beta * log(model / reference)`.
package final class ProcessCredit: TokenCredit {
  package let companions: [NamedModel]

  private let config: TrainConfig
  private let model: PolicyModel
  private let optimizer: AdamW
  private let pass: TrainingPass
  private let reference: ReferencePolicy
  private let shouldStop: () -> Bool
  private var referenceLogProbs: [Double] = []

  /// Makes a reward model and a reference out of two models that have the base policy's parameters.
  package init(_ sampler: RolloutSampler, rewardModel: PolicyModel, reference: PolicyModel) {
    config = sampler.config
    shouldStop = sampler.shouldStop
    model = rewardModel
    optimizer = AdamW(
      model: model, beta1: config.beta1, beta2: config.beta2, weightDecay: config.weightDecay)
    companions = [NamedModel(name: "reward_model", model: model, optimizer: optimizer)]
    let length = model.contextLength
    self.reference = ReferencePolicy(reference, config: config, contextLength: length)
    pass = TrainingPass(
      model: model, tokenCapacity: PolicyBatch.tokenCapacity(config, contextLength: length))
  }

  package var floatingPointOperations: Double {
    get { pass.floatingPointOperations + reference.floatingPointOperations }
    set {
      pass.floatingPointOperations = newValue
      reference.floatingPointOperations = newValue
    }
  }

  private var beta: Double { config.primeBeta ?? 0 }

  package func advantages(
    _ batch: PolicyBatch, problems: [Problem], step: Int, into record: inout StepRecord
  ) throws -> [Double] {
    referenceLogProbs = try reference.logProbs(batch, step: step, shouldStop)
    if config.primeUpdate == .before { try update(batch, into: &record) }
    let logRatios = try logRatios(batch)
    let isCode = config.primeForm != .paper
    var rewards = ImplicitReward.tokenRewards(
      logRatios: logRatios, rows: batch.rows, beta: beta, dropsLast: isCode)
    record.values[StepMetric.processReward] = SampleStatistics.mean(
      batch.rows.rowSums(rewards))
    if isCode { rewards = ImplicitReward.normalized(rewards, rows: batch.rows) }
    return AdvantageEstimator(config).processAdvantages(
      rows: batch.rows, processRewards: rewards, outcomes: batch.rewards,
      groups: batch.groupOfRow)
  }

  package func learn(from batch: PolicyBatch, step: Int, into record: inout StepRecord) throws {
    if config.primeUpdate != .before { try update(batch, into: &record) }
  }

  private func logRatios(_ batch: PolicyBatch) throws -> [Double] {
    var result: [Double] = []
    result.reserveCapacity(batch.rows.tokenCount)
    for piece in batch.microBatches(0..<batch.rows.count, sequences: config.microBatchSize) {
      if shouldStop() { throw StopRequested() }
      pass.forward(batch.packed(piece), temperature: config.temperature)
      result.append(contentsOf: pass.logProbs.lazy.map(Double.init))
    }
    return ImplicitReward.logRatios(rewardModel: result, reference: referenceLogProbs)
  }

  /// One pass over the batch in as many optimiser steps as the policy takes.
  private func update(_ batch: PolicyBatch, into record: inout StepRecord) throws {
    var (loss, accuracy, norm, updates) = (0.0, 0.0, 0.0, 0.0)
    for rows in batch.miniBatches(config.updatesPerRollout) {
      model.zeroGradients()
      for piece in batch.microBatches(rows, sequences: config.microBatchSize) {
        if shouldStop() { throw StopRequested() }
        pass.forward(batch.packed(piece), temperature: config.temperature)
        let tokens = batch.rows.tokens(piece)
        let result = ImplicitReward.crossEntropy(
          logRatios: ImplicitReward.logRatios(
            rewardModel: pass.logProbs.map(Double.init), reference: Array(referenceLogProbs[tokens])
          ),
          outcomes: batch.samples[piece].map(\.verdict),
          rows: TokenRows(lengths: piece.map { batch.rows.length($0) }), beta: beta,
          answers: rows.count)
        loss += result.loss
        accuracy += result.signAccuracy
        result.gradient.map { Float($0) }.withUnsafeBufferPointer {
          pass.backward(dLogProbs: $0, dEntropies: nil)
        }
      }
      norm += try optimizer.step(
        learningRate: config.primeLearningRate ?? 0, maxGradNorm: config.primeMaxGradNorm ?? 1)
      updates += 1
    }
    guard updates > 0 else { return }
    record.merge([
      StepMetric.rewardModelLoss: loss / updates,
      StepMetric.rewardModelAccuracy: accuracy / updates,
      StepMetric.rewardModelGradNorm: norm / updates,
    ])
  }
}
