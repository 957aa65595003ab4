internal import TrainerProtocol

/// Credit from rewards alone: REINFORCE, REINFORCE++, RLOO, ReMax and GRPO.
package final class GroupCredit: TokenCredit {
  private let config: TrainConfig
  private let rewards: TokenRewards
  private let sampler: RolloutSampler

  /// Makes the credit of a configuration.
  package init(_ sampler: RolloutSampler, rewards: TokenRewards) {
    self.sampler = sampler
    self.rewards = rewards
    config = sampler.config
  }

  package func attach(_ state: TrainableState) { rewards.attach(state) }

  package func advantages(
    _ batch: PolicyBatch, problems: [Problem], step: Int, into record: inout StepRecord
  ) throws -> [Double] {
    var baselines: [Double] = []
    if config.algorithm == .remax {
      // One greedy answer to each prompt that was kept is its baseline.
      let greedy = try sampler.greedyScores(
        batch.groups.map { problems[batch.samples[$0.lowerBound].group] })
      baselines = zip(batch.groups, greedy).flatMap { repeatElement($1, count: $0.count) }
    }
    return AdvantageEstimator(config).tokenAdvantages(
      rows: batch.rows, tokenRewards: try rewards.values(batch, step: step, into: &record),
      groups: batch.groupOfRow, baselines: baselines)
  }
}
