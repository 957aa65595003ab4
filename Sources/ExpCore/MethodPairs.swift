/// Which entropy controls an algorithm's loss has a place for.
///
/// A control is refused only where the loss lacks the term that the control acts on.
public enum MethodPairs {
  /// Why an algorithm cannot be combined with an entropy control; nil where it can.
  ///
  /// Both are named as in a spec. The losses over preference pairs compare sums over whole answers: they have neither
  /// an importance ratio nor an advantage nor a loss per token (arXiv:2404.10719, section 3).
  public static func refusal(algorithm: String, control: String) -> String? {
    guard algorithm == "dpo" || algorithm == "iterative_dpo" else { return nil }
    return switch control {
    case "clip_higher": "its loss has no importance ratio to clip"
    case "clip_cov", "kl_cov":
      "its loss has no advantage, so tokens have no covariance with one"
    case "high_entropy_tokens", "probability_mask":
      "its loss compares whole answers, so single tokens cannot be left out of it"
    default: nil
    }
  }
}
