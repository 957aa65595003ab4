public import ExpCore

/// One point of a plan: a resolved configuration with its identity.
///
/// What it shares with the points that differ from it in their seed alone is kept once for all of them.
public struct PlannedPoint: Sendable, Hashable {
  /// A dotted path with the value that an axis or an inclusion gave it.
  public struct Setting: Sendable, Hashable {
    /// The path.
    public let path: String
    /// The value as it was written.
    public let value: JSONValue
  }

  let family: PointFamily
  let seedValue: JSONValue
  /// Its place in the plan, from 0.
  public internal(set) var index: Int
  /// What tells it from the plan's other points, such as `83k grpo clip_cov s0`; unique in the plan.
  public internal(set) var label: String
  /// SHA-256 of the configuration's canonical JSON.
  public let configHash: ContentHash
  /// Whether it runs last and stays out of fits across sizes.
  public internal(set) var heldOut: Bool
  /// Points of a higher priority start before others; 0 where no condition of `first` holds.
  public let priority: Int

  init(
    _ family: PointFamily, seed: JSONValue, configHash: ContentHash, index: Int, heldOut: Bool,
    priority: Int
  ) {
    self.family = family
    seedValue = seed
    self.configHash = configHash
    self.index = index
    self.heldOut = heldOut
    self.priority = priority
    label = ""
  }

  /// What the axes or the inclusion set.
  public var assignment: [Setting] {
    family.assignment.map { path, value in
      Setting(path: path, value: path == "seed" ? seedValue : value)
    }
  }
  /// The canonical resolved configuration: what determines the numbers.
  public var config: JSONValue { family.config(seed: seedValue) }
  /// The part that determines the base policy: `task`, `model` and `base`.
  public var baseConfig: JSONValue { family.base.config }
  /// SHA-256 of the base configuration's canonical JSON.
  public var baseHash: ContentHash { family.base.hash }
  /// Non-embedding parameters, the law's N.
  public var modelParams: Int { family.modelParams }
  /// The name of its size, or the count of its parameters in three digits.
  public var sizeLabel: String { family.sizeLabel }
  /// The RL seed.
  public var seed: Int { seedValue.integer ?? 0 }
  /// What its RL stage should take, at the rate that is assumed where none was measured.
  public var cost: CostEstimate { family.cost }

  /// Whether both are the same point of equal plans.
  public static func == (left: PlannedPoint, right: PlannedPoint) -> Bool {
    left.configHash == right.configHash && left.index == right.index && left.label == right.label
      && left.heldOut == right.heldOut && left.assignment == right.assignment
  }

  /// Feeds what tells points apart.
  public func hash(into hasher: inout Hasher) {
    hasher.combine(configHash)
    hasher.combine(index)
  }
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
