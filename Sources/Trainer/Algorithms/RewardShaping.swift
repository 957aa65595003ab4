internal import TrainerProtocol

/// Changes to rewards before advantages are taken; algorithms.md sections 4.3 and 6.
package enum RewardShaping {
  /// Returns what is added for an answer of so many tokens: 0 up to `limit - buffer`, then falling linearly to `-factor`
  /// at the limit; 0 without a buffer.
  package static func overlongPenalty(
    tokens: Int, limit: Int, buffer: Int, factor: Double
  ) -> Double {
    guard buffer > 0 else { return 0 }
    let excess = Double(tokens) - (Double(limit) - Double(buffer))
    return min(0, -excess / Double(buffer) * factor)
  }

  /// Returns a judge's confidence that an answer is right, 0...1: P(1) if it said 1, 1 - P(0) if it said 0, else 0.
  package static func soft(verdict: Int?, probabilityOfOne: Double, probabilityOfZero: Double)
    -> Double
  {
    switch verdict {
    case 1: probabilityOfOne
    case 0: 1 - probabilityOfZero
    default: 0
    }
  }

  /// Returns `-coefficient * kl` of each token, to be added to its reward.
  package static func penalties(_ kl: [Double], coefficient: Double) -> [Double] {
    kl.map { -coefficient * $0 }
  }

  /// Returns the reward of each token: the score of its answer on the last one, and what is added everywhere.
  package static func tokenRewards(
    _ scores: [Double], penalties: [Double] = [], rows: TokenRows
  ) -> [Double] {
    let rewards = rows.onLastTokens(scores)
    return penalties.isEmpty ? rewards : zip(rewards, penalties).map { $0 + $1 }
  }

  /// Returns `old - ref` of each token: k1, the KL that the reward pays for.
  package static func tokenKL(oldLogProbs: [Double], referenceLogProbs: [Double]) -> [Double] {
    precondition(
      oldLogProbs.count == referenceLogProbs.count,
      "\(oldLogProbs.count) log-probabilities, \(referenceLogProbs.count) of the reference")
    let k1 = EntropyControlConfig.Estimator.k1
    return zip(oldLogProbs, referenceLogProbs).map { k1.estimate($0 - $1).value }
  }
}

/// Steers the weight of the KL inside the reward towards a target; algorithms.md section 4.3.
package struct AdaptiveKLController: Sendable, Hashable {
  /// The weight.
  package var coefficient: Double
  /// The KL it is steered to, nats per token; 0 keeps the weight.
  package var target: Double
  /// Answers over which it is steered.
  package var horizon: Double

  /// Makes a controller.
  package init(coefficient: Double, target: Double, horizon: Double) {
    self.coefficient = coefficient
    self.target = target
    self.horizon = horizon
  }

  /// Returns the weight times `1 + clip(kl / target - 1, -0.2, 0.2) * count / horizon`, never below 0.
  ///
  /// `kl` is the mean over `count` answers of the mean over tokens.
  package func updated(kl: Double, count: Int) -> Double {
    guard target > 0, horizon > 0 else { return coefficient }
    let error = min(max(kl / target - 1, -0.2), 0.2)
    return coefficient * max(0, 1 + error * Double(count) / horizon)
  }
}
