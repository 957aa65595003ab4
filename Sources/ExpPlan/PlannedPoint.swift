public import ExpCore

/// One point of a plan: a resolved configuration with its identity.
public struct PlannedPoint: Sendable, Hashable {
  /// A dotted path with the value that an axis or an inclusion gave it.
  public struct Setting: Sendable, Hashable {
    /// The path.
    public let path: String
    /// The value as it was written.
    public let value: JSONValue
  }

  /// Its place in the plan, from 0.
  public internal(set) var index: Int
  /// What tells it from the plan's other points, such as `83k grpo clip_cov s0`; unique in the plan.
  public internal(set) var label: String
  /// What the axes or the inclusion set.
  public let assignment: [Setting]
  /// The canonical resolved configuration: what determines the numbers.
  public let config: JSONValue
  /// SHA-256 of the configuration's canonical JSON.
  public let configHash: ContentHash
  /// The part that determines the base policy: `task`, `model` and `base`.
  public let baseConfig: JSONValue
  /// SHA-256 of the base configuration's canonical JSON.
  public let baseHash: ContentHash
  /// Whether it runs last and stays out of fits across sizes.
  public internal(set) var heldOut: Bool
  /// Points of a higher priority start before others; 0 where no condition of `first` holds.
  public let priority: Int
  /// Non-embedding parameters, the law's N.
  public let modelParams: Int
  /// The name of its size, or the count of its parameters in three digits.
  public let sizeLabel: String
  /// The RL seed.
  public let seed: Int
  /// What its RL stage should take, at the rate that is assumed where none was measured.
  public let cost: CostEstimate
}

/// One base policy of a plan, shared by every point that starts from it.
public struct PlannedBase: Sendable, Hashable {
  /// What tells it from the plan's other base policies; unique among them.
  public internal(set) var label: String
  /// `task`, `model` and `base` of the points that start from it.
  public let config: JSONValue
  /// SHA-256 of the configuration's canonical JSON.
  public let configHash: ContentHash
  /// Non-embedding parameters.
  public let modelParams: Int
  /// The name of its size, or the count of its parameters in three digits.
  public let sizeLabel: String
  /// The points that start from it, by index, in order.
  public internal(set) var points: [Int]
}

extension ModelShape {
  /// The name of a size with these widths, else its non-embedding parameters as `1.23m`.
  static func sizeLabel(of model: JSONValue?, params: Int) -> String {
    func width(_ key: String) -> Int? { model?.object?[key]?.integer }
    let match = named.first { _, shape in
      width("width") == shape.width && width("layers") == shape.layers
        && width("heads") == shape.heads && width("kv_heads") == shape.kvHeads
        && width("hidden") == shape.hidden
    }
    return match?.name ?? compactCount(params)
  }

  private static func compactCount(_ count: Int) -> String {
    guard count >= 1000 else { return String(count) }
    var value = Double(count)
    var units = ["", "k", "m", "b"][...]
    // 999.5k would print as 1000k.
    while value >= 999.5, units.count > 1 {
      value /= 1000
      units = units.dropFirst()
    }
    let scale: Double = value >= 100 ? 1 : value >= 10 ? 10 : 100
    let rounded = (value * scale).rounded() / scale
    return "\(rounded.shortestText ?? "")\(units.first ?? "")"
  }
}
