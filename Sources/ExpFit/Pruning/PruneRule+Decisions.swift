extension PruneRule {
  /// How far from its data an arm's ceiling may be read off for it to stop others, in spans of the
  /// data in exp(H).
  ///
  /// Slow learners have steep lines over a short span, and ceilings that are all extrapolation: at
  /// a learning rate too low, one such arm stopped the best one of a sweep.
  public static let furthestCeiling = 2.0

  /// Judges all runs of a sweep by what they have measured so far.
  ///
  /// An arm is compared with the others at its own step: with what they had measured by then, for
  /// early fits err in the same direction, and with all they have measured since, whichever bound is
  /// lower. Held-out runs take no part. A run whose guards say that the law does not hold or is not
  /// identified gives its arm no bound, so the arm is neither stopped nor the reason to stop others;
  /// nor is an arm the reason whose ceiling lies too far from its data (`furthestCeiling`).
  /// Arms of which every run is finished are not named.
  /// - Parameter runs: Every planned run, those not begun included, in the sweep's order.
  /// - Returns: The arms to stop, in the order of their first run; none where a setting of the rule
  ///   cannot be used.
  public func decisions(_ runs: [PruneRun]) -> [PruneDecision] {
    // try?: why a setting cannot be used is for `check` to say.
    guard (try? check()) != nil else { return [] }
    return PruneRule.groups(of: runs).flatMap { members in
      var fits = PruneFits(level: level)
      return PruneLook(self, members.map { runs[$0] }).decisions(&fits)
    }
  }

  /// The runs that may be compared with one another, by their place, in the order of their first.
  static func groups(of runs: [PruneRun]) -> [[Int]] {
    struct Key: Hashable {
      let group: String
      let modelParams: UInt64
      let definition: String
    }
    var keys: [Key] = []
    var members: [Key: [Int]] = [:]
    // A run without a definition has not measured anything yet, or says nothing of how: its
    // definition is that of the runs beside it.
    var defined: [String: Set<String>] = [:]
    for run in runs {
      if let definition = run.curve.definition {
        defined[run.group, default: []].insert(definition)
      }
    }
    for (index, run) in runs.enumerated() where !run.curve.isHeldOut {
      let known = defined[run.group] ?? []
      let key = Key(
        group: run.group, modelParams: run.curve.modelParams.bitPattern,
        definition: run.curve.definition ?? (known.count == 1 ? known.first ?? "" : ""))
      if members[key] == nil { keys.append(key) }
      members[key, default: []].append(index)
    }
    return keys.map { members[$0] ?? [] }
  }
}

extension PruneLook {
  /// The arms to stop at this look.
  func decisions(_ fits: inout PruneFits) -> [PruneDecision] {
    guard arms.count > 1 else { return [] }
    let now = bounds(upTo: nil, &fits)
    var earlier: [Int: [PruneBounds?]] = [:]
    var decisions: [PruneDecision] = []
    for (index, arm) in arms.enumerated() {
      let open = arm.members.filter { !runs[$0].isFinished }
      guard !open.isEmpty, let own = now[index], let step = step(of: arm) else { continue }
      let then = earlier[step] ?? bounds(upTo: step, &fits)
      earlier[step] = then
      guard let best = best(of: arms.indices.filter { $0 != index }, now, then),
        own.interval.high < best.bounds.interval.low - rule.margin
      else { continue }
      decisions.append(
        PruneDecision(
          runs: open.map { runs[$0].curve.id }, arm: arm.name,
          modelParams: runs[open[0]].curve.modelParams, step: step, bounds: own,
          rival: arms[best.arm].name, rivalBounds: best.bounds,
          reason: reason(own, arms[best.arm].name, best.bounds, step)))
    }
    return decisions
  }

  /// The arm with the highest lower bound, each by the lower of its two.
  ///
  /// An arm whose ceiling is read off further from its data than `PruneRule.furthestCeiling` spans is
  /// no reason to stop others: it has not come far enough to show what it can do.
  private func best(
    of others: [Int], _ now: [PruneBounds?], _ then: [PruneBounds?]
  ) -> (arm: Int, bounds: PruneBounds)? {
    var best: (arm: Int, bounds: PruneBounds)?
    for index in others {
      guard let all = now[index], let same = then[index],
        all.extrapolation <= PruneRule.furthestCeiling
      else { continue }
      let bounds = same.interval.low <= all.interval.low ? same : all
      if bounds.interval.low > best?.bounds.interval.low ?? -.infinity { best = (index, bounds) }
    }
    return best
  }

  private func reason(
    _ own: PruneBounds, _ rival: String, _ best: PruneBounds, _ step: Int
  ) -> String {
    let percent = shortText(rule.level * 100, digits: 4)
    return
      "at step \(step) its predicted ceiling is \(text(own)) at \(percent) %, below that of "
      + "'\(rival)', \(text(best)), by more than the margin of \(shortText(rule.margin))"
  }

  private func text(_ bounds: PruneBounds) -> String {
    func number(_ value: Double) -> String { shortText(value, digits: 3) }
    return "\(number(bounds.ceiling)) [\(number(bounds.interval.low)), "
      + "\(number(bounds.interval.high))]"
  }
}
