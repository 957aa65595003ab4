/// How the law of one run is fitted and how its errors are found.
public struct LawMethod: Sendable, Hashable {
  /// What chooses a and b.
  public enum Estimator: String, Sendable, Hashable, CaseIterable {
    /// Unweighted least squares.
    case leastSquares = "least_squares"
    /// Generalised least squares under AR(1) residuals, rho by restricted likelihood.
    case generalised = "gls"
    /// Huber's robust line, k = 1.345, which single evaluations far off move little.
    case huber
    /// Least squares weighted by the binomial variance R (1 - R) / n of a score over n prompts.
    case binomial
  }

  /// What standard errors and intervals allow for.
  public enum Errors: String, Sendable, Hashable, CaseIterable {
    /// AR(1) residuals: the sandwich covariance with rho averaged over its restricted likelihood.
    case autoregressive
    /// Newey and West's covariance, with floor(4 (n / 100)^(2/9)) lags.
    case hac
    /// Moving blocks of residuals, 999 resamples, bootstrap-t.
    case bootstrap
    /// Independent residuals of one variance, as textbook regressions print; far too narrow where
    /// neighbouring residuals are alike.
    case independent
  }

  /// What chooses a and b.
  public let estimator: Estimator
  /// What the errors allow for.
  public let errors: Errors

  /// Least squares with autoregressive errors, which covered best (docs/law/run.md).
  public static let standard = LawMethod(estimator: .leastSquares, errors: .autoregressive)

  private init(estimator: Estimator, errors: Errors) {
    self.estimator = estimator
    self.errors = errors
  }

  /// Makes a method.
  ///
  /// - Throws: `NoFit` for generalised least squares with errors of another model than its own.
  public init(_ estimator: Estimator, errors: Errors) throws(NoFit) {
    if estimator == .generalised, errors != .autoregressive {
      throw NoFit(
        "'gls' has the autoregressive errors that it weights by; '\(errors.rawValue)' would "
          + "contradict them: use 'autoregressive', or 'least_squares' with '\(errors.rawValue)'")
    }
    self.init(estimator: estimator, errors: errors)
  }

  /// Reads a method from its two names, as options give them.
  ///
  /// - Throws: `NoFit` naming the possible words, or why the two do not go together.
  public init(estimator: String, errors: String) throws(NoFit) {
    guard let chosen = Estimator(rawValue: estimator) else {
      throw NoFit(
        "'\(estimator)' is no estimator: "
          + Estimator.allCases.map(\.rawValue).joined(separator: ", "))
    }
    guard let model = Errors(rawValue: errors) else {
      throw NoFit(
        "'\(errors)' is no model of errors: "
          + Errors.allCases.map(\.rawValue).joined(separator: ", "))
    }
    try self.init(chosen, errors: model)
  }
}
