internal import ExpCore
internal import ExpReport
internal import ExpSpec
internal import ExpStore
internal import TrainerProtocol

/// What pruning saved in a sweep, from its run folders.
struct PruneSummary {
  /// Pruned runs.
  private(set) var runs = 0
  /// Steps that they did not make.
  private(set) var savedSteps = 0
  /// Steps of all runs together.
  private(set) var totalSteps = 0
  /// Core-seconds of the steps not made, at the pace of the finished runs of the same size; nil where none finished.
  private(set) var savedCoreSeconds: Double?

  init(_ plan: SweepRecord, cores: Int, paths: RunPaths) throws {
    var paces: [String: (seconds: Double, steps: Int)] = [:]
    var missing: [(size: String, steps: Int)] = []
    for point in plan.points {
      let steps = point.config[path: "train.steps"]?.integer ?? 0
      let size = (point.config[path: "model"] ?? .null).canonicalJSON
      totalSteps += steps
      let folder = paths.run(point.run)
      let status = RunStatus.read(folder)
      if status.state == .pruned {
        runs += 1
        // Where it can go on from: what follows the newest checkpoint would be made again.
        let done =
          status.attempts.contains { $0.pid != nil }
          ? try RunLog.read(folder.events).checkpointStep ?? 0 : 0
        missing.append((size, max(0, steps - done)))
      } else if let result = status.result, status.state == .succeeded {
        let known = paces[size] ?? (0, 0)
        paces[size] = (known.seconds + result.wallSeconds, known.steps + result.steps)
      }
    }
    savedSteps = missing.reduce(0) { $0 + $1.steps }
    var seconds = 0.0
    for (size, steps) in missing {
      guard let pace = paces[size], pace.steps > 0 else { return }
      seconds += pace.seconds / Double(pace.steps) * Double(steps) * Double(cores)
    }
    savedCoreSeconds = seconds
  }

  /// One sentence; nil where nothing was pruned.
  var words: String? {
    guard runs > 0 else { return nil }
    let share = totalSteps > 0 ? Double(savedSteps) / Double(totalSteps) * 100 : 0
    var words =
      "\(runs == 1 ? "1 run was" : "\(runs) runs were") pruned, which saved \(savedSteps) of \(totalSteps) steps "
      + "(\(NumberText.fixed(share, decimals: 0)) %)"
    if let savedCoreSeconds {
      words += ", about \(NumberText.duration(seconds: savedCoreSeconds)) of one core"
    }
    return words + "; '--rerun pruned' carries them on"
  }
}
