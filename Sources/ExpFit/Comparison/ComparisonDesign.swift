/// Arms, and blocks in which runs of different arms are paired.
///
/// An arm is a value of the key. Two runs are in one block where all else that identifies them
/// agrees: size, seed, seed of the base policy, what entropy and score were averaged over, and
/// every other label that varies, those aside that follow the key (`ComparisonKeys`).
public struct ComparisonDesign: Sendable, Hashable {
  /// Runs that agree in everything but the arm.
  public struct Block: Sendable, Hashable {
    /// What they agree in, in words.
    public let name: String
    /// Non-embedding parameters.
    public let size: Double
    /// For each arm, the places of its runs among all; more than one where runs are repeated.
    public let runs: [[Int]]
  }

  /// The key whose values are the arms.
  public let key: String
  /// The arms in order of their first run.
  public let arms: [String]
  /// Blocks in order of size, then of their first run.
  public let blocks: [Block]
  /// Labels with one value in each arm, not the same in all: confounded with it.
  public let following: [String]
  /// Labels that some arms lack and the others have one value of: settings of an arm's own.
  public let ownSettings: [String]
  /// Labels that the arm and other labels fix together.
  public let followingInPart: [String]
  /// Labels, beside size and seeds, in which the two runs of a pair agree.
  public let blocking: [String]
  /// Arms that have no pairs, for they share no value of a blocking label with any other arm.
  public let separations: [ArmSeparation]
  /// Ids of runs without the key.
  public let withoutKey: [String]
  /// Ids of runs of one arm that share a block, by block.
  public let repeated: [[String]]
  /// Whether the runs measure entropy or score in different ways.
  public let mixesDefinitions: Bool

  /// The sizes, ascending.
  public var sizes: [Double] {
    blocks.reduce(into: []) { sizes, block in
      if sizes.last?.bitPattern != block.size.bitPattern { sizes.append(block.size) }
    }
  }

  /// Sorts the runs.
  ///
  /// - Throws: `NoFit` where the key does not vary, naming the labels that do, and for seeds.
  public init(_ curves: [Curve], by key: String) throws(NoFit) {
    let used = curves.indices.filter { curves[$0].labels[key] != nil }
    let own = used.map { curves[$0] }
    arms = own.reduce(into: []) { arms, curve in
      if let arm = curve.labels[key], !arms.contains(arm) { arms.append(arm) }
    }
    guard arms.count > 1 else {
      throw ComparisonDesign.refusal(key, arm: arms.first, curves)
    }
    let keys = ComparisonKeys(own, key: key)
    mixesDefinitions = Set(own.compactMap(\.definition)).count > 1
    var order: [BlockKey] = []
    var runs: [BlockKey: [[Int]]] = [:]
    for index in used {
      let curve = curves[index]
      let block = BlockKey(
        curve, labels: keys.blocking, definition: mixesDefinitions ? curve.definition : nil)
      if runs[block] == nil { order.append(block) }
      let arm = arms.firstIndex { $0 == curve.labels[key] } ?? 0
      runs[block, default: Array(repeating: [], count: arms.count)][arm].append(index)
    }
    let blocks = order.map { block in
      Block(
        name: ComparisonDesign.name(block, keys.blocking),
        size: Double(bitPattern: block.size), runs: runs[block] ?? [])
    }
    self.blocks = blocks.indices.sorted {
      (ComparisonDesign.rank(blocks[$0].size), $0) < (ComparisonDesign.rank(blocks[$1].size), $1)
    }.map { blocks[$0] }
    self.key = key
    following = keys.following
    ownSettings = keys.ownSettings
    followingInPart = keys.followingInPart
    blocking = keys.blocking
    separations = keys.separations(own, key: key, arms: arms)
    withoutKey = curves.filter { $0.labels[key] == nil }.map(\.id)
    repeated = self.blocks.flatMap { $0.runs.filter { $0.count > 1 } }
      .map { $0.map { curves[$0].id } }
  }

  /// Sizes that are no number come last.
  private static func rank(_ size: Double) -> Double { size.isNaN ? .infinity : size }

  private static func name(_ block: BlockKey, _ labels: [String]) -> String {
    var parts: [String] = []
    if let seed = block.seed { parts.append("seed \(seed)") }
    if let seed = block.baseSeed { parts.append("base seed \(seed)") }
    for (label, value) in zip(labels, block.labels) {
      parts.append("\(label) \(value ?? "not set")")
    }
    return parts.isEmpty ? "no seed given" : parts.joined(separator: ", ")
  }

  private static func refusal(_ key: String, arm: String?, _ curves: [Curve]) -> NoFit {
    let labels = Set(curves.flatMap { Array($0.labels.keys) }).sorted()
    let varying = labels.filter { name in Set(curves.map { $0.labels[name] }).count > 1 }
    let known =
      varying.isEmpty
      ? "no key varies but size and seeds" : "these vary: \(listText(varying, limit: 8))"
    if let arm {
      let words =
        varying.contains(key)
        ? "'\(key)' is \(arm) in every run that has it, and the others have none"
        : "'\(key)' is \(arm) in every run"
      return NoFit("\(words); \(known)")
    }
    return NoFit("no run has a key '\(key)'; \(known)")
  }
}
