internal import ExpCore

/// What pruning could ever reach in a spec: points with others to be compared with, and looks at them.
struct PruneReach {
  private var armsByGroup: [JSONValue: Set<JSONValue>] = [:]
  private var canBeJudged = false

  /// Takes one point that is not held out.
  mutating func add(_ point: Resolution, _ prune: ExperimentSpec.Prune) {
    var arm = point.config
    arm[path: "seed"] = .null
    arm[path: "base.seed"] = .null
    let keys = ["task", "model"] + prune.within
    let group = JSONValue.array(keys.map { point.lookup($0) ?? .null })
    armsByGroup[group, default: []].insert(arm)
    if PruneReach.canBeJudged(point, prune) { canBeJudged = true }
  }

  /// Whether an evaluation before the last step comes late enough and has enough others before it.
  private static func canBeJudged(_ point: Resolution, _ prune: ExperimentSpec.Prune) -> Bool {
    guard let steps = point.config[path: "train.steps"]?.integer,
      let every = point.config[path: "evaluate.every"]?.integer, steps > 0, every > 0
    else { return true }
    // Step 0 is evaluated too.
    let last = (steps - 1) / every
    return last + 1 >= prune.points && Double(last * every) >= prune.after * Double(steps)
  }

  /// Why nothing can be pruned, and what would mend it; nil where something can, and without points.
  func reasonForNone(_ prune: ExperimentSpec.Prune) -> (String, String)? {
    guard !armsByGroup.isEmpty else { return nil }
    if armsByGroup.values.allSatisfy({ $0.count < 2 }) {
      let more = prune.within.isEmpty ? "" : ", \(prune.within.joined(separator: ", "))"
      return (
        "no two points of one model and task\(more) differ in anything but their seeds",
        "it compares settings such as train.algorithm at one size"
      )
    }
    guard !canBeJudged else { return nil }
    return (
      "no run has \(prune.points) evaluations, the last from "
        + "\((prune.after * 100).shortestText ?? "") % of its steps on, before its end",
      "lower 'points' or 'after', or evaluate more often"
    )
  }
}
