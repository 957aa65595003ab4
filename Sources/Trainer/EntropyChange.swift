/// How the updates of a step changed the entropy of states that its rollout visited: measured, and as predicted to first
/// order.
package struct EntropyChange: Sendable, Hashable {
  /// Mean over states of the entropy after the updates less that before, nats.
  package var measured: Double
  /// Lemma 1 of algorithms.md section 9 on sampled actions: mean over states of
  /// `-(log p - E log p) * (log p' - log p)`, where `E log p` is minus the state's entropy.
  package var predicted: Double
  /// Mean over states of `r - 1 - log r` with r the ratio of the sampled action's probabilities, after over before.
  package var divergence: Double

  /// Compares scores of the same sampled tokens before and after.
  ///
  /// For a tabular softmax a change dz of the logits changes a state's entropy by `-Cov(log p, dz)` to first order, and
  /// dz is the change of log p up to a constant; an action drawn from p estimates that covariance without bias.
  /// - Precondition: all four have one length.
  package init(
    logProbs: [Double], entropies: [Double], newLogProbs: [Double], newEntropies: [Double]
  ) {
    precondition(
      Set([logProbs.count, entropies.count, newLogProbs.count, newEntropies.count]).count == 1,
      "scores of different tokens")
    let changes = zip(newLogProbs, logProbs).map { $0 - $1 }
    measured = SampleStatistics.mean(zip(newEntropies, entropies).map { $0 - $1 })
    predicted = SampleStatistics.mean(
      changes.indices.map { -(logProbs[$0] + entropies[$0]) * changes[$0] })
    divergence = SampleStatistics.mean(changes.map { LogRatio.exponential($0) - 1 - $0 })
  }
}
