internal import Glibc
internal import TrainerProtocol

/// Measures the entropy mechanism on a rollout batch, before its update; algorithms.md sections 8 and 9.
package enum StepDiagnostics {
  /// Returns the entropies of the policy that sampled the batch: means and quantiles; empty for an empty batch.
  package static func entropies(_ batch: PolicyBatch) -> [String: Double] {
    guard batch.rows.tokenCount > 0 else { return [:] }
    var values = [
      MetricName.entropyTrain: SampleStatistics.mean(batch.rows.rowMeans(batch.entropies)),
      MetricName.entropyTokenMean: SampleStatistics.mean(batch.entropies),
    ]
    for (name, fraction) in StepMetric.entropyQuantiles {
      values[name] = SampleStatistics.quantile(fraction, of: batch.entropies)
    }
    return values
  }

  /// Returns entropies and covariances under the policy that sampled the batch; empty for an empty batch.
  ///
  /// Nothing is said by difficulty unless the samples know their scores, which segments of a tree do not.
  package static func values(
    _ batch: PolicyBatch, estimator: AdvantageEstimator, knowsScores: Bool = true
  ) -> [String: Double] {
    guard batch.rows.tokenCount > 0 else { return [:] }
    let covariances = TokenCovariance.values(
      advantages: TokenCovariance.advantages(batch.advantages, of: estimator),
      logProbs: batch.oldLogProbs)
    var values = largest(covariances).merging(entropies(batch)) { first, _ in first }
    let (first, second) = theoremCovariances(batch)
    values[StepMetric.theorem1Cov] = first
    values[StepMetric.theorem2Cov] = second
    guard knowsScores else { return values }
    return values.merging(byDifficulty(batch, covariances)) { first, _ in first }
  }

  /// Token-level covariance, EM's equation 10: its mean, the means of its largest fractions, and their share.
  private static func largest(_ covariances: [Double]) -> [String: Double] {
    let covariances = covariances.sorted(by: >)
    func top(_ fraction: Double) -> ArraySlice<Double> {
      covariances.prefix(TokenCovariance.selectionCount(fraction, of: covariances.count))
    }
    var values = [
      StepMetric.covMean: SampleStatistics.mean(covariances),
      StepMetric.covTop20Percent: SampleStatistics.mean(top(0.2)),
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

  /// Entropy and covariance of the tokens of hard, medium and easy prompts; nothing for a band without a token.
  private static func byDifficulty(
    _ batch: PolicyBatch, _ covariances: [Double]
  ) -> [String: Double] {
    var values: [String: Double] = [:]
    let total = batch.entropies.reduce(0, +)
    let bands = batch.groups.map { group in
      DifficultyBand(accuracy: SampleStatistics.mean(batch.samples[group].map(\.score)))
    }
    for band in DifficultyBand.allCases {
      let rows = zip(batch.groups, bands).filter { $0.1 == band }.flatMap(\.0)
      let tokens = rows.flatMap(batch.rows.range)
      guard !tokens.isEmpty else { continue }
      let means = rows.filter { batch.rows.length($0) > 0 }.map {
        SampleStatistics.mean(batch.entropies[batch.rows.range($0)])
      }
      values[StepMetric.entropy(of: band)] = SampleStatistics.mean(means)
      values[StepMetric.covariance(of: band)] = SampleStatistics.mean(
        tokens.map { covariances[$0] })
      guard total > 0 else { continue }
      values[StepMetric.entropyShare(of: band)] =
        tokens.reduce(0) { $0 + batch.entropies[$1] } / total
    }
    return values
  }

  /// Response-level covariances, means over groups: of `lpbar` with `exp(lpbar) * A` (Theorem 1) and with `A` (Theorem 2),
  /// where `lpbar` is a response's mean token log-probability.
  static func theoremCovariances(_ batch: PolicyBatch) -> (first: Double, second: Double) {
    var first: [Double] = []
    var second: [Double] = []
    let rowAdvantages = batch.rowAdvantages
    for group in batch.groups {
      let rows = group.filter { batch.rows.length($0) > 0 }
      guard !rows.isEmpty else { continue }
      let logProbs = rows.map { SampleStatistics.mean(batch.oldLogProbs[batch.rows.range($0)]) }
      let advantages = rows.map { rowAdvantages[$0] }
      first.append(
        SampleStatistics.covariance(logProbs, zip(logProbs, advantages).map { exp($0) * $1 }))
      second.append(SampleStatistics.covariance(logProbs, advantages))
    }
    return (SampleStatistics.mean(first), SampleStatistics.mean(second))
  }
}

/// Prompts by the share of right answers among those of the batch.
package enum DifficultyBand: String, Sendable, CaseIterable {
  /// At most one third.
  case hard
  /// Between.
  case medium
  /// At least two thirds.
  case easy

  /// Finds the band of an accuracy, 0...1.
  package init(accuracy: Double) {
    self = accuracy <= 1.0 / 3 ? .hard : accuracy >= 2.0 / 3 ? .easy : .medium
  }
}
