package import TrainerProtocol

/// The reward of every token of a batch: the answer's on its last token, less the weighted KL to a reference on each.
package final class TokenRewards {
  private static let coefficientKey = "reward_kl_coefficient"

  private let config: TrainConfig
  private let reference: ReferencePolicy?
  private let shouldStop: () -> Bool
  /// The steered coefficient lives in it.
  private weak var state: TrainableState?

  /// Makes the rewards of a configuration; a reference is needed where the KL has a weight.
  package init(
    _ config: TrainConfig, reference: ReferencePolicy?, shouldStop: @escaping () -> Bool
  ) {
    self.config = config
    self.reference = reference
    self.shouldStop = shouldStop
  }

  /// Takes the run's state.
  package func attach(_ state: TrainableState) { self.state = state }

  /// Returns the reward of each token, as many as the batch has tokens; algorithms.md sections 2.4, 4.3 and 6.
  package func values(
    _ batch: PolicyBatch, step: Int, into record: inout StepRecord
  ) throws -> [Double] {
    let scores =
      config.normalizeRewards == true
      ? SampleStatistics.standardised(batch.rewards) : batch.rewards
    guard let reference, (config.rewardKLCoefficient ?? 0) > 0, let state else {
      return RewardShaping.tokenRewards(scores, rows: batch.rows)
    }
    let logProbs = try reference.logProbs(batch, step: step, shouldStop)
    let divergences = RewardShaping.tokenKL(
      oldLogProbs: batch.oldLogProbs, referenceLogProbs: logProbs)
    let coefficient =
      state.numbers[TokenRewards.coefficientKey] ?? config.rewardKLCoefficient ?? 0
    let kl = SampleStatistics.mean(batch.rows.rowMeans(divergences))
    record.values[StepMetric.rewardKL] = kl
    record.values[StepMetric.rewardKLCoefficient] = coefficient
    if let target = config.rewardKLTarget, target > 0 {
      state.numbers[TokenRewards.coefficientKey] = AdaptiveKLController(
        coefficient: coefficient, target: target, horizon: config.rewardKLHorizon ?? 10_000
      ).updated(kl: kl, count: batch.rows.count)
    }
    return RewardShaping.tokenRewards(
      scores, penalties: RewardShaping.penalties(divergences, coefficient: coefficient),
      rows: batch.rows)
  }
}
