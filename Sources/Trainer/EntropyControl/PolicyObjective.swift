package import TrainerProtocol

/// What an update minimises: the clipped surrogate with one entropy control; pure and in double precision.
package struct PolicyObjective: Sendable {
  /// Per-token terms of the objective.
  package struct Terms: Sendable {
    /// The loss and its derivative with respect to the log-probability, before aggregation.
    package var loss: TokenLoss
    /// Derivative with respect to the token's entropy, before aggregation; 0 unless there is an entropy bonus.
    package var entropyGradient: Double = 0
    /// Kept tokens that the clip stopped from below, and from above.
    package var stoppedLow = 0
    package var stoppedHigh = 0
    /// Kept tokens that the dual clip stopped.
    package var stoppedDual = 0
    /// Sum of the estimate of the KL to the reference.
    package var referenceKL = 0.0
  }

  private let control: EntropyControlConfig
  private let estimator: AdvantageEstimator
  private let aggregation: TrainConfig.LossAggregation
  private let clipLow: Double
  private let clipHigh: Double
  private let dualClip: Double?
  private let probabilityThreshold: Double?

  /// Takes its settings out of a configuration; absent ones have the usual values.
  ///
  /// SPO masks likely tokens by itself, and the control `probability_mask` replaces its threshold.
  package init(_ config: TrainConfig) {
    let control = config.entropyControl
    let estimator = AdvantageEstimator(config)
    let high = config.clipRatioHigh ?? 0.2
    let own = estimator.source == .segments ? config.spoProbabilityThreshold ?? 0.9 : nil
    self.init(
      control: control, estimator: estimator, aggregation: config.lossAggregation ?? .tokenMean,
      clipLow: config.clipRatioLow ?? 0.2,
      clipHigh: control.method == .clipHigher ? control.clipRatioHigh ?? high : high,
      dualClip: config.dualClipRatio.flatMap { $0 > 0 ? $0 : nil },
      probabilityThreshold: control.method == .probabilityMask
        ? control.threshold ?? own ?? 0.9 : own)
  }

  /// Makes an objective; nil leaves out the dual clip, and the mask of likely tokens.
  package init(
    control: EntropyControlConfig, estimator: AdvantageEstimator,
    aggregation: TrainConfig.LossAggregation, clipLow: Double, clipHigh: Double,
    dualClip: Double? = nil, probabilityThreshold: Double? = nil
  ) {
    self.control = control
    self.estimator = estimator
    self.aggregation = aggregation
    self.clipLow = clipLow
    self.clipHigh = clipHigh
    self.dualClip = dualClip
    self.probabilityThreshold = probabilityThreshold
  }

  /// Whether tokens are selected or kept by comparing all of a mini-batch, which micro-batches cannot do alone.
  package var comparesTokens: Bool {
    control.method == .clipCov || control.method == .klCov || needsEntropiesToSelect
  }
  /// Whether some tokens are left out of the loss.
  package var hasMask: Bool { probabilityThreshold != nil || needsEntropiesToSelect }
  /// Whether the losses of bad answers are bounded by a dual clip; Clip-Cov and KL-Cov have none.
  package var hasDualClip: Bool {
    dualClip != nil && control.method != .clipCov && control.method != .klCov
  }
  /// Whether log-probabilities of the reference policy are needed.
  package var needsReference: Bool { control.method == .klReference }
  /// Whether entropies carry a gradient.
  package var needsEntropyGradient: Bool { control.method == .entropyBonus }
  /// Whether `ObjectiveInput.entropies` must be there.
  package var needsEntropies: Bool { needsEntropyGradient || needsEntropiesToSelect }

  private var needsEntropiesToSelect: Bool { control.method == .highEntropyTokens }

  /// Selects the tokens that are treated apart or kept, over the whole mini-batch; nil where all are treated alike.
  ///
  /// Where tokens are masked by probability, the others are compared among themselves only. Unless `comparesTokens`,
  /// only the old log-probabilities are read.
  package func selection(_ input: ObjectiveInput, chooser: TokenChooser) -> TokenSelection? {
    guard let probabilityThreshold else { return compared(input, chooser) }
    let mask = TokenSelection.probabilityMask(
      oldLogProbs: input.oldLogProbs, threshold: probabilityThreshold)
    guard comparesTokens else { return TokenSelection(keeping: mask) }
    let compared =
      compared(input.kept(by: mask), chooser) ?? TokenSelection([], of: 0, candidateCount: 0)
    return compared.spread(over: mask)
  }

  private func compared(_ input: ObjectiveInput, _ chooser: TokenChooser) -> TokenSelection? {
    guard !input.advantages.isEmpty else { return nil }
    let fraction = control.tokenFraction ?? 0
    switch control.method {
    case .clipCov:
      let clipped = clipped(input, logRatioBound: nil, dualClip: nil)
      return .clipCov(
        covariances: covariances(input),
        stopped: zip(clipped.stoppedLow, clipped.stoppedHigh).map { $0 || $1 },
        fraction: fraction, low: control.covarianceLow ?? 1, high: control.covarianceHigh ?? 5,
        chooser: chooser)
    case .klCov:
      return .klCov(covariances: covariances(input), fraction: fraction)
    case .highEntropyTokens:
      return .highEntropy(
        input.entropies, fraction: fraction, reverse: control.reverse ?? false)
    case .none, .entropyBonus, .klReference, .clipHigher, .probabilityMask:
      return nil
    }
  }

  private func covariances(_ input: ObjectiveInput) -> [Double] {
    TokenCovariance.values(
      advantages: TokenCovariance.advantages(input.advantages, of: estimator),
      logProbs: input.logProbs)
  }

  /// Returns the weight of each token of a mini-batch in its loss and in its regularisers, 0 for those left out.
  ///
  /// `longest` is the constant that `seq_mean_token_sum_norm` divides by.
  package func weights(_ rows: TokenRows, _ selection: TokenSelection?, longest: Int) -> [Double] {
    aggregation.weights(
      rows, kept: selection?.isKept, over: .init(length: Double(max(longest, 1))))
  }

  /// Returns the terms of the given tokens; `selection` is the part of the mini-batch's for them.
  package func terms(_ input: ObjectiveInput, _ selection: TokenSelection? = nil) -> Terms {
    switch control.method {
    case .none, .clipHigher, .highEntropyTokens, .probabilityMask:
      return clippedTerms(input, selection)
    case .entropyBonus:
      return withEntropyBonus(clippedTerms(input, selection), input)
    case .klReference:
      return withReferenceKL(clippedTerms(input, selection), input)
    case .clipCov:
      return Self.clipCov(
        clipped(input, logRatioBound: nil, dualClip: nil), selection)
    case .klCov:
      return Terms(
        loss: Self.klCov(input, selection, coefficient: control.coefficient ?? 0))
    }
  }

  /// Returns what a control adds to a loss that is none over tokens, as over preference pairs.
  package func regulariser(_ input: ObjectiveInput) -> Terms {
    let nothing = Terms(loss: TokenLoss(zeros: input.logProbs.count))
    return switch control.method {
    case .entropyBonus: withEntropyBonus(nothing, input)
    case .klReference: withReferenceKL(nothing, input)
    default: nothing
    }
  }

  private func clipped(
    _ input: ObjectiveInput, logRatioBound: Double?, dualClip: Double?
  ) -> PolicyLoss.Clipped {
    PolicyLoss.clippedSurrogate(
      advantages: input.advantages, logProbs: input.logProbs, oldLogProbs: input.oldLogProbs,
      low: clipLow, high: clipHigh, dualClip: dualClip, logRatioBound: logRatioBound)
  }

  private func clippedTerms(_ input: ObjectiveInput, _ selection: TokenSelection?) -> Terms {
    Terms(
      clipped(input, logRatioBound: PolicyLoss.logRatioBound, dualClip: dualClip), selection)
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
    let kl = (control.estimator ?? .k3).loss(
      logProbs: input.logProbs, referenceLogProbs: input.referenceLogProbs)
    terms.loss.add(kl, times: control.coefficient ?? 0)
    terms.referenceKL = kl.values.reduce(0, +)
    return terms
  }

  /// Selected tokens lose loss and gradient, and still count in every denominator; algorithms.md section 3.4.
  private static func clipCov(
    _ clipped: PolicyLoss.Clipped, _ selection: TokenSelection?
  ) -> Terms {
    var terms = Terms(clipped, selection)
    terms.loss = PolicyLoss.clipCov(terms.loss, isSelected: selection?.isSelected ?? [])
    return terms
  }

  private static func klCov(
    _ input: ObjectiveInput, _ selection: TokenSelection?, coefficient: Double
  ) -> TokenLoss {
    PolicyLoss.klCov(
      advantages: input.advantages, logProbs: input.logProbs, oldLogProbs: input.oldLogProbs,
      isSelected: selection?.isSelected ?? [], coefficient: coefficient)
  }
}

extension PolicyObjective.Terms {
  /// Takes the clipped loss over, and counts the kept tokens that it stopped.
  init(_ clipped: PolicyLoss.Clipped, _ selection: TokenSelection?) {
    func count(_ flags: [Bool]) -> Int {
      guard let kept = selection?.isKept else { return flags.count { $0 } }
      return zip(flags, kept).count { $0 && $1 }
    }
    self.init(
      loss: clipped.loss, stoppedLow: count(clipped.stoppedLow),
      stoppedHigh: count(clipped.stoppedHigh), stoppedDual: count(clipped.stoppedDual))
  }
}
