/// A form that a run's scores are described by: the law or one of its rivals.
public enum LawForm: String, Sendable, Hashable, CaseIterable {
  /// R = -a exp(H) + b.
  case law
  /// R = c + d H.
  case linearInEntropy = "linear_in_entropy"
  /// R = c + d step.
  case lineInStep = "line_in_step"
  /// R = R∞ - c exp(-k (step - first step)), k > 0.
  case saturationInStep = "saturation_in_step"
  /// R = R0 + (A - R0) / (1 + (Cmid / C)^B), B > 0: ScaleRL's curve (arXiv 2510.13786).
  ///
  /// C is the compute spent since the first point and R0 the score there, both as measured.
  case sigmoidInCompute = "sigmoid_in_compute"
  /// R = the mean, whatever H and step.
  case mean

  /// The form in words, as texts name it.
  public var words: String {
    switch self {
    case .law: "law"
    case .linearInEntropy: "line in H"
    case .lineInStep: "line in step"
    case .saturationInStep: "saturation in step"
    case .sigmoidInCompute: "sigmoid in compute"
    case .mean: "mean"
    }
  }

  /// Numbers taken from the data, the residual variance among them, as AICc counts them.
  ///
  /// The sigmoid's R0 is read off the first point instead of fitted, but it is taken from the data
  /// all the same.
  public var parameterCount: Int {
    switch self {
    case .mean: 2
    case .law, .linearInEntropy, .lineInStep: 3
    case .saturationInStep: 4
    case .sigmoidInCompute: 5
    }
  }
}
