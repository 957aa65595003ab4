package import TrainerProtocol

/// Flat arrays over the tokens of a mini-batch, or of a slice of it.
package struct ObjectiveInput: Sendable {
  /// Advantage of each token's response.
  package var advantages: [Double]
  /// Log-probabilities under the policy that sampled.
  package var oldLogProbs: [Double]
  /// Log-probabilities under the policy that is updated.
  package var logProbs: [Double]
  /// Entropies of the policy that is updated, at the training temperature.
  package var entropies: [Double]
  /// Log-probabilities under the reference policy; empty where no method asks for them.
  package var referenceLogProbs: [Double]

  /// Makes an input.
  package init(
    advantages: [Double], oldLogProbs: [Double], logProbs: [Double], entropies: [Double] = [],
    referenceLogProbs: [Double] = []
  ) {
    self.advantages = advantages
    self.oldLogProbs = oldLogProbs
    self.logProbs = logProbs
    self.entropies = entropies
    self.referenceLogProbs = referenceLogProbs
  }
}

/// What an update minimises: the clipped surrogate with one entropy control; pure and in double precision.
package struct PolicyObjective: Sendable {
  /// Per-token terms of the objective.
  package struct Terms: Sendable {
    /// The loss and its derivative with respect to the log-probability, before aggregation.
    package var loss: TokenLoss
    /// Derivative with respect to the token's entropy, before aggregation; 0 unless there is an entropy bonus.
    package var entropyGradient: Double = 0
    /// Tokens that the clip stopped from below, and from above.
    package var stoppedLow = 0
    package var stoppedHigh = 0
    /// Sum of the estimate of the KL to the reference.
    package var referenceKL = 0.0
  }

  private let control: EntropyControlConfig
  private let estimator: AdvantageEstimator
  private let clipLow: Double
  private let clipHigh: Double

  /// Takes its settings out of a configuration.
  package init(_ config: TrainConfig) {
    control = config.entropyControl
    estimator = AdvantageEstimator(config)
    clipLow = config.clipRatioLow
    clipHigh =
      config.entropyControl.method == .clipHigher
      ? config.entropyControl.clipRatioHigh ?? config.clipRatioHigh : config.clipRatioHigh
  }

  /// Whether tokens are selected by comparing all of a mini-batch, which micro-batches cannot do alone.
  package var selectsTokens: Bool { control.method == .clipCov || control.method == .klCov }
  /// Whether log-probabilities of the reference policy are needed.
  package var needsReference: Bool { control.method == .klReference }
  /// Whether entropies carry a gradient.
  package var needsEntropyGradient: Bool { control.method == .entropyBonus }

  /// Selects the tokens that Clip-Cov or KL-Cov treat apart, over the whole mini-batch; nil for other methods.
  package func selection(_ input: ObjectiveInput, chooser: TokenChooser) -> TokenSelection? {
    guard selectsTokens, !input.advantages.isEmpty else { return nil }
    let covariances = TokenCovariance.values(
      advantages: TokenCovariance.advantages(input.advantages, of: estimator),
      logProbs: input.logProbs)
    let fraction = control.tokenFraction ?? 0
    guard control.method == .clipCov else {
      return .klCov(covariances: covariances, fraction: fraction)
    }
    let clipped = clipped(input, logRatioBound: nil)
    return .clipCov(
      covariances: covariances,
      stopped: zip(clipped.stoppedLow, clipped.stoppedHigh).map { $0 || $1 }, fraction: fraction,
      low: control.covarianceLow ?? 1, high: control.covarianceHigh ?? 5, chooser: chooser)
  }

  /// Returns the terms of the given tokens; `selected` says which of them are selected, where the method selects.
  package func terms(_ input: ObjectiveInput, selected: ArraySlice<Bool>? = nil) -> Terms {
    switch control.method {
    case .none, .clipHigher:
      return clippedTerms(input)
    case .entropyBonus:
      return withEntropyBonus(clippedTerms(input), input)
    case .klReference:
      return withReferenceKL(clippedTerms(input), input)
    case .clipCov:
      return clipCovTerms(input, Array(selected ?? []))
    case .klCov:
      return klCovTerms(input, Array(selected ?? []))
    }
  }

  private func clipped(_ input: ObjectiveInput, logRatioBound: Double?) -> PolicyLoss.Clipped {
    PolicyLoss.clippedSurrogate(
      advantages: input.advantages, logProbs: input.logProbs, oldLogProbs: input.oldLogProbs,
      low: clipLow, high: clipHigh, logRatioBound: logRatioBound)
  }

  private func clippedTerms(
    _ input: ObjectiveInput, logRatioBound: Double? = PolicyLoss.logRatioBound
  ) -> Terms {
    let clipped = clipped(input, logRatioBound: logRatioBound)
    return Terms(
      loss: clipped.loss, stoppedLow: clipped.stoppedLow.count { $0 },
      stoppedHigh: clipped.stoppedHigh.count { $0 })
  }

  /// `L - coefficient * H`; algorithms.md section 4.1.
  private func withEntropyBonus(_ base: Terms, _ input: ObjectiveInput) -> Terms {
    var terms = base
    let coefficient = control.coefficient ?? 0
    for token in input.entropies.indices {
      terms.loss.values[token] -= coefficient * input.entropies[token]
    }
    terms.entropyGradient = -coefficient
    return terms
  }

  /// `L + coefficient * KL(policy, reference)`; algorithms.md section 4.2.
  private func withReferenceKL(_ base: Terms, _ input: ObjectiveInput) -> Terms {
    var terms = base
    let coefficient = control.coefficient ?? 0
    let estimator = control.estimator ?? .k3
    for token in input.logProbs.indices {
      let estimate = estimator.estimate(input.logProbs[token] - input.referenceLogProbs[token])
      terms.loss.values[token] += coefficient * estimate.value
      terms.loss.gradient[token] += coefficient * estimate.gradient
      terms.referenceKL += estimate.value
    }
    return terms
  }

  /// Selected tokens lose loss and gradient, and still count in every denominator; algorithms.md section 3.4.
  private func clipCovTerms(_ input: ObjectiveInput, _ selected: [Bool]) -> Terms {
    var terms = clippedTerms(input, logRatioBound: nil)
    for token in selected.indices where selected[token] {
      terms.loss.values[token] = 0
      terms.loss.gradient[token] = 0
    }
    return terms
  }

  /// Selected tokens are pulled back to the sampling policy by `coefficient * |lp - old|`; algorithms.md section 3.5.
  private func klCovTerms(_ input: ObjectiveInput, _ selected: [Bool]) -> Terms {
    var loss = PolicyLoss.surrogate(
      advantages: input.advantages, logProbs: input.logProbs, oldLogProbs: input.oldLogProbs)
    let coefficient = control.coefficient ?? 0
    for token in selected.indices where selected[token] {
      let difference = input.logProbs[token] - input.oldLogProbs[token]
      loss.values[token] += coefficient * difference.magnitude
      // The derivative at 0 is taken as 0: at the first update after a rollout the penalty is inactive.
      if difference != 0 { loss.gradient[token] += difference > 0 ? coefficient : -coefficient }
    }
    return Terms(loss: loss)
  }
}
