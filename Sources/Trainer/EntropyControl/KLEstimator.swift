package import TrainerProtocol

extension EntropyControlConfig.Estimator {
  /// Returns the estimate of KL(policy, reference) on a sampled token and its derivative with respect to `lp`;
  /// algorithms.md section 4.2, with verl's clamps on k3.
  ///
  /// `difference` is `lp - ref`.
  package func estimate(_ difference: Double) -> (value: Double, gradient: Double) {
    switch self {
    case .k1:
      return (difference, 1)
    case .k2:
      return (difference * difference / 2, difference)
    case .k3:
      let exponent = min(max(-difference, -20), 20)
      let ratio = LogRatio.exponential(exponent)
      let value = ratio - exponent - 1
      let isClamped = exponent != -difference || value > 10
      return (min(value, 10), isClamped ? 0 : 1 - ratio)
    }
  }
}
