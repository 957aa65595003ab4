internal import ExpCore

/// The settings of the RL stage that only some algorithms read, each with its default for each of them.
enum AlgorithmSettings {
  /// A setting and the algorithms that read it.
  struct Setting: Sendable {
    var key: KeySchema
    /// The default of each algorithm that reads it.
    var defaults: [String: JSONValue]

    /// The algorithms that read it, in alphabetical order.
    var owners: [String] { defaults.keys.sorted() }
  }

  /// Every algorithm, in alphabetical order.
  static let algorithms = [
    "dpo", "grpo", "iterative_dpo", "ppo", "prime", "reinforce", "reinforce_pp",
    "reinforce_pp_baseline", "remax", "rloo", "spo_chain", "spo_tree",
  ]

  private static let preference = ["dpo", "iterative_dpo"]
  private static let segments = ["spo_chain", "spo_tree"]
  private static let policyGradient = algorithms.filter { !preference.contains($0) }
  private static let groups = algorithms.filter { $0 != "spo_tree" }
  private static let filtered = policyGradient.filter { $0 != "spo_tree" }
  /// Those whose reward is the answer's alone, so that a KL term can be part of it.
  private static let outcome = filtered.filter { $0 != "prime" && $0 != "spo_chain" }

  static let all: [Setting] =
    sampling + objective + filter + advantages + critic + process + segmentation + pairs

  /// A setting with the values that make others pointless.
  struct Switch: Sendable {
    var keys: [String]
    var isOff: @Sendable ([String: JSONValue]) -> Bool
    /// When they are read, in words.
    var reason: String
  }

  /// Settings that are read only where another one says so.
  static let switches = [
    Switch(
      keys: ["filter_accuracy_low", "filter_accuracy_high", "refill_groups"],
      isOff: { $0["filter_groups"]?.bool == false }, reason: "only filter_groups: true reads it"),
    Switch(
      keys: ["reward_kl_target", "reward_kl_horizon"],
      isOff: { $0["reward_kl_coefficient"]?.number == 0 },
      reason: "only a reward_kl_coefficient above 0 reads it"),
    Switch(
      keys: ["reward_kl_horizon"], isOff: { $0["reward_kl_target"]?.number == 0 },
      reason: "only a reward_kl_target above 0 reads it"),
    Switch(
      keys: ["dpo_label_smoothing"],
      isOff: { $0["dpo_loss"]?.string.map { $0 != "sigmoid" } ?? false },
      reason: "only dpo_loss: sigmoid reads it"),
    Switch(
      keys: ["spo_interval"], isOff: { $0["spo_segmentation"]?.string == "fixed_length" },
      reason: "only spo_segmentation: cut_points reads it"),
    Switch(
      keys: ["spo_segment_tokens"],
      isOff: {
        $0["algorithm"]?.string == "spo_chain" && $0["spo_segmentation"]?.string == "cut_points"
      }, reason: "only spo_segmentation: fixed_length reads it"),
  ]

  /// The setting of a dotted path.
  static func setting(_ path: String) -> Setting? {
    all.first { "train.\($0.key.name)" == path }
  }

  private static let sampling = [
    setting(
      "prompts_per_step", .integer(1...65_536), "Prompts per rollout.", algorithms, 128,
      ["spo_tree": 16]),
    setting(
      "samples_per_prompt", .integer(1...4096), "Answers per prompt: the group.", groups, 8),
    setting(
      "epochs_per_rollout", .integer(1...64), "Passes over a rollout.", algorithms, 1,
      ["spo_chain": 2]),
  ]

  private static let objective = [
    setting(
      "clip_ratio_low", .number(.positive(1)), "Lower clip of the ratio.", policyGradient, 0.2),
    setting(
      "clip_ratio_high", .number(.positive(100)), "Upper clip of the ratio.", policyGradient, 0.2),
    setting(
      "dual_clip_ratio", .number(.upTo(1000)),
      "Ratio above which a bad answer's loss stays constant; 0 for no such bound.",
      policyGradient, 0),
    setting(
      "loss_aggregation",
      .choice([
        "seq_mean_token_mean", "seq_mean_token_sum", "seq_mean_token_sum_norm", "token_mean",
      ]), "How token losses become one number.", policyGradient, "token_mean"),
  ]

  private static let filter = [
    setting(
      "filter_groups", .boolean, "Drop groups whose rewards are all equal.", filtered, true,
      ["spo_chain": false]),
    setting(
      "filter_accuracy_low", .number(.upTo(1)),
      "Groups with a smaller share of right answers are dropped, where groups are filtered.",
      filtered, 0, ["prime": 0.2]),
    setting(
      "filter_accuracy_high", .number(.upTo(1)),
      "Groups with a larger share of right answers are dropped, where groups are filtered.",
      filtered, 1, ["prime": 0.8]),
    setting(
      "refill_groups", .boolean,
      "Sample further prompts, up to ten times, until enough groups are kept.", filtered, false),
  ]

  private static let advantages = [
    setting(
      "gamma", .number(.upTo(1)), "Discount of later rewards.",
      ["reinforce", "reinforce_pp", "ppo"], 1),
    setting(
      "normalize_advantages", .boolean, "Whiten advantages over the batch's tokens.",
      ["reinforce", "rloo", "remax", "grpo", "ppo"] + segments, false,
      ["ppo": true, "spo_chain": true, "spo_tree": true]),
    setting(
      "scale_by_std", .boolean, "Divide advantages by the group's deviation.",
      ["grpo", "spo_tree"], true, ["spo_tree": false]),
    setting(
      "normalize_rewards", .boolean, "Standardise rewards over the batch, as for soft rewards.",
      outcome.filter { $0 != "remax" }, false),
    setting(
      "reward_kl_coefficient", .number(.upTo(100)),
      "Weight of the KL to the reference inside the reward of every token.", outcome, 0),
    setting(
      "reward_kl_target", .number(.upTo(1e6)),
      "The KL that the coefficient is steered to; 0 keeps the coefficient.", outcome, 0),
    setting(
      "reward_kl_horizon", .number(.positive(1e12)),
      "Answers over which the coefficient is steered.", outcome, 10_000),
  ]

  private static let critic = [
    setting(
      "gae_lambda", .number(.upTo(1)), "Decay of the advantage estimator.", ["ppo"], 1),
    setting(
      "critic_learning_rate", .learningRate(SpecSchema.learningRates),
      "Constant learning rate of the critic.", ["ppo"], 1e-3),
    setting(
      "value_clip", .number(.positive(1e6)),
      "Range by which a value may move from the rollout's.", ["ppo"], 0.5),
    setting(
      "critic_warmup_steps", .integer(0...10_000_000),
      "Steps at the start in which the critic learns alone.", ["ppo"], 0),
  ]

  private static let process = [
    setting(
      "prime_beta", .number(.positive(1000)), "Scale of the implicit reward.", ["prime"], 0.05),
    setting(
      "prime_learning_rate", .number(SpecSchema.learningRates),
      "Learning rate of the reward model.", ["prime"], 4e-4),
    setting(
      "prime_max_grad_norm", .number(.positive(1e6)),
      "Clip of the norm of the reward model's gradient.", ["prime"], 10),
    setting(
      "prime_update", .choice(["after", "before"]),
      "Whether the reward model learns from a rollout before or after it scores it.", ["prime"],
      "after"),
    setting(
      "prime_form", .choice(["code", "paper"]),
      "The advantage as PRIME's code computes it, or as its paper prints it.", ["prime"], "code"),
    setting(
      "prime_process_weight", .number(.upTo(1e6)), "Weight of the process rewards.", ["prime"], 1),
    setting(
      "prime_outcome_weight", .number(.upTo(1e6)), "Weight of the outcome.", ["prime"], 1),
  ]

  private static let segmentation = [
    setting(
      "spo_probability_threshold", .number(.positive(1)),
      "Tokens that the rollout was at least this sure of are left out of the loss.", segments, 0.9),
    setting(
      "spo_segmentation", .choice(["cut_points", "fixed_length"]), "Where segments end.",
      ["spo_chain"], "cut_points"),
    setting(
      "spo_interval", .integer(1...65_536), "Cut points per segment.", ["spo_chain"], 5),
    setting(
      "spo_segment_tokens", .integer(1...65_536), "Tokens of a segment of fixed length.",
      segments, 4),
    setting(
      "spo_samples", .integer(1...4096), "Fresh continuations that give a boundary its value.",
      ["spo_chain"], 9),
    setting(
      "spo_tree_structure", .list(.integer(2...64), least: 1), "Children of a node, by level.",
      ["spo_tree"], [6, 6, 6]),
    setting(
      "spo_segments_per_prompt", .integer(1...65_536),
      "The most segments of one prompt that one step learns from.", ["spo_tree"], 32),
    setting(
      "spo_replay_steps", .integer(0...1024),
      "Steps for which segments that a step had no room for are kept.", ["spo_tree"], 8),
  ]

  private static let pairs = [
    setting(
      "dpo_beta", .number(.positive(1000)), "How firmly the policy is held to the reference.",
      preference, 0.1),
    setting(
      "dpo_loss", .choice(["hinge", "ipo", "sigmoid"]), "The loss of a pair.", preference,
      "sigmoid"),
    setting(
      "dpo_label_smoothing", .number(NumberRange(lower: 0, upper: 0.5, excludesUpper: true)),
      "Probability that a label is wrong.", preference, 0),
    setting(
      "pairs_per_prompt", .integer(1...4096), "The most pairs of one prompt.", preference, 1),
  ]

  private static func setting(
    _ name: String, _ value: ValueSchema, _ summary: String, _ owners: [String],
    _ fallback: JSONValue, _ others: [String: JSONValue] = [:]
  ) -> Setting {
    let defaults = Dictionary(
      owners.map { ($0, others[$0] ?? fallback) }, uniquingKeysWith: { first, _ in first })
    return Setting(
      key: KeySchema(name, value, nil, words(summary, owners, fallback, others)),
      defaults: defaults)
  }

  /// The summary with who reads the setting and its defaults.
  private static func words(
    _ summary: String, _ owners: [String], _ fallback: JSONValue, _ others: [String: JSONValue]
  ) -> String {
    let missing = algorithms.filter { !owners.contains($0) }
    let readers =
      missing.isEmpty
      ? ""
      : owners.count <= missing.count
        ? "\(owners.sorted().joined(separator: ", ")): "
        : "not \(missing.joined(separator: ", ")): "
    let own = others.sorted { $0.key < $1.key }
      .filter { owners.contains($0.key) && $0.value != fallback }
      .map { ", for \($0.key) \($0.value.canonicalJSON)" }.joined()
    return "\(readers)\(summary) Default \(fallback.canonicalJSON)\(own)."
  }
}
