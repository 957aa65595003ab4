internal import TrainerProtocol

/// Losses of the policy over sampled tokens; algorithms.md section 3.
package enum PolicyLoss {
  /// verl's bound of the log ratio in the clipped loss; beyond it the ratio is constant.
  package static let logRatioBound = 20.0

  /// The clipped surrogate and the tokens it stops.
  package struct Clipped: Sendable {
    /// Loss and gradient.
    package var loss: TokenLoss
    /// Tokens stopped because their ratio fell below the band while their advantage is negative.
    package var stoppedLow: [Bool]
    /// Tokens stopped because their ratio rose above the band while their advantage is positive.
    package var stoppedHigh: [Bool]
    /// Tokens stopped because their ratio rose above the dual clip while their advantage is negative.
    package var stoppedDual: [Bool]
  }

  /// Returns `-A * lp`, the plain policy gradient; section 3.1.
  package static func policyGradient(advantages: [Double], logProbs: [Double]) -> TokenLoss {
    var loss = TokenLoss(zeros: advantages.count)
    for token in advantages.indices {
      loss.values[token] = -advantages[token] * logProbs[token]
      loss.gradient[token] = -advantages[token]
    }
    return loss
  }

  /// Returns `max(-A * ratio, -A * clamp(ratio, 1 - low, 1 + high))` with `ratio = exp(lp - old)`; section 3.2.
  ///
  /// For negative A it is at most `-A * dualClip`, where there is a dual clip; section 3.3.
  /// At ratio 1 its gradient is `-A`, the plain policy gradient's: on-policy updates of all algorithms need no loss of
  /// their own. `logRatioBound` nil leaves the log ratio alone, as Clip-Cov does.
  package static func clippedSurrogate(
    advantages: [Double], logProbs: [Double], oldLogProbs: [Double], low: Double, high: Double,
    dualClip: Double? = nil, logRatioBound: Double? = logRatioBound
  ) -> Clipped {
    let count = advantages.count
    let none = [Bool](repeating: false, count: count)
    var result = Clipped(
      loss: TokenLoss(zeros: count), stoppedLow: none, stoppedHigh: none, stoppedDual: none)
    for token in 0..<count {
      let advantage = advantages[token]
      let difference = logProbs[token] - oldLogProbs[token]
      let bounded = logRatioBound.map { min(max(difference, -$0), $0) } ?? difference
      let ratio = LogRatio.exponential(bounded)
      let open = -advantage * ratio
      let clipped = -advantage * min(max(ratio, 1 - low), 1 + high)
      result.loss.values[token] = max(open, clipped)
      if clipped > open {
        result.stoppedLow[token] = advantage < 0
        result.stoppedHigh[token] = advantage > 0
      } else if bounded == difference {
        result.loss.gradient[token] = open
      }
      if let dualClip, advantage < 0, -advantage * dualClip < result.loss.values[token] {
        result.loss.values[token] = -advantage * dualClip
        result.loss.gradient[token] = 0
        result.stoppedDual[token] = true
      }
    }
    return result
  }

  /// Returns `-A * ratio` with nothing clipped, as KL-Cov has it; section 3.5.
  package static func surrogate(
    advantages: [Double], logProbs: [Double], oldLogProbs: [Double]
  ) -> TokenLoss {
    var loss = TokenLoss(zeros: advantages.count)
    for token in advantages.indices {
      let ratio = LogRatio.exponential(logProbs[token] - oldLogProbs[token])
      loss.values[token] = -advantages[token] * ratio
      loss.gradient[token] = loss.values[token]
    }
    return loss
  }

  /// Takes loss and gradient from the selected tokens, which still count in every denominator; section 3.4.
  package static func clipCov(_ loss: TokenLoss, isSelected: [Bool]) -> TokenLoss {
    var loss = loss
    for token in isSelected.indices where isSelected[token] {
      loss.values[token] = 0
      loss.gradient[token] = 0
    }
    return loss
  }

  /// Returns the surrogate without a clip, and `coefficient * |lp - old|` on the selected tokens; section 3.5.
  package static func klCov(
    advantages: [Double], logProbs: [Double], oldLogProbs: [Double], isSelected: [Bool],
    coefficient: Double
  ) -> TokenLoss {
    var loss = surrogate(advantages: advantages, logProbs: logProbs, oldLogProbs: oldLogProbs)
    for token in isSelected.indices where isSelected[token] {
      // The derivative at 0 is taken as 0: at the first update after a rollout the penalty is inactive.
      let pull = EntropyControlConfig.Estimator.abs.estimate(logProbs[token] - oldLogProbs[token])
      loss.values[token] += coefficient * pull.value
      loss.gradient[token] += coefficient * pull.gradient
    }
    return loss
  }

  /// Returns the mean of `old - lp`, which estimates KL(sampling policy, current); 0 of nothing.
  package static func approximateKL(logProbs: [Double], oldLogProbs: [Double]) -> Double {
    SampleStatistics.mean(zip(logProbs, oldLogProbs).map { $1 - $0 })
  }
}
