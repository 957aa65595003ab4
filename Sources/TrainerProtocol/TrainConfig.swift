/// The RL stage.
///
/// A member that the algorithm does not read is nil, so that two ways to write one run are one point. Members that were
/// added later are optional, so that the records of older runs can be read; a run that starts has them all.
public struct TrainConfig: Sendable, Hashable, Codable {
  /// The algorithms there are; algorithms.md sections 2 and 5.
  public enum Algorithm: String, Sendable, Hashable, Codable, CaseIterable {
    case reinforce
    case reinforcePP = "reinforce_pp"
    case reinforcePPBaseline = "reinforce_pp_baseline"
    case rloo
    case remax
    case grpo
    case ppo
    case prime
    case spoChain = "spo_chain"
    case spoTree = "spo_tree"
    case dpo
    case iterativeDPO = "iterative_dpo"
  }

  /// How a token loss becomes one number; algorithms.md section 0.1.
  public enum LossAggregation: String, Sendable, Hashable, Codable, CaseIterable {
    case tokenMean = "token_mean"
    case seqMeanTokenSum = "seq_mean_token_sum"
    case seqMeanTokenMean = "seq_mean_token_mean"
    case seqMeanTokenSumNorm = "seq_mean_token_sum_norm"
  }

  /// Who scores an answer.
  public enum RewardForm: String, Sendable, Hashable, Codable, CaseIterable {
    /// The task's exact verifier.
    case exact
    /// The judge's verdict, 0 or 1.
    case judgeBinary = "judge_binary"
    /// The judge's confidence in [0, 1].
    case judgeSoft = "judge_soft"
  }

  /// Whether PRIME's reward model learns from a rollout before or after it scores it.
  public enum PrimeUpdate: String, Sendable, Hashable, Codable, CaseIterable {
    case before, after
  }

  /// PRIME's advantage as the paper prints it or as its code computes it; algorithms.md section 2.7.
  public enum PrimeForm: String, Sendable, Hashable, Codable, CaseIterable {
    case code, paper
  }

  /// Where SPO-chain ends a segment.
  public enum Segmentation: String, Sendable, Hashable, Codable, CaseIterable {
    /// At every so many tokens that the policy was unsure of.
    case cutPoints = "cut_points"
    /// After every so many tokens.
    case fixedLength = "fixed_length"
  }

  /// The losses over preference pairs; algorithms.md section 5.1.
  public enum PreferenceLoss: String, Sendable, Hashable, Codable, CaseIterable {
    case sigmoid, ipo, hinge
  }

  /// The algorithm.
  public var algorithm: Algorithm
  /// How entropy is controlled.
  public var entropyControl: EntropyControlConfig
  /// Who scores the answers.
  public var reward: RewardForm?
  /// Rollout-and-update steps.
  public var steps: Int
  /// Prompts per rollout.
  public var promptsPerStep: Int
  /// Answers per prompt: the group size; nil for SPO-tree, whose tree says it.
  public var samplesPerPrompt: Int?
  /// Optimiser steps per pass over a rollout: the batch is cut into this many mini-batches.
  public var updatesPerRollout: Int
  /// Passes over a rollout.
  public var epochsPerRollout: Int?
  /// Sequences in one forward and backward pass; changes rounding only.
  public var microBatchSize: Int
  /// Constant learning rate of AdamW.
  public var learningRate: Double
  /// AdamW's weight decay.
  public var weightDecay: Double
  /// AdamW's first-moment decay.
  public var beta1: Double
  /// AdamW's second-moment decay.
  public var beta2: Double
  /// Global gradient-norm clip.
  public var maxGradNorm: Double
  /// Sampling temperature of rollouts, and of the trained log-probabilities.
  public var temperature: Double
  /// Share of probability that rollouts sample from; 1 leaves the distribution whole.
  public var topP: Double?
  /// The longest answer of a rollout, tokens; 0 stands for the task's longest.
  public var maxResponseTokens: Int?
  /// Tokens before the longest answer over which a penalty for length grows; 0 for none (algorithms.md section 6).
  public var overlongBuffer: Int?
  /// The penalty at the longest answer.
  public var overlongFactor: Double?
  /// Rate at which the reference follows the policy after each optimiser step; 0 keeps the base policy.
  public var referenceEMA: Double?

  /// Lower clip range of the importance ratio.
  public var clipRatioLow: Double?
  /// Upper clip range of the importance ratio.
  public var clipRatioHigh: Double?
  /// Bound of the loss of bad answers whose ratio is large, above 1; 0 for none.
  public var dualClipRatio: Double?
  /// How the token losses are aggregated.
  public var lossAggregation: LossAggregation?
  /// Whether groups whose rewards are all equal are dropped before the update.
  public var filterGroups: Bool?
  /// Groups with a smaller share of right answers are dropped, where groups are filtered.
  public var filterAccuracyLow: Double?
  /// Groups with a larger share of right answers are dropped, where groups are filtered.
  public var filterAccuracyHigh: Double?
  /// Whether further prompts are sampled until no prompt of the step's count is missing.
  public var refillGroups: Bool?
  /// Discount of later rewards.
  public var gamma: Double?
  /// Whether advantages are whitened over the batch's tokens.
  public var normalizeAdvantages: Bool?
  /// Whether advantages are divided by the group's standard deviation.
  public var scaleByStd: Bool?
  /// Whether rewards are standardised over the batch.
  public var normalizeRewards: Bool?
  /// Weight of `-log(policy / reference)` in the reward of every token.
  public var rewardKLCoefficient: Double?
  /// The KL that the coefficient is steered to; 0 keeps the coefficient.
  public var rewardKLTarget: Double?
  /// Answers over which the coefficient is steered.
  public var rewardKLHorizon: Double?

  /// PPO: decay of the advantage estimator.
  public var gaeLambda: Double?
  /// PPO: constant learning rate of the critic.
  public var criticLearningRate: Double?
  /// PPO: range by which a value may move from the rollout's.
  public var valueClip: Double?
  /// PPO: steps at the start in which the critic learns alone.
  public var criticWarmupSteps: Int?

  /// PRIME: scale of the implicit reward.
  public var primeBeta: Double?
  /// PRIME: learning rate of the reward model.
  public var primeLearningRate: Double?
  /// PRIME: gradient-norm clip of the reward model.
  public var primeMaxGradNorm: Double?
  /// PRIME: whether the reward model learns before or after it scores.
  public var primeUpdate: PrimeUpdate?
  /// PRIME: which advantage.
  public var primeForm: PrimeForm?
  /// PRIME: weight of the process rewards.
  public var primeProcessWeight: Double?
  /// PRIME: weight of the outcome.
  public var primeOutcomeWeight: Double?

  /// SPO: tokens whose probability in the rollout was at least this are left out of the loss.
  public var spoProbabilityThreshold: Double?
  /// SPO-chain: where segments end.
  public var spoSegmentation: Segmentation?
  /// SPO-chain with cut points: every how many of them a segment ends.
  public var spoInterval: Int?
  /// SPO-chain with fixed length, SPO-tree: tokens of a segment.
  public var spoSegmentTokens: Int?
  /// SPO-chain: fresh continuations that give a boundary its value.
  public var spoSamples: Int?
  /// SPO-tree: children of a node, level by level.
  public var spoTreeStructure: [Int]?
  /// SPO-tree: the most segments of one prompt that one step learns from.
  public var spoSegmentsPerPrompt: Int?
  /// SPO-tree: steps for which segments that a step had no room for are kept; 0 for none.
  public var spoReplaySteps: Int?

  /// DPO: how far a pair may move the policy from the reference.
  public var dpoBeta: Double?
  /// DPO: the loss of a pair.
  public var dpoLoss: PreferenceLoss?
  /// DPO: probability that a label is wrong.
  public var dpoLabelSmoothing: Double?
  /// DPO: the most pairs of one prompt.
  public var pairsPerPrompt: Int?

  enum CodingKeys: String, CodingKey {
    case algorithm, reward, steps, beta1, beta2, temperature, gamma
    case entropyControl = "entropy_control"
    case promptsPerStep = "prompts_per_step"
    case samplesPerPrompt = "samples_per_prompt"
    case updatesPerRollout = "updates_per_rollout"
    case epochsPerRollout = "epochs_per_rollout"
    case microBatchSize = "micro_batch_size"
    case learningRate = "learning_rate"
    case weightDecay = "weight_decay"
    case maxGradNorm = "max_grad_norm"
    case topP = "top_p"
    case maxResponseTokens = "max_response_tokens"
    case overlongBuffer = "overlong_buffer"
    case overlongFactor = "overlong_factor"
    case referenceEMA = "reference_ema"
    case clipRatioLow = "clip_ratio_low"
    case clipRatioHigh = "clip_ratio_high"
    case dualClipRatio = "dual_clip_ratio"
    case lossAggregation = "loss_aggregation"
    case filterGroups = "filter_groups"
    case filterAccuracyLow = "filter_accuracy_low"
    case filterAccuracyHigh = "filter_accuracy_high"
    case refillGroups = "refill_groups"
    case normalizeAdvantages = "normalize_advantages"
    case scaleByStd = "scale_by_std"
    case normalizeRewards = "normalize_rewards"
    case rewardKLCoefficient = "reward_kl_coefficient"
    case rewardKLTarget = "reward_kl_target"
    case rewardKLHorizon = "reward_kl_horizon"
    case gaeLambda = "gae_lambda"
    case criticLearningRate = "critic_learning_rate"
    case valueClip = "value_clip"
    case criticWarmupSteps = "critic_warmup_steps"
    case primeBeta = "prime_beta"
    case primeLearningRate = "prime_learning_rate"
    case primeMaxGradNorm = "prime_max_grad_norm"
    case primeUpdate = "prime_update"
    case primeForm = "prime_form"
    case primeProcessWeight = "prime_process_weight"
    case primeOutcomeWeight = "prime_outcome_weight"
    case spoProbabilityThreshold = "spo_probability_threshold"
    case spoSegmentation = "spo_segmentation"
    case spoInterval = "spo_interval"
    case spoSegmentTokens = "spo_segment_tokens"
    case spoSamples = "spo_samples"
    case spoTreeStructure = "spo_tree_structure"
    case spoSegmentsPerPrompt = "spo_segments_per_prompt"
    case spoReplaySteps = "spo_replay_steps"
    case dpoBeta = "dpo_beta"
    case dpoLoss = "dpo_loss"
    case dpoLabelSmoothing = "dpo_label_smoothing"
    case pairsPerPrompt = "pairs_per_prompt"
  }
}
