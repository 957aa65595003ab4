internal import ExpCore
internal import ExpFit
internal import ExpStore

/// Which runs of a sweep are one arm, and which arms are compared.
///
/// An arm is what agrees in everything but `seed` and `base.seed`; arms are compared where they agree in the model,
/// the task, and in the further keys that `within` names.
struct PrunePlan {
  /// One run with its place among the others.
  struct Entry {
    let point: SweepRecord.Point
    let arm: String
    let group: String
    let totalSteps: Int
  }

  /// Every planned run, in the sweep's order.
  let entries: [Entry]

  init(_ record: SweepRecord, within: [String]) {
    let keys = record.points.map { point -> String in
      var config = point.config
      config[path: "seed"] = .null
      config[path: "base.seed"] = .null
      return config.canonicalJSON
    }
    let names = PrunePlan.names(of: keys, labels: record.points.map(\.label))
    entries = zip(record.points, keys).map { point, key in
      Entry(
        point: point, arm: names[key] ?? point.label,
        group: PrunePlan.group(of: point.config, within: within),
        totalSteps: point.config[path: "train.steps"]?.integer ?? 0)
    }
  }

  private static func group(of config: JSONValue, within: [String]) -> String {
    (["task", "model"] + within.sorted())
      .map { "\($0)=\((config[path: $0] ?? .null).canonicalJSON)" }.joined(separator: " ")
  }

  /// A name for each arm: the words that the labels of its runs share, told apart by a number where they must be.
  private static func names(of keys: [String], labels: [String]) -> [String: String] {
    var order: [String] = []
    var shared: [String: [Substring]] = [:]
    for (key, label) in zip(keys, labels) {
      let words = label.split(separator: " ")
      guard let known = shared[key] else {
        order.append(key)
        shared[key] = words
        continue
      }
      shared[key] = zip(known, words).prefix { $0 == $1 }.map(\.0)
    }
    var uses: [String: Int] = [:]
    var names: [String: String] = [:]
    for (index, key) in order.enumerated() {
      let words = (shared[key] ?? []).joined(separator: " ")
      let name = words.isEmpty ? "arm \(index + 1)" : words
      uses[name, default: 0] += 1
      let count = uses[name, default: 1]
      names[key] = count == 1 ? name : "\(name) (\(count))"
    }
    return names
  }
}
