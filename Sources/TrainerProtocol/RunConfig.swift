public import ExpCore

/// The resolved configuration of one run, typed: exactly what a point's canonical JSON holds.
///
/// Every member is present after resolution, so decoding needs no defaults; those live with the spec's schema.
/// Keys are the spec's.
public struct RunConfig: Sendable, Hashable, Codable {
  /// What is learnt and how an answer is verified.
  public var task: TaskConfig
  /// The architecture.
  public var model: ModelConfig
  /// How the base policy is made.
  public var base: BaseConfig
  /// The RL stage; nil in the request of a base policy.
  public var train: TrainConfig?
  /// How the policy is measured; nil in the request of a base policy.
  public var evaluate: EvaluateConfig?
  /// The RL seed; nil in the request of a base policy.
  public var seed: Int?
}

/// A task family and its difficulty.
public struct TaskConfig: Sendable, Hashable, Codable {
  /// The families there are.
  public enum Name: String, Sendable, Hashable, Codable, CaseIterable {
    case countdown
    case prog
  }

  /// The family.
  public var name: Name
  /// `countdown`: how many numbers a prompt may have, drawn uniformly from this list (2...6 each); nil for other families.
  public var numbers: [Int]?
  /// `countdown`: the largest target, 9...99; nil for other families.
  public var maxTarget: Int?
  /// `prog`: the most operations in a program (1...4); nil for other families.
  public var maxDepth: Int?
  /// `prog`: how many digits a list may have, drawn uniformly from this list (2...8 each); nil for other families.
  public var listLengths: [Int]?
  /// Probability that a demonstration has a slip, 0...1.
  public var slipProbability: Double

  enum CodingKeys: String, CodingKey {
    case name, numbers
    case maxTarget = "max_target"
    case maxDepth = "max_depth"
    case listLengths = "list_lengths"
    case slipProbability = "slip_probability"
  }
}

/// The architecture: a shape with its size label.
public struct ModelConfig: Sendable, Hashable, Codable {
  /// The widths.
  public var width: Int
  /// Transformer blocks.
  public var layers: Int
  /// Query heads.
  public var heads: Int
  /// Key and value heads.
  public var kvHeads: Int
  /// Hidden width of SwiGLU.
  public var hidden: Int
  /// Whether the output projection is the transposed embedding.
  public var tiedEmbeddings: Bool
  /// Whether query, key and value projections carry a bias.
  public var qkvBias: Bool
  /// Non-embedding parameters; follows from the widths.
  public var params: Int

  enum CodingKeys: String, CodingKey {
    case width, layers, heads, hidden, params
    case kvHeads = "kv_heads"
    case tiedEmbeddings = "tied_embeddings"
    case qkvBias = "qkv_bias"
  }

  /// The shape these widths are.
  public var shape: ModelShape {
    ModelShape(
      width: width, layers: layers, heads: heads, kvHeads: kvHeads, hidden: hidden,
      tiedEmbeddings: tiedEmbeddings, qkvBias: qkvBias)
  }
}

/// The supervised stage that makes a base policy: AdamW, linear warm-up, cosine to a floor.
public struct BaseConfig: Sendable, Hashable, Codable {
  /// Optimiser steps; 0 leaves the initial weights.
  public var steps: Int
  /// Demonstrations per step.
  public var batchSize: Int
  /// Peak learning rate.
  public var learningRate: Double
  /// Steps of linear warm-up.
  public var warmupSteps: Int
  /// Learning rate at the last step over the peak.
  public var finalLearningRateFraction: Double
  /// Decoupled weight decay, on matrices only.
  public var weightDecay: Double
  /// AdamW's first-moment decay.
  public var beta1: Double
  /// AdamW's second-moment decay.
  public var beta2: Double
  /// Global gradient-norm clip.
  public var maxGradNorm: Double
  /// Seed of initial weights and demonstrations.
  public var seed: Int

  enum CodingKeys: String, CodingKey {
    case steps, beta1, beta2, seed
    case batchSize = "batch_size"
    case learningRate = "learning_rate"
    case warmupSteps = "warmup_steps"
    case finalLearningRateFraction = "final_learning_rate_fraction"
    case weightDecay = "weight_decay"
    case maxGradNorm = "max_grad_norm"
  }
}

/// The RL stage.
public struct TrainConfig: Sendable, Hashable, Codable {
  /// The algorithms there are.
  public enum Algorithm: String, Sendable, Hashable, Codable, CaseIterable {
    case reinforce
    case rloo
    case grpo
  }

  /// How a token loss becomes one number; algorithms.md section 0.1.
  public enum LossAggregation: String, Sendable, Hashable, Codable, CaseIterable {
    case tokenMean = "token_mean"
    case seqMeanTokenSum = "seq_mean_token_sum"
    case seqMeanTokenMean = "seq_mean_token_mean"
  }

  /// The algorithm.
  public var algorithm: Algorithm
  /// How entropy is controlled.
  public var entropyControl: EntropyControlConfig
  /// Rollout-and-update steps.
  public var steps: Int
  /// Prompts per rollout.
  public var promptsPerStep: Int
  /// Answers per prompt: the group size.
  public var samplesPerPrompt: Int
  /// Optimiser steps per rollout: the batch is cut into this many mini-batches, one pass.
  public var updatesPerRollout: Int
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
  /// Lower clip range of the importance ratio.
  public var clipRatioLow: Double
  /// Upper clip range of the importance ratio.
  public var clipRatioHigh: Double
  /// Whether GRPO divides by the group's standard deviation; nil for other algorithms.
  public var scaleByStd: Bool?
  /// How the token losses are aggregated.
  public var lossAggregation: LossAggregation
  /// Whether groups whose rewards are all equal are dropped before the update.
  public var filterGroups: Bool
  /// Sampling temperature of rollouts, and of the trained log-probabilities.
  public var temperature: Double

  enum CodingKeys: String, CodingKey {
    case algorithm, steps, beta1, beta2, temperature
    case entropyControl = "entropy_control"
    case promptsPerStep = "prompts_per_step"
    case samplesPerPrompt = "samples_per_prompt"
    case updatesPerRollout = "updates_per_rollout"
    case microBatchSize = "micro_batch_size"
    case learningRate = "learning_rate"
    case weightDecay = "weight_decay"
    case maxGradNorm = "max_grad_norm"
    case clipRatioLow = "clip_ratio_low"
    case clipRatioHigh = "clip_ratio_high"
    case scaleByStd = "scale_by_std"
    case lossAggregation = "loss_aggregation"
    case filterGroups = "filter_groups"
  }
}

/// One entropy control with its settings; only those of its method are present.
public struct EntropyControlConfig: Sendable, Hashable, Codable {
  /// The methods there are.
  public enum Method: String, Sendable, Hashable, Codable, CaseIterable {
    case none
    case entropyBonus = "entropy_bonus"
    case klReference = "kl_reference"
    case clipHigher = "clip_higher"
    case clipCov = "clip_cov"
    case klCov = "kl_cov"
  }

  /// Estimators of the KL to the reference; algorithms.md section 4.2.
  public enum Estimator: String, Sendable, Hashable, Codable, CaseIterable {
    case k1, k2, k3
  }

  /// The method.
  public var method: Method
  /// `entropy_bonus`, `kl_reference`, `kl_cov`: weight of the term.
  public var coefficient: Double?
  /// `clip_cov`, `kl_cov`: the share of tokens that is touched.
  public var tokenFraction: Double?
  /// `clip_cov`: lower end of the covariance band.
  public var covarianceLow: Double?
  /// `clip_cov`: upper end of the covariance band.
  public var covarianceHigh: Double?
  /// `clip_higher`: the upper clip range in place of `train.clip_ratio_high`.
  public var clipRatioHigh: Double?
  /// `kl_reference`: the estimator.
  public var estimator: Estimator?

  enum CodingKeys: String, CodingKey {
    case method, coefficient, estimator
    case tokenFraction = "token_fraction"
    case covarianceLow = "covariance_low"
    case covarianceHigh = "covariance_high"
    case clipRatioHigh = "clip_ratio_high"
  }
}

/// How the policy is measured.
public struct EvaluateConfig: Sendable, Hashable, Codable {
  /// Every how many steps; the first (0) and the last step are always measured.
  public var every: Int
  /// Fixed validation prompts.
  public var prompts: Int
  /// Answers per prompt at temperature 1.
  public var samples: Int
  /// Whether greedy answers are scored too.
  public var greedy: Bool
  /// Prompts whose answers go to `samples.jsonl` at each evaluation.
  public var keep: Int
}
