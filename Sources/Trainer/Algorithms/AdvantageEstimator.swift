package import TrainerProtocol

/// How rewards become advantages, none of which carries a gradient; algorithms.md section 2.
package struct AdvantageEstimator: Sendable, Hashable {
  /// Where an advantage comes from.
  package enum Source: Sendable, Hashable {
    /// All that an answer receives against its group's, the same for all its tokens.
    case answers(GroupBaseline)
    /// The discounted sum of the rewards to come.
    case returns(gamma: Double)
    /// The sum of the rewards to come less a baseline of the answer, the greedy answer's score; section 2.5b.
    case lessBaseline
    /// A critic; section 2.6.
    case critic(gamma: Double, lambda: Double)
    /// Process rewards and outcomes; section 2.7.
    case process(PrimeAdvantage)
    /// Values of segments, estimated by sampling; sections 2.8 and 2.9.
    case segments
  }

  /// Where advantages come from.
  package var source: Source
  /// How they are whitened over the tokens of the batch; nil leaves them.
  package var whitening: SampleStatistics.Whitening?

  /// Makes an estimator.
  package init(_ source: Source, whitening: SampleStatistics.Whitening? = nil) {
    self.source = source
    self.whitening = whitening
  }

  /// Takes the algorithm and its settings out of a configuration.
  ///
  /// Settings that are absent have the algorithm's own default: no discount, GRPO scales, and REINFORCE++, PPO and
  /// PRIME's code form whiten. Preference methods have no advantage; they get the rewards.
  package init(_ config: TrainConfig) {
    let gamma = config.gamma ?? 1
    var whitens = false
    switch config.algorithm {
    case .reinforce:
      source = .returns(gamma: gamma)
    case .reinforcePP:
      (source, whitens) = (.returns(gamma: gamma), true)
    case .reinforcePPBaseline:
      (source, whitens) = (.answers(.mean), true)
    case .rloo:
      source = .answers(.leaveOneOut)
    case .remax:
      source = .lessBaseline
    case .grpo:
      source = .answers(config.scaleByStd ?? true ? .grpo : .mean)
    case .ppo:
      (source, whitens) = (.critic(gamma: gamma, lambda: config.gaeLambda ?? 1), true)
    case .prime:
      let prime = PrimeAdvantage(config)
      (source, whitens) = (.process(prime), prime.form == .code)
    case .spoChain, .spoTree:
      source = .segments
    case .dpo, .iterativeDPO:
      source = .answers(.none)
    }
    whitening = config.normalizeAdvantages ?? whitens ? .unbiased : nil
  }

  /// Whether the advantages have about unit variance by themselves, as the covariance band of Clip-Cov assumes.
  package var hasUnitVariance: Bool {
    if case .answers(.standardScore) = source { return true }
    return whitening != nil
  }

  /// Returns the advantage of each token from rewards alone; `tokenRewards` have the outcome on the last tokens.
  ///
  /// `groups` names the prompt of each row, `baselines` has a score for each row where one is subtracted.
  /// - Precondition: the source is neither a critic, nor process rewards, nor segments.
  package func tokenAdvantages(
    rows: TokenRows, tokenRewards: [Double], groups: [Int], baselines: [Double] = []
  ) -> [Double] {
    switch source {
    case .answers(let baseline):
      let scores = rows.rowSums(tokenRewards)
      return whitened(rows.broadcast(baseline.advantages(scores: scores, groups: groups)))
    case .returns(let gamma):
      return whitened(rows.sumsToEnd(tokenRewards, discount: gamma))
    case .lessBaseline:
      let sums = rows.sumsToEnd(tokenRewards)
      return whitened(zip(sums, rows.broadcast(baselines)).map { $0 - $1 })
    case .critic, .process, .segments:
      preconditionFailure("\(source) needs more than rewards")
    }
  }

  /// Returns the advantage of each token, and the return that the critic learns, which is never whitened.
  ///
  /// - Precondition: the source is a critic.
  package func criticAdvantages(
    rows: TokenRows, tokenRewards: [Double], values: [Double]
  ) -> (advantages: [Double], returns: [Double]) {
    guard case .critic(let gamma, let lambda) = source else {
      preconditionFailure("\(source) has no critic")
    }
    let raw = GeneralizedAdvantage.estimate(
      rewards: tokenRewards, values: values, rows: rows, gamma: gamma, lambda: lambda)
    return (whitened(raw), zip(raw, values).map { $0 + $1 })
  }

  /// Returns the advantage of each token from process rewards and outcomes.
  ///
  /// - Precondition: the source is process rewards.
  package func processAdvantages(
    rows: TokenRows, processRewards: [Double], outcomes: [Double], groups: [Int]
  ) -> [Double] {
    guard case .process(let prime) = source else {
      preconditionFailure("\(source) has no process rewards")
    }
    return whitened(
      prime.advantages(
        processRewards: processRewards, outcomes: outcomes, rows: rows, groups: groups))
  }

  /// Whitens advantages where that is asked for, with the mean and spread of the tokens that `mask` keeps.
  package func whitened(_ advantages: [Double], over mask: [Bool]? = nil) -> [Double] {
    whitening.map { SampleStatistics.whiten(advantages, $0, over: mask) } ?? advantages
  }
}
