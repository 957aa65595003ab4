internal import ExpCore
internal import TrainerProtocol

extension GoldenFunctions {
  static func maskedStatistics(_ golden: GoldenCase) throws -> [String: GoldenValue] {
    let tokens = try golden.rows("mask")
    let values = try tokens.tokens(golden.inputs, "values")
    let rows = tokens.rows
    return [
      "mean": .number(SampleStatistics.mean(values)),
      "row_mean": GoldenValue(
        (0..<rows.count).map { SampleStatistics.mean(values[rows.range($0)]) }),
      "var_unbiased": .number(SampleStatistics.variance(values)),
      "var_biased": .number(SampleStatistics.variance(values, isBiased: true)),
      "whiten": .padded(SampleStatistics.whiten(values), tokens),
      "whiten_keep_mean": .padded(SampleStatistics.whiten(values, keepsMean: true), tokens),
    ]
  }

  /// A part of a batch spread over `dp_size` processes is weighted by the whole batch's denominators.
  static func aggregation(_ golden: GoldenCase) throws -> [String: GoldenValue] {
    let params = golden.params
    let tokens = try golden.rows("loss_mask")
    let processes = try params.numberIfPresent("dp_size") ?? 1
    let mode = try aggregation(named: params.string("mode"))
    let weights = mode.weights(
      tokens.rows,
      over: .init(
        tokens: try params.numberIfPresent("batch_num_tokens").map { $0 / processes },
        rows: try params.numberIfPresent("global_batch_size").map { $0 / processes },
        length: try params.numberIfPresent("loss_scale_factor") ?? Double(tokens.columns)))
    var loss = TokenLoss(zeros: tokens.rows.tokenCount)
    loss.values = try tokens.tokens(golden.inputs, "loss_mat")
    return ["loss": .number(loss.total(weights))]
  }

  static func valueLoss(_ golden: GoldenCase) throws -> [String: GoldenValue] {
    let tokens = try golden.rows()
    let (loss, isClipped) = ValueLoss.clipped(
      values: try tokens.tokens(golden.inputs, "vpreds"),
      oldValues: try tokens.tokens(golden.inputs, "values"),
      returns: try tokens.tokens(golden.inputs, "returns"), clip: try golden.params.number("clip"))
    let weights = try aggregation(named: golden.params.string("loss_agg_mode")).weights(tokens.rows)
    return [
      "loss": .number(loss.total(weights)),
      "clip_fraction": .fraction(SampleStatistics.mean(isClipped.map { $0 ? 1 : 0 })),
      "grad_vpreds": .padded(loss.gradient(weights), tokens),
    ]
  }

  static func klEstimator(_ golden: GoldenCase) throws -> [String: GoldenValue] {
    let kinds: [String: EntropyControlConfig.Estimator] = [
      "k1": .k1, "kl": .k1, "k2": .k2, "mse": .k2, "k3": .lowVarianceKL,
      "low_var_kl": .lowVarianceKL, "abs": .abs,
    ]
    let logProbs = try golden.inputs.array("log_prob")
    let tokens = try GoldenRows(
      logProbs.map { .array(Array(repeating: 1, count: $0.array?.count ?? 0)) }, "inputs.log_prob")
    let loss = try named(golden.params.string("kind"), kinds, "kind").loss(
      logProbs: try tokens.tokens(golden.inputs, "log_prob"),
      referenceLogProbs: try tokens.tokens(golden.inputs, "ref_log_prob"))
    return [
      "kl": GoldenValue(loss.values), "grad_sum_wrt_log_prob": GoldenValue(loss.gradient),
    ]
  }

  static func klController(_ golden: GoldenCase) throws -> [String: GoldenValue] {
    let params = golden.params
    var controller = AdaptiveKLController(
      coefficient: try params.number("init"), target: try params.number("target"),
      horizon: try params.number("horizon"))
    let values = try golden.inputs.array("updates").map { value in
      let update = try GoldenObject(value, "inputs.updates")
      controller.coefficient = controller.updated(
        kl: try update.number("kl"), count: try update.count("n_steps"))
      return controller.coefficient
    }
    return ["values": GoldenValue(values)]
  }

  static func preferenceLoss(_ golden: GoldenCase) throws -> [String: GoldenValue] {
    let kinds: [String: TrainConfig.PreferenceLoss] = [
      "sigmoid": .sigmoid, "ipo": .ipo, "hinge": .hinge,
    ]
    let beta = try golden.params.number("beta")
    let chosen = try golden.inputs.numbers("policy_chosen")
    let pairs = PreferencePairs(
      chosen: chosen,
      rejected: try golden.inputs.numbers("policy_rejected", count: chosen.count),
      referenceChosen: try golden.inputs.numbers("ref_chosen", count: chosen.count),
      referenceRejected: try golden.inputs.numbers("ref_rejected", count: chosen.count))
    let (losses, gradient) = try named(golden.params.string("kind"), kinds, "kind").losses(
      pairs, beta: beta, labelSmoothing: try golden.params.number("label_smoothing"))
    let rewards = pairs.implicitRewards(beta: beta)
    return [
      "losses": GoldenValue(losses, isOptional: true),
      "loss": .number(SampleStatistics.mean(losses)),
      "chosen_rewards": GoldenValue(rewards.chosen),
      "rejected_rewards": GoldenValue(rewards.rejected),
      "grad_policy_chosen": GoldenValue(gradient),
      "grad_policy_rejected": GoldenValue(gradient.map { -$0 }),
    ]
  }

  static func rewardModelLoss(_ golden: GoldenCase) throws -> [String: GoldenValue] {
    let tokens = try golden.rows()
    let loss = ImplicitReward.crossEntropy(
      logRatios: try tokens.tokens(golden.inputs, "q"),
      outcomes: try golden.inputs.numbers("outcome", count: tokens.rows.count), rows: tokens.rows,
      beta: try golden.params.number("beta"))
    return [
      "loss": .number(loss.loss), "grad_q": .padded(loss.gradient, tokens),
      "sign_accuracy": .fraction(loss.signAccuracy),
    ]
  }

  static func implicitRewards(_ golden: GoldenCase) throws -> [String: GoldenValue] {
    let tokens = try golden.rows()
    let logRatios = ImplicitReward.logRatios(
      rewardModel: try tokens.tokens(golden.inputs, "rm_log_prob"),
      reference: try tokens.tokens(golden.inputs, "ref_log_prob"))
    let scores = ImplicitReward.tokenRewards(
      logRatios: logRatios, rows: tokens.rows, beta: try golden.params.number("beta"),
      dropsLast: true)
    return [
      "q": .padded(logRatios, tokens), "token_level_score": .padded(scores, tokens),
      "token_level_score_batch_norm": .padded(
        ImplicitReward.normalized(scores, rows: tokens.rows), tokens),
    ]
  }
}
