/// The replay of one group.
struct GroupReplay {
  let armCount: Int
  let totalSteps: Int
  let totalCoreSeconds: Double?
  let verdicts: [PruneReplay.Verdict]
  /// Arms that are never judged, because in one of their runs no law is found to hold.
  let unjudged: [String]

  init(_ rule: PruneRule, _ records: [PruneReplay.Record], _ fits: inout PruneFits) {
    let whole = PruneLook(rule, records.map(\.run))
    armCount = whole.arms.count
    totalSteps = records.reduce(0) { $0 + $1.run.totalSteps }
    totalCoreSeconds = PruneReplay.sum(records.map(\.coreSeconds))
    let decisions = GroupReplay.course(whole, &fits)
    var finals: [PruneReplay.Final] = []
    for arm in whole.arms { finals.append(GroupReplay.final(of: arm, whole, &fits)) }
    unjudged = zip(whole.arms, finals).filter { $1.ceiling == nil }.map(\.0.name)
    let stopped = Set(decisions.map(\.arm))
    let kept = whole.arms.indices.filter { !stopped.contains(whole.arms[$0].name) }
    let bestCeiling = kept.compactMap { finals[$0].ceiling }.max()
    let bestScore = kept.map { finals[$0].score }.filter(\.isFinite).max() ?? .nan
    verdicts = decisions.compactMap { decision in
      guard let index = whole.arms.firstIndex(where: { $0.name == decision.arm }) else {
        return nil
      }
      let members = whole.arms[index].members.map { records[$0] }
      return PruneReplay.Verdict(
        decision: decision, final: finals[index], bestKeptCeiling: bestCeiling,
        bestKeptScore: bestScore,
        savedSteps: members.reduce(0) { $0 + max(0, $1.run.totalSteps - decision.step) },
        savedCoreSeconds: PruneReplay.sum(
          members.map { $0.share(after: decision.step) }))
    }
  }

  /// Every look in the order of the steps, without what was stopped before.
  private static func course(_ whole: PruneLook, _ fits: inout PruneFits) -> [PruneDecision] {
    let steps = Set(whole.points.joined().map(\.step)).sorted()
    var kept = Array(whole.runs.indices)
    var decisions: [PruneDecision] = []
    for step in steps {
      let runs = kept.map { index -> PruneRun in
        var run = whole.runs[index]
        run.curve = run.curve.upTo(step)
        run.isFinished = step >= run.totalSteps
        return run
      }
      // The last evaluation comes with the end of the run: nothing is left to stop.
      let look = PruneLook(whole.rule, runs)
      let found = fits.remapped(kept) { look.decisions(&$0) }
      guard !found.isEmpty else { continue }
      decisions += found
      let stopped = Set(found.map(\.arm))
      kept.removeAll { stopped.contains(whole.runs[$0].arm) }
    }
    return decisions
  }

  private static func final(
    of arm: PruneLook.Arm, _ whole: PruneLook, _ fits: inout PruneFits
  ) -> PruneReplay.Final {
    var ceilings: [Double] = []
    var scores: [Double] = []
    for index in arm.members where !whole.points[index].isEmpty {
      let points = whole.points[index]
      let last = points.suffix(3)
      scores.append(last.reduce(0) { $0 + $1.score } / Double(last.count))
      if case .ceiling(let value, _, _, _) = fits.fit(run: index, points, count: points.count) {
        ceilings.append(value)
      }
    }
    func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(values.count) }
    return PruneReplay.Final(
      ceiling: ceilings.count == arm.members.count ? mean(ceilings) : nil,
      score: scores.isEmpty ? .nan : mean(scores))
  }
}

extension PruneReplay.Record {
  /// The core-seconds of the steps after one.
  fileprivate func share(after step: Int) -> Double? {
    guard run.totalSteps > 0 else { return coreSeconds }
    let left = max(0, run.totalSteps - step)
    return coreSeconds.map { $0 * Double(left) / Double(run.totalSteps) }
  }
}

extension Curve {
  /// The curve as it was when this step had been evaluated.
  fileprivate func upTo(_ step: Int) -> Curve {
    Curve(
      id: id, modelParams: modelParams, seed: seed, baseSeed: baseSeed, labels: labels,
      definition: definition, promptCount: promptCount, isHeldOut: isHeldOut,
      points: points.filter { $0.step <= step })
  }
}
