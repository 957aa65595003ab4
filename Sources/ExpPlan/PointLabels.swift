internal import ExpCore

/// What a label is made for: a point or a base policy.
protocol Labelled {
  /// The configuration, or the part of it that matters.
  var labelledConfig: JSONValue { get }
  /// What identifies it.
  var configHash: ContentHash { get }
  /// The name of its size.
  var sizeLabel: String { get }
  /// A small number, the same for things that differ in their seed alone.
  var group: Int { get }
  /// The configuration's seed, where it has one.
  var labelledSeed: JSONValue? { get }
}

extension PlannedPoint: Labelled {
  var labelledConfig: JSONValue { config }
  var group: Int { family.number }
  var labelledSeed: JSONValue? { seedValue }
}

extension PlannedBase: Labelled {
  var labelledConfig: JSONValue { config }
  var group: Int { points.first ?? 0 }
  var labelledSeed: JSONValue? { nil }
}

/// Names things by the settings in which they differ, in an order that does not depend on the axes'.
struct PointLabels {
  /// The paths that were set, the ones that say most in front, the seeds last.
  private let paths: [String]

  private static let first = [
    "task.name", "model.size", "train.algorithm", "train.entropy_control",
    "train.entropy_control.method",
  ]
  private static let last = ["base.seed", "seed"]
  /// Whole sections that an axis may set, and what is read of them.
  private static let sections: [String: [String]] = [
    "model": ["model.size", "model.tied_embeddings", "model.qkv_bias"]
  ]

  /// Takes the paths that axes and inclusions set.
  init(paths: [String]) {
    let expanded = paths.flatMap { PointLabels.sections[$0] ?? [$0] }
    self.paths = Set(expanded).sorted { PointLabels.rank($0) < PointLabels.rank($1) }
  }

  private static func rank(_ path: String) -> (Int, String) {
    if let place = first.firstIndex(of: path) { return (place - first.count, path) }
    if let place = last.firstIndex(of: path) { return (place + 1, path) }
    return (0, path)
  }

  /// Returns one label each, all different.
  ///
  /// Whatever differs in its seed alone is looked at once, and the seed, which comes last, set behind it.
  func labels<Item: Labelled>(of items: [Item]) -> [String] {
    var places = [Int](repeating: -1, count: (items.lazy.map(\.group).max() ?? -1) + 1)
    var representatives: [Item] = []
    for item in items where places[item.group] < 0 {
      places[item.group] = representatives.count
      representatives.append(item)
    }
    let beginnings = beginnings(of: representatives)
    let seeds = paths.last == "seed" ? items.map(\.labelledSeed) : []
    let seedsDiffer = seeds.contains { $0 != seeds[0] }
    let labels = items.indices.map { index in
      let beginning = beginnings[places[items[index].group]]
      guard seedsDiffer, let seed = seeds[index] else {
        return beginning.isEmpty ? plainLabel(items[index]) : beginning
      }
      return (beginning.isEmpty ? "s" : beginning + " s") + seed.canonicalJSON
    }
    if Set(beginnings).count == beginnings.count { return labels }
    let counts = Dictionary(labels.map { ($0, 1) }, uniquingKeysWith: +)
    // What no path tells apart (two shapes of one size, say) is told apart by its hash.
    return zip(items, labels).map { item, label in
      counts[label, default: 0] > 1 ? "\(label) #\(item.configHash.hex.prefix(8))" : label
    }
  }

  /// What stands before the seed: the settings in which things differ.
  private func beginnings(of items: [some Labelled]) -> [String] {
    var parts = [[String]](repeating: [], count: items.count)
    let columns = paths.filter { $0 != "seed" }.compactMap {
      path -> (path: String, values: [JSONValue?])? in
      let values = items.map { value(path, $0) }
      return Set(values).count > 1 ? (path, values) : nil
    }
    let endings = columns.map { PointLabels.lastName($0.path) }
    for column in columns {
      let ending = PointLabels.lastName(column.path)
      let isShared = endings.count { $0 == ending } > 1
      let texts = ValueTexts(
        path: column.path, name: isShared ? column.path : ending, values: Set(column.values))
      for index in items.indices {
        if let text = texts.text(of: column.values[index]) { parts[index].append(text) }
      }
    }
    return parts.map { $0.joined(separator: " ") }
  }

  private func value(_ path: String, _ item: some Labelled) -> JSONValue? {
    path == "model.size" ? .string(item.sizeLabel) : item.labelledConfig[path: path]
  }

  /// The label of something that differs in nothing.
  private func plainLabel(_ item: some Labelled) -> String {
    let config = item.labelledConfig
    let algorithm = config[path: "train.algorithm"]?.string
    let seed = config[path: "seed"]?.integer
    return ([item.sizeLabel, algorithm] + [seed.map { "s\($0)" }]).compactMap { $0 }
      .joined(separator: " ")
  }

  private static func lastName(_ path: String) -> String {
    String(path.split(separator: ".").last ?? "")
  }
}

/// The short texts of one setting's values, different for different values.
private struct ValueTexts {
  private var texts: [JSONValue: String] = [:]

  init(path: String, name: String, values: Set<JSONValue?>) {
    let values = values.compactMap { $0 }
    switch path {
    case "model.size", "task.name", "train.algorithm", "train.entropy_control.method":
      for value in values { texts[value] = value.string ?? value.canonicalJSON }
    case "base.seed":
      for value in values { texts[value] = "b\(value.canonicalJSON)" }
    case "train.entropy_control":
      texts = ValueTexts.controls(values)
    default:
      for value in values { texts[value] = "\(name)=\(value.string ?? value.canonicalJSON)" }
    }
  }

  func text(of value: JSONValue?) -> String? { value.flatMap { texts[$0] } }

  /// The method, with those of its settings in which the values of this method differ.
  private static func controls(_ values: [JSONValue]) -> [JSONValue: String] {
    var texts: [JSONValue: String] = [:]
    let methods = Dictionary(grouping: values) { $0.object?["method"]?.string ?? $0.canonicalJSON }
    for (method, alike) in methods {
      let keys = Set(alike.flatMap { ($0.object ?? [:]).keys }).sorted()
      let differing = keys.filter { key in Set(alike.map { $0.object?[key] }).count > 1 }
      for value in alike {
        let settings = differing.compactMap { key in
          (value.object?[key]).map { "\(key)=\($0.string ?? $0.canonicalJSON)" }
        }
        let detail = settings.isEmpty ? "" : "(\(settings.joined(separator: ",")))"
        texts[value] = method + detail
      }
    }
    return texts
  }
}
