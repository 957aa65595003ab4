internal import ExpCore
internal import Glibc

/// What must or should hold between the keys of a point.
struct Relations {
  let config: JSONValue

  private func number(_ path: String) -> Double { config[path: path]?.number ?? 0 }
  private func text(_ path: String) -> String? { config[path: path]?.string }

  /// Everything that does not hold.
  var findings: [Resolver.Finding] {
    [
      pair, groupSize, miniBatches, keptPrompts, warmup, evaluations, covarianceBand,
      klCovGradient, tokenFraction, clipHigher, bonus, dualClip, accuracyBand, overlong, moving,
      pairCount, tree, judge, ownMask, criticWarmup, keptTokens, primeWeights, segments,
    ].compactMap { $0 }
  }

  private func error(
    _ message: String, _ paths: [String], expected: String? = nil, help: String? = nil
  ) -> Resolver.Finding {
    .init(severity: .error, message: message, paths: paths, expected: expected, help: help)
  }

  private func warning(
    _ message: String, _ paths: [String], expected: String? = nil, help: String? = nil
  ) -> Resolver.Finding {
    .init(severity: .warning, message: message, paths: paths, expected: expected, help: help)
  }

  private var groupSize: Resolver.Finding? {
    guard let algorithm = text("train.algorithm"),
      ["grpo", "rloo", "prime", "dpo", "iterative_dpo"].contains(algorithm),
      number("train.samples_per_prompt") == 1
    else { return nil }
    return error(
      "\(algorithm) compares the answers to one prompt, and there is only one",
      ["train.samples_per_prompt", "train.algorithm"], expected: "samples_per_prompt of at least 2")
  }

  private var miniBatches: Resolver.Finding? {
    let prompts = number("train.prompts_per_step")
    let updates = number("train.updates_per_rollout")
    guard prompts > 0, updates > prompts else { return nil }
    return error(
      "\(Int(prompts)) prompts cannot be cut into \(Int(updates)) mini-batches",
      ["train.updates_per_rollout", "train.prompts_per_step"],
      expected: "updates_per_rollout of at most prompts_per_step")
  }

  private var keptPrompts: Resolver.Finding? {
    guard number("evaluate.keep") > number("evaluate.prompts") else { return nil }
    return error(
      "\(Int(number("evaluate.keep"))) prompts cannot be kept of \(Int(number("evaluate.prompts")))",
      ["evaluate.keep", "evaluate.prompts"], expected: "a keep of at most evaluate.prompts")
  }

  private var warmup: Resolver.Finding? {
    let steps = number("base.steps")
    guard steps > 0, number("base.warmup_steps") > steps else { return nil }
    return warning(
      "the warm-up of \(Int(number("base.warmup_steps"))) steps is longer than the base stage of \(Int(steps))",
      ["base.warmup_steps", "base.steps"], help: "the peak learning rate is never reached")
  }

  private var evaluations: Resolver.Finding? {
    let steps = number("train.steps")
    let every = number("evaluate.every")
    guard every > 0, (steps / every).rounded(.up) + 1 < 3 else { return nil }
    return warning(
      "an evaluation every \(Int(every)) steps measures a run of \(Int(steps)) only at its ends",
      ["evaluate.every", "train.steps"], help: "a fit of the law needs at least 3 evaluations")
  }

  private var method: String? { text("train.entropy_control.method") }

  private var covarianceBand: Resolver.Finding? {
    let low = number("train.entropy_control.covariance_low")
    let high = number("train.entropy_control.covariance_high")
    guard method == "clip_cov", low >= high else { return nil }
    return error(
      "the band of covariances from \(shown(low)) to \(shown(high)) is empty",
      ["train.entropy_control.covariance_low", "train.entropy_control.covariance_high"],
      expected: "covariance_low below covariance_high")
  }

  private var klCovGradient: Resolver.Finding? {
    guard method == "kl_cov", number("train.updates_per_rollout") == 1,
      number("train.epochs_per_rollout") == 1
    else { return nil }
    return warning(
      "kl_cov has no effect with one update per rollout",
      ["train.entropy_control", "train.updates_per_rollout"],
      help: "its gradient is zero where the policy has not moved yet: use 2 updates or more")
  }

  /// Tokens of a mini-batch, from the longest answers the task has.
  private var tokensPerUpdate: Double {
    number("train.prompts_per_step") * answersPerPrompt * longestAnswer
      / max(1, number("train.updates_per_rollout"))
  }

  /// Answers to one prompt; of a tree, its leaves.
  private var answersPerPrompt: Double {
    let levels = config[path: "train.spo_tree_structure"]?.array?.compactMap(\.number)
    return levels?.reduce(1, *) ?? number("train.samples_per_prompt")
  }

  /// Tokens of the longest answer that the task asks for, as the trainer's task families have it.
  private var longestAnswer: Double {
    switch text("task.name") {
    case "countdown":
      let numbers = config[path: "task.numbers"]?.array?.compactMap(\.number).max() ?? 4
      let writesWorking = config[path: "task.working"]?.bool == true
      return writesWorking ? numbers * numbers + 4 * numbers - 5 : 2 * numbers
    case "code":
      return (5 + 6 * number("task.max_nesting")) * number("task.max_statements") + 5
    case "phrases": return 10
    default: return number("task.max_depth") + 1
    }
  }

  private var tokenFraction: Resolver.Finding? {
    guard method == "kl_cov" || method == "clip_cov" else { return nil }
    let fraction = number("train.entropy_control.token_fraction")
    guard fraction * tokensPerUpdate < 1 else { return nil }
    let least = (1 / tokensPerUpdate).shortestText ?? ""
    return warning(
      "a token_fraction of \(shown(fraction)) selects less than one of about \(Int(tokensPerUpdate)) tokens per update",
      ["train.entropy_control.token_fraction", "train.prompts_per_step"],
      help: "one token is taken all the same, which is a fraction of \(least)")
  }

  private var clipHigher: Resolver.Finding? {
    let high = number("train.entropy_control.clip_ratio_high")
    guard method == "clip_higher", high <= number("train.clip_ratio_high") else { return nil }
    return warning(
      "clip_higher with \(shown(high)) is no higher than 'train.clip_ratio_high'",
      ["train.entropy_control.clip_ratio_high", "train.clip_ratio_high"])
  }

  private var bonus: Resolver.Finding? {
    guard let method, ["entropy_bonus", "kl_reference", "kl_cov"].contains(method),
      number("train.entropy_control.coefficient") == 0
    else { return nil }
    return warning(
      "\(method) with a coefficient of 0 has no effect", ["train.entropy_control.coefficient"])
  }

  private var pair: Resolver.Finding? {
    guard let algorithm = text("train.algorithm"), let method,
      let reason = MethodPairs.refusal(algorithm: algorithm, control: method)
    else { return nil }
    return error(
      "\(algorithm) cannot be combined with \(method): \(reason)",
      ["train.entropy_control", "train.algorithm"],
      expected: "one of: "
        + EntropyControl.names.filter {
          MethodPairs.refusal(algorithm: algorithm, control: $0) == nil
        }.joined(separator: ", "))
  }

  private var dualClip: Resolver.Finding? {
    let ratio = number("train.dual_clip_ratio")
    guard ratio > 0, ratio <= 1 else { return nil }
    return error(
      "a dual clip at \(shown(ratio)) would bound the loss of answers that the policy has not moved to",
      ["train.dual_clip_ratio"], expected: "0 for none, or a number above 1 such as 3")
  }

  private var accuracyBand: Resolver.Finding? {
    let low = number("train.filter_accuracy_low")
    let high = number("train.filter_accuracy_high")
    guard low > high else { return nil }
    return error(
      "the band of accuracies from \(shown(low)) to \(shown(high)) is empty",
      ["train.filter_accuracy_low", "train.filter_accuracy_high"],
      expected: "filter_accuracy_low of at most filter_accuracy_high")
  }

  private var overlong: Resolver.Finding? {
    let buffer = number("train.overlong_buffer")
    let limit = number("train.max_response_tokens")
    let longest = limit > 0 ? min(limit, longestAnswer) : longestAnswer
    guard buffer > longest else { return nil }
    return error(
      "a buffer of \(Int(buffer)) tokens is longer than the longest answer of \(Int(longest))",
      ["train.overlong_buffer", "train.max_response_tokens"])
  }

  private var moving: Resolver.Finding? {
    guard number("train.reference_ema") > 0, method != "kl_reference",
      number("train.reward_kl_coefficient") == 0, let algorithm = text("train.algorithm"),
      !["dpo", "iterative_dpo"].contains(algorithm)
    else { return nil }
    return warning(
      "a moving reference has no effect: nothing compares the policy with a reference",
      ["train.reference_ema", "train.algorithm"],
      help: "use the control kl_reference, a reward_kl_coefficient above 0, or dpo")
  }

  private var pairCount: Resolver.Finding? {
    let pairs = number("train.pairs_per_prompt")
    let most = (number("train.samples_per_prompt") / 2).rounded(.down)
    guard pairs > max(1, most) else { return nil }
    return warning(
      "\(Int(pairs)) pairs per prompt cannot be had of \(Int(number("train.samples_per_prompt"))) answers: "
        + "each answer is in one pair", ["train.pairs_per_prompt", "train.samples_per_prompt"])
  }

  /// The most answers that the tree of one prompt may have.
  private static let mostLeaves = 4096.0

  private var tree: Resolver.Finding? {
    guard let levels = config[path: "train.spo_tree_structure"]?.array?.compactMap(\.number)
    else { return nil }
    let leaves = levels.reduce(1, *)
    guard levels.count > 8 || leaves > Relations.mostLeaves else { return nil }
    return error(
      "a tree of \(levels.count) levels and up to \(shown(leaves)) answers per prompt is too large",
      ["train.spo_tree_structure"],
      expected: "at most 8 levels and \(Int(Relations.mostLeaves)) answers")
  }

  private var judge: Resolver.Finding? {
    guard let reward = text("train.reward"), reward != "exact", let task = text("task.name") else {
      return nil
    }
    guard !SpecSchema.judgedTasks.contains(task) else {
      guard number("task.judge_steps") == 0 else { return nil }
      return error(
        "no judge is trained, so 'train.reward' cannot be \(reward)",
        ["task.judge_steps", "train.reward"], expected: "judge_steps above 0, or exact rewards")
    }
    return error(
      "the task \(task) has no judge, so 'train.reward' cannot be \(reward)",
      ["train.reward", "task.name"],
      expected: "exact, or one of the tasks: \(SpecSchema.judgedTasks.joined(separator: ", "))")
  }

  private var isSegmented: Bool { text("train.algorithm")?.hasPrefix("spo_") == true }

  private var ownMask: Resolver.Finding? {
    let threshold = number("train.entropy_control.threshold")
    guard isSegmented, method == "probability_mask",
      threshold == number("train.spo_probability_threshold")
    else { return nil }
    return warning(
      "probability_mask with \(shown(threshold)) changes nothing: the algorithm masks at that threshold by itself",
      ["train.entropy_control", "train.algorithm"],
      help: "leave such points out: exclude, or another threshold")
  }

  private var criticWarmup: Resolver.Finding? {
    let steps = number("train.critic_warmup_steps")
    guard steps > 0, steps >= number("train.steps") else { return nil }
    return warning(
      "the policy is never updated: the critic learns alone for \(Int(steps)) of \(Int(number("train.steps"))) steps",
      ["train.critic_warmup_steps", "train.steps"])
  }

  private var keptTokens: Resolver.Finding? {
    guard method == "high_entropy_tokens",
      config[path: "train.entropy_control.reverse"]?.bool == true,
      number("train.entropy_control.token_fraction") == 1
    else { return nil }
    return warning(
      "the reverse of all tokens is none: the policy is never updated",
      ["train.entropy_control.token_fraction", "train.entropy_control.reverse"])
  }

  private var primeWeights: Resolver.Finding? {
    guard text("train.algorithm") == "prime", number("train.prime_process_weight") == 0,
      number("train.prime_outcome_weight") == 0
    else { return nil }
    return error(
      "with both weights 0 PRIME has no advantage",
      ["train.prime_process_weight", "train.prime_outcome_weight"])
  }

  private var segments: Resolver.Finding? {
    let tokens = number("train.spo_segment_tokens")
    let isRead =
      text("train.algorithm") == "spo_tree"
      || text("train.spo_segmentation") == "fixed_length"
    guard isRead, tokens >= longestAnswer else { return nil }
    return warning(
      "a segment of \(Int(tokens)) tokens holds the longest answer, which has \(Int(longestAnswer))",
      ["train.spo_segment_tokens", "task.name"],
      help: "every answer is one segment, so that nothing is told apart within it")
  }

  private func shown(_ value: Double) -> String { value.shortestText ?? "" }
}

extension Double {
  /// This number to a power.
  func power(_ exponent: Double) -> Double { pow(self, exponent) }
}
