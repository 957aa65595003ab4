/// One run with its fit.
public struct RunFit: Sendable, Hashable {
  /// The run.
  public let curve: Curve
  /// The law, or why there is none.
  public let law: Result<LawFit, NoFit>
  /// The law beside its rivals; nil where there is no law.
  public let rivals: RivalComparison?
  /// What a reader has to know, the fit's own warnings first.
  public let warnings: [LawWarning]

  /// Fits one run.
  ///
  /// - Parameters:
  ///   - curve: The run.
  ///   - level: Coverage of the intervals, in (0, 1).
  ///   - method: What chooses a and b, and what the errors allow for.
  public init(_ curve: Curve, level: Double = 0.95, method: LawMethod = .standard) {
    self.curve = curve
    law = Result { () throws(NoFit) in
      try LawFit(
        curve.points, level: level, method: method, promptCount: curve.promptCount)
    }
    switch law {
    case .success(let fit):
      let comparison = RivalComparison(curve.points)
      rivals = comparison
      warnings = fit.warnings + [comparison.warning].compactMap { $0 }
    case .failure:
      rivals = nil
      warnings = []
    }
  }

  /// Whether there is a law and no guard contradicts it.
  public var lawHolds: Bool {
    guard case .success(let fit) = law else { return false }
    return fit.lawHolds
  }

  var runLaw: RunLaw? {
    guard case .success(let fit) = law, curve.modelParams > 0, curve.modelParams.isFinite else {
      return nil
    }
    return RunLaw(size: curve.modelParams, law: fit)
  }
}
