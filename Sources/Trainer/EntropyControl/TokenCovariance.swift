/// The covariance of each token's log-probability with its advantage, which drives the entropy; algorithms.md section 3.4.
package enum TokenCovariance {
  /// Returns `(A - mean A) * (lp - mean lp)` of each token, centred over all tokens given: here the whole mini-batch.
  ///
  /// Its mean is the sample covariance of EM's Eq. 10.
  package static func values(advantages: [Double], logProbs: [Double]) -> [Double] {
    precondition(
      advantages.count == logProbs.count,
      "\(advantages.count) advantages, \(logProbs.count) log-probabilities")
    let advantageMean = SampleStatistics.mean(advantages)
    let logProbMean = SampleStatistics.mean(logProbs)
    return zip(advantages, logProbs).map { ($0 - advantageMean) * ($1 - logProbMean) }
  }

  /// Returns the advantages that enter the covariance: those of scaled GRPO as they are, others whitened over the batch.
  ///
  /// The band of Clip-Cov is meant for unit variance; on REINFORCE's and RLOO's smaller advantages it would select nothing.
  package static func advantages(_ advantages: [Double], of estimator: AdvantageEstimator)
    -> [Double]
  {
    estimator.hasUnitVariance ? advantages : SampleStatistics.whiten(advantages)
  }

  /// Returns token indices by falling covariance; equal ones in order of their index.
  package static func ranking(_ covariances: [Double]) -> [Int] {
    covariances.indices.sorted { left, right in
      covariances[left] != covariances[right]
        ? covariances[left] > covariances[right] : left < right
    }
  }

  /// Returns `max(1, floor(fraction * count))`, at most `count`: how many tokens a fraction selects.
  package static func selectionCount(_ fraction: Double, of count: Int) -> Int {
    min(max(Int((min(max(fraction, 0), 1) * Double(count)).rounded(.down)), 1), count)
  }
}
