/// One entropy control with its settings; only those of its method are present.
public struct EntropyControlConfig: Sendable, Hashable, Codable {
  /// The methods there are.
  public enum Method: String, Sendable, Hashable, Codable, CaseIterable {
    case none
    case entropyBonus = "entropy_bonus"
    case klReference = "kl_reference"
    case clipHigher = "clip_higher"
    case clipCov = "clip_cov"
    case klCov = "kl_cov"
    case highEntropyTokens = "high_entropy_tokens"
    case probabilityMask = "probability_mask"
  }

  /// Estimators of the KL to the reference; algorithms.md section 4.2.
  public enum Estimator: String, Sendable, Hashable, Codable, CaseIterable {
    case k1, k2, k3, abs
    /// k3 with verl's clamps.
    case lowVarianceKL = "low_var_kl"
  }

  /// The method.
  public var method: Method
  /// `entropy_bonus`, `kl_reference`, `kl_cov`: weight of the term.
  public var coefficient: Double?
  /// `clip_cov`, `kl_cov`: the share of tokens that is touched; `high_entropy_tokens`: the share that is kept.
  public var tokenFraction: Double?
  /// `clip_cov`: lower end of the covariance band.
  public var covarianceLow: Double?
  /// `clip_cov`: upper end of the covariance band.
  public var covarianceHigh: Double?
  /// `clip_higher`: the upper clip range in place of `train.clip_ratio_high`.
  public var clipRatioHigh: Double?
  /// `kl_reference`: the estimator.
  public var estimator: Estimator?
  /// `high_entropy_tokens`: whether the other tokens are kept instead, as a control experiment.
  public var reverse: Bool?
  /// `probability_mask`: tokens whose probability in the rollout was at least this are left out of the loss.
  public var threshold: Double?

  enum CodingKeys: String, CodingKey {
    case method, coefficient, estimator, reverse, threshold
    case tokenFraction = "token_fraction"
    case covarianceLow = "covariance_low"
    case covarianceHigh = "covariance_high"
    case clipRatioHigh = "clip_ratio_high"
  }
}
