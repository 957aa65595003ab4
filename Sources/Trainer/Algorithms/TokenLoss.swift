/// A loss per token and its derivative with respect to that token's log-probability; both before aggregation.
package struct TokenLoss: Sendable {
  /// The loss L of each token, minimised.
  package var values: [Double]
  /// dL / d(log-probability) of each token.
  package var gradient: [Double]

  /// Makes a loss of zero over so many tokens.
  package init(zeros count: Int) {
    values = Array(repeating: 0, count: count)
    gradient = values
  }

  /// Returns the aggregated loss for the weights of an aggregation.
  package func total(_ weights: some Collection<Double>) -> Double {
    precondition(weights.count == values.count, "\(weights.count) weights, \(values.count) tokens")
    return zip(values, weights).reduce(0) { $0 + $1.0 * $1.1 }
  }
}

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
  /// At ratio 1 its gradient is `-A`, the plain policy gradient's: on-policy updates of all algorithms need no loss of
  /// their own. `logRatioBound` nil leaves the log ratio alone, as Clip-Cov does.
  package static func clippedSurrogate(
    advantages: [Double], logProbs: [Double], oldLogProbs: [Double], low: Double, high: Double,
    logRatioBound: Double? = logRatioBound
  ) -> Clipped {
    let count = advantages.count
    var result = Clipped(
      loss: TokenLoss(zeros: count), stoppedLow: Array(repeating: false, count: count),
      stoppedHigh: Array(repeating: false, count: count))
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
}
