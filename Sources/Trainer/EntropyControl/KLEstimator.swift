package import TrainerProtocol

extension EntropyControlConfig.Estimator {
  /// Returns the estimate of KL(policy, reference) on a sampled token and its derivative with respect to `lp`;
  /// algorithms.md section 4.2.
  ///
  /// `low_var_kl` is k3 with verl's clamps. `difference` is `lp - ref`.
  package func estimate(_ difference: Double) -> (value: Double, gradient: Double) {
    switch self {
    case .k1:
      return (difference, 1)
    case .k2:
      return (difference * difference / 2, difference)
    case .k3:
      let ratio = LogRatio.exponential(-difference)
      return (ratio + difference - 1, 1 - ratio)
    case .abs:
      // The derivative at 0 is taken as 0.
      let slope = difference == 0 ? 0 : difference > 0 ? 1.0 : -1
      return (difference.magnitude, slope)
    case .lowVarianceKL:
      let exponent = min(max(-difference, -20), 20)
      let ratio = LogRatio.exponential(exponent)
      let value = ratio - exponent - 1
      let isClamped = exponent != -difference || value > 10
      return (min(value, 10), isClamped ? 0 : 1 - ratio)
    }
  }

  /// Returns the estimate of each token and its derivative with respect to `lp`.
  package func loss(logProbs: [Double], referenceLogProbs: [Double]) -> TokenLoss {
    precondition(
      logProbs.count == referenceLogProbs.count,
      "\(logProbs.count) log-probabilities, \(referenceLogProbs.count) of the reference")
    var loss = TokenLoss(zeros: logProbs.count)
    for token in logProbs.indices {
      (loss.values[token], loss.gradient[token]) = estimate(
        logProbs[token] - referenceLogProbs[token])
    }
    return loss
  }
}
