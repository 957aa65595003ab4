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
      groupSize, miniBatches, keptPrompts, warmup, evaluations, covarianceBand, klCovGradient,
      tokenFraction, clipHigher, bonus,
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
    guard let algorithm = text("train.algorithm"), ["grpo", "rloo"].contains(algorithm),
      number("train.samples_per_prompt") == 1
    else { return nil }
    return error(
      "\(algorithm) compares the answers to one prompt, and there is only one",
      ["train.samples_per_prompt", "train.algorithm"], expected: "samples_per_prompt of at least 2")
  }

  private var miniBatches: Resolver.Finding? {
    let prompts = number("train.prompts_per_step")
    let updates = number("train.updates_per_rollout")
    guard updates > prompts else { return nil }
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
    guard method == "kl_cov", number("train.updates_per_rollout") == 1 else { return nil }
    return warning(
      "kl_cov has no effect with one update per rollout",
      ["train.entropy_control", "train.updates_per_rollout"],
      help: "its gradient is zero where the policy has not moved yet: use 2 updates or more")
  }

  /// Tokens of a mini-batch, from the longest answers the task has.
  private var tokensPerUpdate: Double {
    let longest: Double =
      switch text("task.name") {
      case "countdown": 2 * (config[path: "task.numbers"]?.array?.compactMap(\.number).max() ?? 4)
      default: number("task.max_depth") + 1
      }
    return number("train.prompts_per_step") * number("train.samples_per_prompt") * longest
      / max(1, number("train.updates_per_rollout"))
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

  private func shown(_ value: Double) -> String { value.shortestText ?? "" }
}

extension Double {
  /// This number to a power.
  func power(_ exponent: Double) -> Double { pow(self, exponent) }
}
