public import ExpCore
public import ExpSpec

/// A checked experiment written out: every point once, held-out ones last.
public struct Plan: Sendable {
  /// The most combinations that are written out.
  public static let largestProduct = 2_000_000

  /// The experiment's name.
  public let experiment: String
  /// The points, no two with the same configuration: the product in the order of its axes (the last one fastest),
  /// then inclusions, with held-out points behind all others.
  public let points: [PlannedPoint]
  /// How they add up.
  public let arithmetic: PlanArithmetic
  /// The base policies they start from, in the order in which the points need them.
  public let bases: [PlannedBase]
  /// What an expansion gave.
  public struct Expansion: Sendable {
    /// The plan; nil where there is an error.
    public let plan: Plan?
    /// Errors and warnings of the points that are not excluded, each once.
    public let diagnostics: [Diagnostic]
  }

  /// Writes out the points of an experiment.
  ///
  /// The order of axes changes the order of points and nothing else. It is an error if a point has one, if nothing is
  /// left, or if the product exceeds `largestProduct`.
  /// - Parameters:
  ///   - spec: The checked experiment.
  ///   - reported: Problems that the user has seen already, such as those found while loading; not given again.
  /// - Returns: The plan, and what is wrong or doubtful about its points.
  public static func expand(_ spec: ExperimentSpec, reported: [Diagnostic] = []) -> Expansion {
    var expansion = PlanExpansion(spec, reported: reported)
    expansion.run()
    return expansion.finish()
  }

  /// The point with this label, or whose configuration's hash begins with these digits (at least 4); nil where none
  /// or several do.
  public func point(named text: String) -> PlannedPoint? {
    if let point = points.first(where: { $0.label == text }) { return point }
    guard text.utf8.count >= 4 else { return nil }
    let matches = points.filter { $0.configHash.hex.hasPrefix(text) }
    return matches.count == 1 ? matches[0] : nil
  }
}
