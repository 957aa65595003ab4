/// Generalised advantage estimation with a critic; algorithms.md section 2.6.
package enum GeneralizedAdvantage {
  /// Returns the advantage of each token; the return that the critic learns is that plus its value.
  ///
  /// Backwards over each row: `delta = r + gamma * V(next) - V`, `A = delta + gamma * lambda * A(next)`, with 0 behind
  /// the last token. Tokens that a mask leaves out are not stored, so they are jumped over.
  package static func estimate(
    rewards: [Double], values: [Double], rows: TokenRows, gamma: Double, lambda: Double
  ) -> [Double] {
    precondition(
      rewards.count == rows.tokenCount && values.count == rows.tokenCount,
      "\(rewards.count) rewards and \(values.count) values for \(rows.tokenCount) tokens")
    var advantages = rewards
    for row in 0..<rows.count {
      var (nextValue, nextAdvantage) = (0.0, 0.0)
      for token in rows.range(row).reversed() {
        let delta = rewards[token] + gamma * nextValue - values[token]
        nextAdvantage = delta + gamma * lambda * nextAdvantage
        nextValue = values[token]
        advantages[token] = nextAdvantage
      }
    }
    return advantages
  }
}
