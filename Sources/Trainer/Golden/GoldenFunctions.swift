internal import TrainerProtocol

/// Runs a case through the functions that training uses; here are only the peers' names for them.
enum GoldenFunctions {
  private typealias Runner = @Sendable (GoldenCase) throws -> [String: GoldenValue]

  private static let runners: [String: Runner] = [
    "masked_mean / masked_var / masked_whiten": maskedStatistics,
    "agg_loss": aggregation,
    "compute_grpo_outcome_advantage": grpo,
    "compute_rloo_outcome_advantage": rloo,
    "compute_reinforce_plus_plus_outcome_advantage": reinforcePP,
    "compute_reinforce_plus_plus_baseline_outcome_advantage": reinforcePPBaseline,
    "compute_remax_outcome_advantage": remax,
    "compute_gae_advantage_return": generalizedAdvantage,
    "compute_rloo_advantage_return": prime,
    "compute_advantages_and_returns": openRLHF,
    "SPO-chain: _compute_token_advantages": spoChain,
    "SPO-tree: extract_edges_from_tree": spoTree,
    "compute_value_loss": valueLoss,
    "compute_policy_loss_reinforce": policyGradient,
    "compute_policy_loss_vanilla (PPO clip, asymmetric clip, dual clip)": clippedSurrogate,
    "compute_policy_loss (paper's fork: no dual clip)": clippedSurrogate,
    "PolicyLoss": clippedSurrogate,
    "compute_policy_loss_clip_cov": clipCov,
    "compute_policy_loss_kl_cov": klCov,
    "compute_policy_loss_kl_cov (k in per cent)": klCov,
    "GRPOTrainer.get_high_entropy_mask, then verl compute_policy_loss_vanilla with that mask":
      highEntropy,
    "masked_whiten(prob mask) + PPOTrainer._compute_actor_loss(use_prob_mask)": probabilityMask,
    "entropy_from_logits / logprobs_from_logits / compute_entropy_loss": tokenScores,
    "kl_penalty": klEstimator,
    "AdaptiveKLController": klController,
    "DPOTrainer.dpo_loss": preferenceLoss,
    "DPOLoss": preferenceLoss,
    "compute_ce_dpo_loss_rm": rewardModelLoss,
    "DataParallelPRIMERewardModel._forward_micro_batch + prime_norm": implicitRewards,
  ]

  /// Returns our values under the keys of the case's expectations.
  ///
  /// - Throws: `GoldenError` for an unknown function, and for inputs that are missing or of the wrong shape.
  static func run(_ golden: GoldenCase) throws -> [String: GoldenValue] {
    guard let runner = runners[golden.function] else {
      throw GoldenError(
        "unknown function '\(golden.function)'; expected one of: "
          + runners.keys.sorted().joined(separator: ", "))
    }
    return try runner(golden)
  }

  /// Finds what a peer's name stands for.
  static func named<Value>(_ name: String, _ values: [String: Value], _ what: String) throws
    -> Value
  {
    guard let value = values[name] else { throw GoldenError("unknown \(what) '\(name)'") }
    return value
  }

  static func aggregation(named name: String) throws -> TrainConfig.LossAggregation {
    let modes: [String: TrainConfig.LossAggregation] = [
      "token-mean": .tokenMean, "seq-mean-token-sum": .seqMeanTokenSum,
      "seq-mean-token-mean": .seqMeanTokenMean, "seq-mean-token-sum-norm": .seqMeanTokenSumNorm,
    ]
    return try named(name, modes, "aggregation")
  }
}
