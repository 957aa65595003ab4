internal import ExpCore
internal import TrainerProtocol

extension GoldenFunctions {
  static func policyGradient(_ golden: GoldenCase) throws -> [String: GoldenValue] {
    let tokens = try golden.rows()
    let input = try objectiveInput(golden, tokens)
    let weights = try aggregation(named: golden.params.string("loss_agg_mode")).weights(tokens.rows)
    let loss = PolicyLoss.policyGradient(advantages: input.advantages, logProbs: input.logProbs)
    return [
      "loss": .number(loss.total(weights)),
      "grad_log_prob": .padded(loss.gradient(weights), tokens), "approx_kl": approximateKL(input),
    ]
  }

  static func clippedSurrogate(_ golden: GoldenCase) throws -> [String: GoldenValue] {
    let run = try PolicyRun(
      golden, control: ["method": "none"], dualClip: golden.params.numberOrNull("dual_clip_c"))
    return run.values.merging([
      "clip_fraction": run.stopped,
      "clip_fraction_lower": .fraction(run.share(run.terms.stoppedDual), isOptional: true),
      "approx_kl": approximateKL(run.input),
    ]) { $1 }
  }

  static func clipCov(_ golden: GoldenCase) throws -> [String: GoldenValue] {
    let fraction = try golden.params.number("clip_cov_ratio")
    let drawn = try golden.rows().tokens(at: golden.expected.array("selected"), "selected")
    var candidates: [Int]?
    let run = try PolicyRun(
      golden,
      control: [
        "method": "clip_cov", "token_fraction": .number(fraction),
        "covariance_low": golden.params.value("clip_cov_lb"),
        "covariance_high": golden.params.value("clip_cov_ub"),
      ]
    ) { eligible, _ in
      candidates = eligible
      return drawn
    }
    let count = run.tokens.rows.tokenCount
    return run.values.merging([
      "num_tokens": .count(count),
      "clip_num": .count(TokenCovariance.selectionCount(fraction, of: count)),
      // Nobody is asked to choose where all candidates are taken.
      "candidates": GoldenValue(run.tokens.list(candidates ?? run.selected)),
      "selected": GoldenValue(run.tokens.list(run.selected)),
      "selection_forced": .flag(candidates == nil),
      "clip_fraction": .fraction(run.share(run.selected.count)),
      "approx_kl": approximateKL(run.input),
    ]) { $1 }
  }

  static func klCov(_ golden: GoldenCase) throws -> [String: GoldenValue] {
    let run = try PolicyRun(
      golden,
      control: [
        "method": "kl_cov", "token_fraction": golden.params.value("kl_cov_ratio"),
        "coefficient": golden.params.value("kl_coef"),
      ])
    let differences = zip(run.input.logProbs, run.input.oldLogProbs).map { ($0 - $1).magnitude }
    return run.values.merging([
      "num_tokens": .count(run.tokens.rows.tokenCount),
      "num_selected": .count(run.selected.count),
      "selected": GoldenValue(run.tokens.list(run.selected)),
      "mean_abs_log_ratio": .number(SampleStatistics.mean(differences)),
    ]) { $1 }
  }

  static func highEntropy(_ golden: GoldenCase) throws -> [String: GoldenValue] {
    let fraction = try golden.params.number("top_fraction")
    let run = try PolicyRun(
      golden,
      control: ["method": "high_entropy_tokens", "token_fraction": .number(fraction)],
      dualClip: golden.params.numberOrNull("dual_clip_c"), aggregation: .tokenMean)
    let threshold = TokenSelection.entropyThreshold(run.input.entropies, fraction: fraction)
    let kept = (run.selection?.isKept ?? []).map { $0 ? 1.0 : 0 }
    return [
      "threshold": .number(threshold), "selected_mask": .padded(kept, run.tokens),
      "num_selected": .count(run.selected.count), "loss_mean_over_selected": .number(run.loss),
      "grad_log_prob": .padded(run.gradient, run.tokens),
    ]
  }

  /// SPO's KL is summed over the kept tokens of a row, and its mean is over all rows.
  static func probabilityMask(_ golden: GoldenCase) throws -> [String: GoldenValue] {
    guard try golden.params.string("kl_kind").hasPrefix("k3,") else {
      throw GoldenError("unknown kind of KL")
    }
    let clip = try golden.params.number("clip")
    let threshold = try golden.params.number("prob_threshold")
    let tokens = try golden.rows()
    var input = try objectiveInput(golden, tokens)
    let mask = TokenSelection.probabilityMask(
      oldLogProbs: input.oldLogProbs, threshold: threshold)
    input.advantages = AdvantageEstimator(.segments, whitening: .unbiased).whitened(
      input.advantages, over: mask)
    let run = try PolicyRun(
      input, tokens, control: ["method": "none"], clipLow: clip, clipHigh: clip, dualClip: nil,
      threshold: threshold, aggregation: .tokenMean)
    let kl = EntropyControlConfig.Estimator.k3.loss(
      logProbs: input.logProbs,
      referenceLogProbs: try tokens.tokens(golden.inputs, "ref_log_prob"))
    let coefficient = try golden.params.number("kl_coef")
    let weights = TrainConfig.LossAggregation.seqMeanTokenSum.weights(
      tokens.rows, kept: mask, over: .init(rows: Double(tokens.rows.count)))
    return [
      "whitened_advantages": .padded(input.advantages, tokens),
      "loss": .number(run.loss + coefficient * kl.total(weights)),
      "grad_log_prob": .padded(
        zip(run.gradient, kl.gradient(weights)).map { $0 + coefficient * $1 }, tokens),
      "clip_fraction": run.stopped,
    ]
  }

  static func approximateKL(_ input: ObjectiveInput) -> GoldenValue {
    .number(
      PolicyLoss.approximateKL(logProbs: input.logProbs, oldLogProbs: input.oldLogProbs))
  }

  static func objectiveInput(
    _ golden: GoldenCase, _ tokens: GoldenRows
  ) throws -> ObjectiveInput {
    ObjectiveInput(
      advantages: try tokens.tokens(golden.inputs, "advantages"),
      oldLogProbs: try tokens.tokens(golden.inputs, "old_log_prob"),
      logProbs: try tokens.tokens(golden.inputs, "log_prob"),
      entropies: golden.inputs.members["entropy"] == nil
        ? [] : try tokens.tokens(golden.inputs, "entropy"))
  }
}

/// One mini-batch through the objective that updates minimise.
struct PolicyRun {
  let tokens: GoldenRows
  let input: ObjectiveInput
  let selection: TokenSelection?
  let terms: PolicyObjective.Terms
  let loss: Double
  let gradient: [Double]

  init(
    _ golden: GoldenCase, control: JSONValue, dualClip: Double? = nil,
    aggregation: TrainConfig.LossAggregation? = nil,
    chooser: TokenChooser = { $0.prefix($1).map { $0 } }
  ) throws {
    let tokens = try golden.rows()
    // KL-Cov has no clip, and no settings of one.
    let isClipped = control[path: "method"] != "kl_cov"
    try self.init(
      try GoldenFunctions.objectiveInput(golden, tokens), tokens, control: control,
      clipLow: isClipped ? golden.params.number("clip_low") : 0,
      clipHigh: isClipped ? golden.params.number("clip_high") : 0, dualClip: dualClip,
      threshold: nil,
      aggregation: aggregation
        ?? GoldenFunctions.aggregation(named: golden.params.string("loss_agg_mode")),
      chooser: chooser)
  }

  init(
    _ input: ObjectiveInput, _ tokens: GoldenRows, control: JSONValue, clipLow: Double,
    clipHigh: Double, dualClip: Double?, threshold: Double?,
    aggregation: TrainConfig.LossAggregation,
    chooser: TokenChooser = { $0.prefix($1).map { $0 } }
  ) throws {
    self.input = input
    self.tokens = tokens
    // The peers' advantages have unit variance: they enter the covariance as they are.
    let objective = PolicyObjective(
      control: try control.decoded(as: EntropyControlConfig.self),
      estimator: AdvantageEstimator(.answers(.grpo)), aggregation: aggregation, clipLow: clipLow,
      clipHigh: clipHigh, dualClip: dualClip, probabilityThreshold: threshold)
    if objective.needsEntropies && input.entropies.count != tokens.rows.tokenCount {
      throw GoldenError("'inputs' has no 'entropy'")
    }
    selection = objective.selection(input, chooser: chooser)
    terms = objective.terms(input, selection)
    let weights = objective.weights(tokens.rows, selection, longest: tokens.columns)
    loss = terms.loss.total(weights)
    gradient = terms.loss.gradient(weights)
  }

  var values: [String: GoldenValue] {
    ["loss": .number(loss), "grad_log_prob": .padded(gradient, tokens)]
  }

  /// Selected tokens in order.
  var selected: [Int] {
    let flags = selection?.isSelected ?? []
    return flags.indices.filter { flags[$0] }
  }

  /// A count over the tokens that are in the loss.
  func share(_ count: Int) -> Double {
    let kept = selection?.isKept?.count { $0 } ?? tokens.rows.tokenCount
    return kept == 0 ? 0 : Double(count) / Double(kept)
  }

  var stopped: GoldenValue { .fraction(share(terms.stoppedLow + terms.stoppedHigh)) }
}
