internal import Glibc

/// Rewards of tokens that a language model trained on outcomes implies; algorithms.md section 2.7.
///
/// `logRatios` are `q = log phi - log ref` of the sampled tokens, phi being the reward model.
package enum ImplicitReward {
  /// Returns q of each token.
  package static func logRatios(rewardModel: [Double], reference: [Double]) -> [Double] {
    precondition(
      rewardModel.count == reference.count,
      "\(rewardModel.count) log-probabilities, \(reference.count) of the reference")
    return zip(rewardModel, reference).map { $0 - $1 }
  }

  /// Returns `beta * q` of each token.
  ///
  /// With `dropsLast` the last token of an answer has none: it receives the outcome instead, as in PRIME's code.
  package static func tokenRewards(
    logRatios: [Double], rows: TokenRows, beta: Double, dropsLast: Bool
  ) -> [Double] {
    var rewards = logRatios.map { beta * $0 }
    guard dropsLast else { return rewards }
    for row in 0..<rows.count {
      guard let last = rows.range(row).last else { continue }
      rewards[last] = 0
    }
    return rewards
  }

  /// Divides by the largest magnitude of a sum to an answer's end over the batch, plus 1e-6.
  package static func normalized(_ rewards: [Double], rows: TokenRows) -> [Double] {
    let largest = rows.sumsToEnd(rewards).lazy.map(\.magnitude).max() ?? 0
    return rewards.map { $0 / (largest + 1e-6) }
  }

  /// The loss of the reward model on a batch.
  package struct CrossEntropy: Sendable, Hashable {
    /// Mean over answers of the cross-entropy of `sigmoid(beta * sum q)` against the outcome, nats.
    package var loss: Double
    /// Its derivative with respect to each token's q, which is that with respect to log phi.
    package var gradient: [Double]
    /// Share of answers whose sum of q has the sign of their outcome.
    package var signAccuracy: Double
  }

  /// Returns the loss of the reward model; outcomes are 0...1.
  ///
  /// `answers` is the denominator, where the rows are a part of a larger batch.
  package static func crossEntropy(
    logRatios: [Double], outcomes: [Double], rows: TokenRows, beta: Double, answers: Int? = nil
  ) -> CrossEntropy {
    let scale = 1 / Double(max(answers ?? rows.count, 1))
    var (loss, right) = (0.0, 0)
    var slopes: [Double] = []
    for (sum, outcome) in zip(rows.rowSums(logRatios), outcomes) {
      let logit = beta * sum
      loss += Logistic.logOnePlusExp(logit) - outcome * logit
      slopes.append(beta * (Logistic.sigmoid(logit) - outcome) * scale)
      right += (sum > 0) == (outcome > 0.5) ? 1 : 0
    }
    return CrossEntropy(
      loss: loss * scale, gradient: rows.broadcast(slopes), signAccuracy: Double(right) * scale)
  }
}

/// The logistic function and its logarithm without overflow.
package enum Logistic {
  /// Returns `1 / (1 + exp(-x))`.
  package static func sigmoid(_ x: Double) -> Double {
    let tail = exp(-x.magnitude)
    return x >= 0 ? 1 / (1 + tail) : tail / (1 + tail)
  }

  /// Returns `ln(1 + exp(x))`, which is `-ln sigmoid(-x)`.
  package static func logOnePlusExp(_ x: Double) -> Double {
    max(x, 0) + log1p(exp(-x.magnitude))
  }
}
