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
