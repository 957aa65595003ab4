package import TrainerProtocol

/// How rewards of responses become advantages; none of them carries a gradient.
package enum AdvantageEstimator: Sendable, Hashable {
  /// `A_i = s_i`, without a baseline; algorithms.md section 2.1.
  case reinforce
  /// `A_i = s_i` minus the mean of the group's others; section 2.3.
  case rloo
  /// `A_i = (s_i - mean) / (std + 1e-6)` with the group's unbiased deviation, or `s_i - mean` unscaled; section 2.2.
  case grpo(scaleByStd: Bool)

  /// Added to GRPO's standard deviation.
  package static let grpoEpsilon = 1e-6

  /// Takes the algorithm and its settings out of a configuration; GRPO scales unless told otherwise.
  package init(_ config: TrainConfig) {
    switch config.algorithm {
    case .reinforce: self = .reinforce
    case .rloo: self = .rloo
    case .grpo: self = .grpo(scaleByStd: config.scaleByStd ?? true)
    }
  }

  /// Whether the advantages have about unit variance by themselves, as the covariance band of Clip-Cov assumes.
  package var hasUnitVariance: Bool { self == .grpo(scaleByStd: true) }

  /// Returns the advantage of each response.
  ///
  /// `groups[i]` names the prompt of response i; groups may be ragged and in any order. Degenerate groups follow
  /// section 7: equal rewards give exactly 0, and a group of one gives `s` (GRPO: `s / (1 + 1e-6)`, or `s` unscaled).
  package func advantages(rewards: [Double], groups: [Int]) -> [Double] {
    precondition(rewards.count == groups.count, "\(rewards.count) rewards, \(groups.count) groups")
    guard self != .reinforce else { return rewards }
    var members: [Int: [Int]] = [:]
    for (index, group) in groups.enumerated() { members[group, default: []].append(index) }
    var result = rewards
    for indices in members.values {
      let advantages = groupAdvantages(indices.map { rewards[$0] })
      for (index, advantage) in zip(indices, advantages) { result[index] = advantage }
    }
    return result
  }

  private func groupAdvantages(_ rewards: [Double]) -> [Double] {
    // Equal rewards must give 0 exactly; their mean may round off them.
    let isFlat = rewards.count > 1 && rewards.allSatisfy { $0 == rewards[0] }
    guard !isFlat else { return rewards.map { _ in 0 } }
    let count = Double(rewards.count)
    let mean = rewards.count > 1 ? SampleStatistics.mean(rewards) : 0
    switch self {
    case .reinforce:
      return rewards
    case .rloo:
      guard count > 1 else { return rewards }
      return rewards.map { ($0 - mean) * count / (count - 1) }
    case .grpo(scaleByStd: false):
      return rewards.map { $0 - mean }
    case .grpo(scaleByStd: true):
      let deviation = rewards.count > 1 ? SampleStatistics.variance(rewards).squareRoot() : 1
      return rewards.map { ($0 - mean) / (deviation + AdvantageEstimator.grpoEpsilon) }
    }
  }
}
