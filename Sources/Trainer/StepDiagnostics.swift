internal import Glibc
internal import TrainerProtocol

/// Measures the entropy mechanism on a rollout batch, before its update; algorithms.md sections 8 and 9.
package enum StepDiagnostics {
  /// Returns entropies and covariances under the policy that sampled the batch; empty for an empty batch.
  package static func values(_ batch: PolicyBatch, estimator: AdvantageEstimator)
    -> [String: Double]
  {
    guard batch.rows.tokenCount > 0 else { return [:] }
    var values = covariances(batch, estimator)
    values[MetricName.entropyTrain] = SampleStatistics.mean(batch.rows.rowMeans(batch.entropies))
    values[MetricName.entropyTokenMean] = SampleStatistics.mean(batch.entropies)
    let (first, second) = theoremCovariances(batch)
    values[StepMetric.theorem1Cov] = first
    values[StepMetric.theorem2Cov] = second
    return values
  }

  /// Token-level covariance, EM's equation 10: its mean, the means of its largest fractions, and their share.
  private static func covariances(
    _ batch: PolicyBatch, _ estimator: AdvantageEstimator
  ) -> [String: Double] {
    let covariances = TokenCovariance.values(
      advantages: TokenCovariance.advantages(batch.advantages, of: estimator),
      logProbs: batch.oldLogProbs
    ).sorted(by: >)
    func top(_ fraction: Double) -> ArraySlice<Double> {
      covariances.prefix(TokenCovariance.selectionCount(fraction, of: covariances.count))
    }
    var values = [
      StepMetric.covMean: SampleStatistics.mean(covariances),
      StepMetric.covTop2Percent: SampleStatistics.mean(top(0.02)),
      StepMetric.covTop02Percent: SampleStatistics.mean(top(0.002)),
      StepMetric.covTop002Percent: SampleStatistics.mean(top(0.0002)),
    ]
    let total = covariances.reduce(0) { $0 + $1.magnitude }
    if total > 0 {
      values[StepMetric.covShareTop2Percent] = top(0.02).reduce(0) { $0 + $1.magnitude } / total
    }
    return values
  }

  /// Response-level covariances, means over groups: of `lpbar` with `exp(lpbar) * A` (Theorem 1) and with `A` (Theorem 2),
  /// where `lpbar` is a response's mean token log-probability.
  private static func theoremCovariances(_ batch: PolicyBatch) -> (Double, Double) {
    var first: [Double] = []
    var second: [Double] = []
    for start in stride(from: 0, to: batch.rows.count, by: max(batch.groupSize, 1)) {
      let rows = (start..<min(start + batch.groupSize, batch.rows.count)).filter {
        batch.rows.length($0) > 0
      }
      guard !rows.isEmpty else { continue }
      let logProbs = rows.map { SampleStatistics.mean(batch.oldLogProbs[batch.rows.range($0)]) }
      let advantages = rows.map { batch.rowAdvantages[$0] }
      first.append(
        SampleStatistics.covariance(logProbs, zip(logProbs, advantages).map { exp($0) * $1 }))
      second.append(SampleStatistics.covariance(logProbs, advantages))
    }
    return (SampleStatistics.mean(first), SampleStatistics.mean(second))
  }
}
