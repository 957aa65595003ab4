internal import TrainerProtocol

/// Settings that runs of older versions did not know, with the values that change nothing.
extension TrainConfig {
  var isPreference: Bool { algorithm == .dpo || algorithm == .iterativeDPO }
  var epochs: Int { epochsPerRollout ?? 1 }
  var rewardForm: RewardForm { reward ?? .exact }
  var nucleus: Double { topP ?? 1 }
  var longestResponse: Int { maxResponseTokens ?? 0 }
  var penalisedTokens: Int { overlongBuffer ?? 0 }
  var largestPenalty: Double { overlongFactor ?? 1 }
  var referenceRate: Double { referenceEMA ?? 0 }
  /// SPO: tokens that the rollout was at least this sure of are no decisions; the control `probability_mask` sets it too.
  var maskThreshold: Double {
    let own = spoProbabilityThreshold ?? 1
    return entropyControl.method == .probabilityMask ? entropyControl.threshold ?? own : own
  }
}
