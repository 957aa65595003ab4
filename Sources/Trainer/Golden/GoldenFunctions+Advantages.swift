internal import ExpCore
internal import TrainerProtocol

extension GoldenFunctions {
  static func grpo(_ golden: GoldenCase) throws -> [String: GoldenValue] {
    let scales = try golden.params.flag("norm_adv_by_std")
    let epsilon = try golden.params.number("epsilon")
    return try outcome(
      golden, AdvantageEstimator(.answers(scales ? .standardScore(epsilon: epsilon) : .mean)))
  }

  static func rloo(_ golden: GoldenCase) throws -> [String: GoldenValue] {
    try outcome(golden, AdvantageEstimator(.answers(.leaveOneOut)))
  }

  static func reinforcePPBaseline(_ golden: GoldenCase) throws -> [String: GoldenValue] {
    try outcome(golden, AdvantageEstimator(.answers(.mean), whitening: .unbiased))
  }

  private static func outcome(
    _ golden: GoldenCase, _ estimator: AdvantageEstimator
  ) throws -> [String: GoldenValue] {
    let tokens = try golden.rows()
    let groups = try golden.inputs.integers("index")
    guard groups.count == tokens.rows.count else {
      throw GoldenError("'inputs.index' has not one group for each row")
    }
    let advantages = estimator.tokenAdvantages(
      rows: tokens.rows, tokenRewards: try tokens.tokens(golden.inputs, "token_level_rewards"),
      groups: groups)
    return ["advantages": .padded(advantages, tokens)]
  }

  static func reinforcePP(_ golden: GoldenCase) throws -> [String: GoldenValue] {
    let gamma = try golden.params.number("gamma")
    return try returns(
      golden, AdvantageEstimator(.returns(gamma: gamma), whitening: .unbiased), gamma)
  }

  static func remax(_ golden: GoldenCase) throws -> [String: GoldenValue] {
    let rows = try golden.rows().rows.count
    let baselines = try golden.inputs.numbers("reward_baselines", count: rows)
    return try returns(golden, AdvantageEstimator(.lessBaseline), 1, baselines)
  }

  private static func returns(
    _ golden: GoldenCase, _ estimator: AdvantageEstimator, _ gamma: Double,
    _ baselines: [Double] = []
  ) throws -> [String: GoldenValue] {
    let tokens = try golden.rows()
    let rewards = try tokens.tokens(golden.inputs, "token_level_rewards")
    let groups = Array(repeating: 0, count: tokens.rows.count)
    let advantages = estimator.tokenAdvantages(
      rows: tokens.rows, tokenRewards: rewards, groups: groups, baselines: baselines)
    let returns = AdvantageEstimator(.returns(gamma: gamma)).tokenAdvantages(
      rows: tokens.rows, tokenRewards: rewards, groups: groups)
    return ["advantages": .padded(advantages, tokens), "returns": .masked(returns, tokens)]
  }

  static func generalizedAdvantage(_ golden: GoldenCase) throws -> [String: GoldenValue] {
    let tokens = try golden.rows()
    let source = AdvantageEstimator.Source.critic(
      gamma: try golden.params.number("gamma"), lambda: try golden.params.number("lam"))
    let (advantages, returns) = AdvantageEstimator(source, whitening: .unbiased).criticAdvantages(
      rows: tokens.rows, tokenRewards: try tokens.tokens(golden.inputs, "token_level_rewards"),
      values: try tokens.tokens(golden.inputs, "values"))
    return [
      "advantages_whitened": .masked(advantages, tokens), "returns": .masked(returns, tokens),
    ]
  }

  static func prime(_ golden: GoldenCase) throws -> [String: GoldenValue] {
    let tokens = try golden.rows()
    let process = AdvantageEstimator.Source.process(
      PrimeAdvantage(
        form: .code, processWeight: try golden.params.number("process_coef"),
        outcomeWeight: try golden.params.number("outcome_coef")))
    let rewards = try tokens.tokens(golden.inputs, "process_rewards")
    let outcomes = try golden.inputs.numbers("outcome", count: tokens.rows.count)
    let groups = try consecutiveGroups(golden, tokens)
    func advantages(_ whitening: SampleStatistics.Whitening?) -> GoldenValue {
      .masked(
        AdvantageEstimator(process, whitening: whitening).processAdvantages(
          rows: tokens.rows, processRewards: rewards, outcomes: outcomes, groups: groups),
        tokens, isSingle: true)
    }
    return ["advantages": advantages(.unbiased), "returns": advantages(nil)]
  }

  static func openRLHF(_ golden: GoldenCase) throws -> [String: GoldenValue] {
    let variants: [String: (GroupBaseline, SampleStatistics.Whitening?)] = [
      "reinforce": (.none, .clampedBiased), "reinforce_baseline": (.mean, .clampedBiased),
      "rloo": (.leaveOneOut, nil), "group_norm": (.standardScore(epsilon: 1e-9), nil),
      "dr_grpo": (.mean, nil),
    ]
    let (baseline, whitening) = try named(
      golden.params.string("estimator"), variants, "estimator")
    let tokens = try golden.rows()
    let groups = try consecutiveGroups(golden, tokens)
    let scores = baseline.advantages(
      scores: try golden.inputs.numbers("rewards", count: tokens.rows.count), groups: groups)
    let penalties = RewardShaping.penalties(
      try tokens.tokens(golden.inputs, "token_kl"),
      coefficient: try golden.params.number("kl_coef"))
    let rewards = RewardShaping.tokenRewards(scores, penalties: penalties, rows: tokens.rows)
    let source = AdvantageEstimator.Source.returns(gamma: try golden.params.number("gamma"))
    func advantages(_ whitening: SampleStatistics.Whitening?) -> GoldenValue {
      .masked(
        AdvantageEstimator(source, whitening: whitening).tokenAdvantages(
          rows: tokens.rows, tokenRewards: rewards, groups: groups), tokens, isSingle: true)
    }
    return ["advantages": advantages(whitening), "returns": advantages(nil)]
  }

  private static func consecutiveGroups(
    _ golden: GoldenCase, _ tokens: GoldenRows
  ) throws -> [Int] {
    let size = try golden.params.count("samples_per_prompt")
    guard tokens.rows.count % size == 0 else {
      throw GoldenError("\(tokens.rows.count) rows are not groups of \(size)")
    }
    return (0..<tokens.rows.count).map { $0 / size }
  }
}
