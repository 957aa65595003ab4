/// How the points of a plan add up.
public struct PlanArithmetic: Sendable, Hashable {
  /// An axis of the product: a path, or several that move together, with the number of its values.
  public struct Factor: Sendable, Hashable {
    /// The paths.
    public let paths: [String]
    /// The values.
    public let count: Int
  }

  /// The axes in the order of the spec, zipped ones last.
  public internal(set) var factors: [Factor]
  /// The product of the counts; 1 where there is no axis.
  public internal(set) var product: Int
  /// Points of the product that `exclude` leaves out.
  public internal(set) var excluded = 0
  /// Points that `include` adds.
  public internal(set) var included = 0
  /// Points whose configuration another one has already.
  public internal(set) var duplicates = 0
  /// Points of the plan that are held out.
  public internal(set) var heldOut = 0

  /// The points of the plan.
  public var points: Int { product - excluded + included - duplicates }

  /// The sum in one line: `5 model.size × 3 seed = 15, - 3 excluded, + 1 included = 13 points (1 held out)`.
  public var sentence: String {
    var text = factors.map { "\($0.count) \($0.paths.joined(separator: " with "))" }
      .joined(separator: " × ")
    if factors.count > 1 { text += " = \(product)" }
    if factors.isEmpty { text = "1 without axes" }
    if excluded > 0 { text += ", - \(excluded) excluded" }
    if included > 0 { text += ", + \(included) included" }
    if duplicates > 0 { text += ", - \(duplicates) duplicate\(duplicates == 1 ? "" : "s")" }
    let isSum = excluded + included + duplicates > 0
    let unit = points == 1 ? "point" : "points"
    if isSum || factors.count == 1 || factors.isEmpty {
      text += " = \(points) \(unit)"
    } else {
      text += " \(unit)"
    }
    return heldOut > 0 ? "\(text) (\(heldOut) held out)" : text
  }
}
