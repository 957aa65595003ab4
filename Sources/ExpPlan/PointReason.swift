public import ExpCore

/// A configuration that is known from before, such as a run's.
public struct KnownConfig: Sendable, Hashable {
  /// What to call it.
  public let name: String
  /// The configuration.
  public let config: JSONValue

  /// Makes one.
  public init(name: String, config: JSONValue) {
    self.name = name
    self.config = config
  }
}

/// Why a point is new, or not.
public struct PointReason: Sendable, Hashable {
  /// A key whose value is another than in the nearest known configuration.
  public struct Difference: Sendable, Hashable {
    /// The dotted path.
    public let path: String
    /// The known configuration's value; nil where it has none.
    public let before: JSONValue?
    /// The point's value; nil where it has none.
    public let now: JSONValue?
  }

  /// The known configuration with the fewest differences; nil where nothing is known.
  public let nearest: String?
  /// Every key in which the point differs from it, in order of the path; empty where they are equal.
  public let differences: [Difference]

  /// Whether the point's configuration is known.
  public var isKnown: Bool { nearest != nil && differences.isEmpty }

  /// The reason in words, one line a key.
  public var description: String {
    guard let nearest else { return "nothing is known yet that it could be compared with" }
    guard !differences.isEmpty else { return "the same configuration as \(nearest)" }
    let lines = differences.map { difference in
      let before = difference.before?.canonicalJSON ?? "(none)"
      return "  \(difference.path): \(before) -> \(difference.now?.canonicalJSON ?? "(none)")"
    }
    return (["nearest to \(nearest), from which it differs in"] + lines).joined(separator: "\n")
  }
}

extension Plan {
  /// Says which keys make a point differ from the nearest known configuration, of equally near ones the first.
  public static func why(_ point: PlannedPoint, against known: [KnownConfig]) -> PointReason {
    let own = leaves(point.config)
    var nearest: (name: String, differences: [PointReason.Difference])?
    for candidate in known {
      if candidate.config == point.config {
        return PointReason(nearest: candidate.name, differences: [])
      }
      let found = differences(from: leaves(candidate.config), to: own)
      if found.count < nearest?.differences.count ?? .max { nearest = (candidate.name, found) }
    }
    let sorted = nearest?.differences.sorted { $0.path < $1.path }
    return PointReason(nearest: nearest?.name, differences: sorted ?? [])
  }

  private static func leaves(_ config: JSONValue) -> [String: JSONValue] {
    Dictionary(
      config.flattened().map { ($0.path, $0.value) }, uniquingKeysWith: { first, _ in first })
  }

  private static func differences(
    from before: [String: JSONValue], to now: [String: JSONValue]
  ) -> [PointReason.Difference] {
    var found: [PointReason.Difference] = []
    for (path, value) in now where before[path] != value {
      found.append(.init(path: path, before: before[path], now: value))
    }
    for (path, value) in before where now[path] == nil {
      found.append(.init(path: path, before: value, now: nil))
    }
    return found
  }
}
