internal import ExpCore
internal import TrainerProtocol

extension RequestCheck {
  /// Checks the RL stage: every number in its range, and every setting of the algorithm there.
  ///
  /// A default here would be a number that the config hash does not know.
  static func check(_ train: TrainConfig) throws {
    try common(train)
    try settings(train)
    try complete(train)
    try control(train.entropyControl)
    if let reason = MethodPairs.refusal(
      algorithm: train.algorithm.rawValue, control: train.entropyControl.method.rawValue)
    {
      throw TrainerError(
        .badRequest,
        "'\(train.algorithm.rawValue)' cannot be combined with '\(train.entropyControl.method.rawValue)': "
          + reason)
    }
  }

  private static let place = "config.train"

  private static func common(_ train: TrainConfig) throws {
    try integer(train.steps, in: 0...Int(Int32.max), "\(place).steps")
    try integer(train.promptsPerStep, in: 1...1_000_000, "\(place).prompts_per_step")
    try integer(train.samplesPerPrompt ?? 1, in: 1...10_000, "\(place).samples_per_prompt")
    try integer(train.updatesPerRollout, in: 1...10_000, "\(place).updates_per_rollout")
    try integer(train.epochs, in: 1...10_000, "\(place).epochs_per_rollout")
    try integer(train.microBatchSize, in: 1...1_000_000, "\(place).micro_batch_size")
    try number(train.learningRate, in: 0...1e3, "\(place).learning_rate")
    try optimizer(train.weightDecay, train.beta1, train.beta2, train.maxGradNorm, place)
    try number(train.temperature, in: 1e-3...1e3, "\(place).temperature")
    try number(train.nucleus, in: 1e-9...1, "\(place).top_p")
    try integer(train.longestResponse, in: 0...1_000_000, "\(place).max_response_tokens")
    try integer(train.penalisedTokens, in: 0...1_000_000, "\(place).overlong_buffer")
    try number(train.largestPenalty, in: 0...1e6, "\(place).overlong_factor")
    try number(train.referenceRate, in: 0...0.999_999_999, "\(place).reference_ema")
  }

  private static func settings(_ train: TrainConfig) throws {
    let numbers: [(Double?, ClosedRange<Double>, String)] = [
      (train.clipRatioLow, 0...1, "clip_ratio_low"),
      (train.clipRatioHigh, 0...1e6, "clip_ratio_high"),
      (train.dualClipRatio, 0...1e6, "dual_clip_ratio"),
      (train.filterAccuracyLow, 0...1, "filter_accuracy_low"),
      (train.filterAccuracyHigh, 0...1, "filter_accuracy_high"),
      (train.gamma, 0...1, "gamma"), (train.gaeLambda, 0...1, "gae_lambda"),
      (train.rewardKLCoefficient, 0...1e6, "reward_kl_coefficient"),
      (train.rewardKLTarget, 0...1e6, "reward_kl_target"),
      (train.rewardKLHorizon, 1e-9...1e12, "reward_kl_horizon"),
      (train.criticLearningRate, 0...1e3, "critic_learning_rate"),
      (train.valueClip, 0...1e9, "value_clip"), (train.primeBeta, 0...1e6, "prime_beta"),
      (train.primeLearningRate, 0...1e3, "prime_learning_rate"),
      (train.primeMaxGradNorm, 1e-12...1e12, "prime_max_grad_norm"),
      (train.primeProcessWeight, 0...1e9, "prime_process_weight"),
      (train.primeOutcomeWeight, 0...1e9, "prime_outcome_weight"),
      (train.spoProbabilityThreshold, 0...1, "spo_probability_threshold"),
      (train.dpoBeta, 1e-9...1e6, "dpo_beta"),
      (train.dpoLabelSmoothing, 0...0.5, "dpo_label_smoothing"),
    ]
    for (value, range, key) in numbers {
      try number(value ?? range.lowerBound, in: range, "\(place).\(key)")
    }
    let integers: [(Int?, ClosedRange<Int>, String)] = [
      (train.criticWarmupSteps, 0...Int(Int32.max), "critic_warmup_steps"),
      (train.spoInterval, 1...1_000_000, "spo_interval"),
      (train.spoSegmentTokens, 1...1_000_000, "spo_segment_tokens"),
      (train.spoSamples, 1...10_000, "spo_samples"),
      (train.spoSegmentsPerPrompt, 1...1_000_000, "spo_segments_per_prompt"),
      (train.spoReplaySteps, 0...1024, "spo_replay_steps"),
      (train.pairsPerPrompt, 1...10_000, "pairs_per_prompt"),
    ]
    for (value, range, key) in integers {
      try integer(value ?? range.lowerBound, in: range, "\(place).\(key)")
    }
    if let structure = train.spoTreeStructure {
      var leaves = 1
      try integer(structure.count, in: 1...8, "\(place).spo_tree_structure's levels")
      for width in structure {
        try integer(width, in: 1...4096, "\(place).spo_tree_structure")
        leaves *= width
        try integer(leaves, in: 1...4096, "\(place).spo_tree_structure's leaves")
      }
    }
  }

  private static func complete(_ train: TrainConfig) throws {
    var needed = [
      ("reward", train.reward != nil), ("epochs_per_rollout", train.epochsPerRollout != nil),
      ("top_p", train.topP != nil), ("max_response_tokens", train.maxResponseTokens != nil),
      ("overlong_buffer", train.overlongBuffer != nil),
      ("overlong_factor", train.overlongFactor != nil),
      ("reference_ema", train.referenceEMA != nil),
    ]
    let isPreference = [.dpo, .iterativeDPO].contains(train.algorithm)
    if isPreference {
      needed += [
        ("dpo_beta", train.dpoBeta != nil), ("dpo_loss", train.dpoLoss != nil),
        ("dpo_label_smoothing", train.dpoLabelSmoothing != nil),
        ("pairs_per_prompt", train.pairsPerPrompt != nil),
      ]
    } else {
      needed += [
        ("clip_ratio_low", train.clipRatioLow != nil),
        ("clip_ratio_high", train.clipRatioHigh != nil),
        ("loss_aggregation", train.lossAggregation != nil),
      ]
    }
    if train.algorithm != .spoTree {
      needed.append(("samples_per_prompt", train.samplesPerPrompt != nil))
    }
    if !isPreference && train.algorithm != .spoTree {
      needed.append(("filter_groups", train.filterGroups != nil))
    }
    switch train.algorithm {
    case .grpo: needed.append(("scale_by_std", train.scaleByStd != nil))
    case .reinforcePP: needed.append(("gamma", train.gamma != nil))
    case .ppo:
      needed += [
        ("gamma", train.gamma != nil), ("gae_lambda", train.gaeLambda != nil),
        ("critic_learning_rate", train.criticLearningRate != nil),
        ("value_clip", train.valueClip != nil),
        ("normalize_advantages", train.normalizeAdvantages != nil),
      ]
    case .prime:
      needed += [
        ("prime_beta", train.primeBeta != nil),
        ("prime_learning_rate", train.primeLearningRate != nil),
        ("prime_max_grad_norm", train.primeMaxGradNorm != nil),
        ("prime_update", train.primeUpdate != nil), ("prime_form", train.primeForm != nil),
        ("prime_process_weight", train.primeProcessWeight != nil),
        ("prime_outcome_weight", train.primeOutcomeWeight != nil),
      ]
    case .spoChain:
      needed += [
        ("spo_probability_threshold", train.spoProbabilityThreshold != nil),
        ("spo_segmentation", train.spoSegmentation != nil),
        ("spo_interval", train.spoInterval != nil),
        ("spo_segment_tokens", train.spoSegmentTokens != nil),
        ("spo_samples", train.spoSamples != nil),
        ("normalize_advantages", train.normalizeAdvantages != nil),
      ]
    case .spoTree:
      needed += [
        ("spo_probability_threshold", train.spoProbabilityThreshold != nil),
        ("spo_tree_structure", train.spoTreeStructure != nil),
        ("spo_segment_tokens", train.spoSegmentTokens != nil),
        ("spo_segments_per_prompt", train.spoSegmentsPerPrompt != nil),
        ("spo_replay_steps", train.spoReplaySteps != nil),
        ("scale_by_std", train.scaleByStd != nil),
        ("normalize_advantages", train.normalizeAdvantages != nil),
      ]
    case .reinforce, .reinforcePPBaseline, .rloo, .remax, .dpo, .iterativeDPO: break
    }
    try require(needed, place, by: train.algorithm.rawValue)
  }

  private static func control(_ control: EntropyControlConfig) throws {
    let place = "\(place).entropy_control"
    try number(control.coefficient ?? 0, in: 0...1e6, "\(place).coefficient")
    try number(control.tokenFraction ?? 0, in: 0...1, "\(place).token_fraction")
    try number(control.covarianceLow ?? 0, in: -1e9...1e9, "\(place).covariance_low")
    try number(control.covarianceHigh ?? 0, in: -1e9...1e9, "\(place).covariance_high")
    try number(control.clipRatioHigh ?? 0, in: 0...1e6, "\(place).clip_ratio_high")
    try number(control.threshold ?? 0, in: 0...1, "\(place).threshold")
    let needed: [(String, Bool)] =
      switch control.method {
      case .none: []
      case .entropyBonus: [("coefficient", control.coefficient != nil)]
      case .klReference:
        [("coefficient", control.coefficient != nil), ("estimator", control.estimator != nil)]
      case .clipHigher: [("clip_ratio_high", control.clipRatioHigh != nil)]
      case .clipCov:
        [
          ("token_fraction", control.tokenFraction != nil),
          ("covariance_low", control.covarianceLow != nil),
          ("covariance_high", control.covarianceHigh != nil),
        ]
      case .klCov:
        [
          ("coefficient", control.coefficient != nil),
          ("token_fraction", control.tokenFraction != nil),
        ]
      case .highEntropyTokens:
        [
          ("token_fraction", control.tokenFraction != nil), ("reverse", control.reverse != nil),
        ]
      case .probabilityMask: [("threshold", control.threshold != nil)]
      }
    try require(needed, place, by: control.method.rawValue)
  }

  private static func require(
    _ needed: [(String, Bool)], _ place: String, by method: String
  ) throws {
    for (key, isPresent) in needed where !isPresent {
      throw TrainerError(.badRequest, "'\(place).\(key)' is missing; '\(method)' needs it")
    }
  }
}
