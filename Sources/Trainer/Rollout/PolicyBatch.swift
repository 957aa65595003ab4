package import TrainerProtocol

/// The answers an update learns from: what is left of a rollout after the group filter, as rows over flat token arrays.
package struct PolicyBatch: Sendable {
  /// One answer with its prompt and its score.
  package struct Sample: Sendable {
    /// Its prompt's tokens.
    package var prompt: [Int32]
    /// What was sampled.
    package var response: SampledResponse
    /// What the verifier gave it.
    package var reward: Double
  }

  /// The answers, group after group.
  package let samples: [Sample]
  /// Their tokens.
  package let rows: TokenRows
  /// Answers of each kept prompt.
  package let groupSize: Int
  /// Advantage of each answer.
  package let rowAdvantages: [Double]
  /// Advantage of each token.
  package let advantages: [Double]
  /// Log-probability of each token under the policy that sampled it, at the sampling temperature.
  package let oldLogProbs: [Double]
  /// Entropy of that policy at each token.
  package let entropies: [Double]

  /// Filters a rollout of whole groups and computes advantages over what is left.
  package init(_ rollout: [Sample], groupSize: Int, config: TrainConfig) {
    let groups = rollout.map(\.response.prompt)
    if config.filterGroups {
      let kept = Set(GroupFilter.kept(rewards: rollout.map(\.reward), groups: groups))
      samples = rollout.filter { kept.contains($0.response.prompt) }
    } else {
      samples = rollout
    }
    self.groupSize = groupSize
    rows = TokenRows(lengths: samples.lazy.map(\.response.tokens.count))
    rowAdvantages = AdvantageEstimator(config).advantages(
      rewards: samples.map(\.reward), groups: samples.map(\.response.prompt))
    advantages = rows.broadcast(rowAdvantages)
    oldLogProbs = samples.flatMap { $0.response.logProbs.map(Double.init) }
    entropies = samples.flatMap { $0.response.entropies.map(Double.init) }
  }

  /// Prompts that were kept.
  package var groupCount: Int { groupSize == 0 ? 0 : samples.count / groupSize }

  /// Cuts the rows into so many mini-batches of whole groups, in order and as even as can be; empty ones are left out.
  package func miniBatches(_ count: Int) -> [Range<Int>] {
    (0..<count).compactMap { index in
      let first = groupCount * index / count
      let end = groupCount * (index + 1) / count
      return first < end ? first * groupSize..<end * groupSize : nil
    }
  }

  /// Packs a range of rows for the model.
  package func packed(_ rows: Range<Int>) -> TokenBatch {
    var batch = TokenBatch()
    for sample in samples[rows] {
      batch.append(prompt: sample.prompt, response: sample.response.tokens)
    }
    return batch
  }

  /// Prompt and answer tokens of all rows: what an update computes.
  package var computedTokens: Int {
    samples.reduce(0) { $0 + $1.prompt.count + $1.response.tokens.count }
  }
}
