internal import ExpCore
internal import ExpFit
internal import ExpSchedule
internal import ExpSpec
internal import ExpStore
internal import TrainerProtocol

/// Reads the curves of a sweep as they grow and says which runs the spec's `prune:` rule stops.
///
/// All it knows is in the run folders, so a sweep that is started again comes to the same advice.
final class PruneAdviser: PruneAdvisor {
  /// The longest it reads at one time; what is left waits for the next.
  private static let patience: Duration = .milliseconds(50)
  /// The same for the first time, when nothing runs yet and what is known may keep runs from starting.
  private static let firstPatience: Duration = .seconds(5)

  private let rule: PruneRule
  private let entries: [PrunePlan.Entry]
  private var curves: [GrowingCurve]
  /// Runs that are never advised against.
  private let exempt: Set<RunID>
  /// Whether runs that have not begun start over, so that what an earlier life measured says nothing.
  private let startsOver: Bool
  private var states: [RunState?]
  private var groups: [String: [Int]] = [:]
  private var changed: Set<String> = []
  private var standing: [String: [PruneAdvice]] = [:]
  private var hasRead = false
  /// Where the next reading begins, so that every run has its turn.
  private var next = 0

  /// Makes an adviser for the runs of a plan.
  ///
  /// - Parameters:
  ///   - prune: The rule.
  ///   - plan: The sweep.
  ///   - paths: Where its runs are.
  ///   - rerun: What of an earlier sweep is run again.
  ///   - exempt: Runs that are to be left alone.
  init(
    _ prune: ExperimentSpec.Prune, plan: SweepRecord, paths: RunPaths,
    rerun: SweepSettings.Rerun, exempt: Set<RunID>
  ) {
    rule = PruneRule(prune)
    entries = PrunePlan(plan, within: prune.within).entries
    curves = entries.map { GrowingCurve(paths.run($0.point.run).events) }
    states = entries.map { _ in nil }
    self.exempt = exempt
    startsOver = rerun == .all
    for (index, entry) in entries.enumerated() where !entry.point.heldOut {
      groups[entry.group, default: []].append(index)
    }
  }

  func advice(state: (RunID) -> RunState?) -> [PruneAdvice] {
    read(state)
    for group in changed.sorted() { standing[group] = judge(groups[group] ?? []) }
    changed = []
    return standing.keys.sorted().flatMap { standing[$0] ?? [] }
  }

  /// Takes in what is new, of the runs that can have anything.
  private func read(_ state: (RunID) -> RunState?) {
    let patience = hasRead ? PruneAdviser.patience : PruneAdviser.firstPatience
    hasRead = true
    let deadline = ContinuousClock.now + patience
    let start = next
    for offset in entries.indices {
      let index = (start + offset) % entries.count
      next = (index + 1) % entries.count
      let entry = entries[index]
      guard !entry.point.heldOut else { continue }
      let now = state(entry.point.run)
      let isNew = states[index] != now
      if isNew { changed.insert(entry.group) }
      guard isNew || now == .running || !curves[index].isAtEnd else { continue }
      states[index] = now
      if startsOver, now == .pending { continue }
      while !curves[index].readOn(), ContinuousClock.now < deadline {}
      if curves[index].takeChange() { changed.insert(entry.group) }
      if ContinuousClock.now >= deadline { return }
    }
  }

  /// The advice for one group; what is finished, pruned or failed for good is not advised about again.
  private func judge(_ members: [Int]) -> [PruneAdvice] {
    let judged = members.filter { ![.failed, .timedOut, .lost].contains(states[$0]) }
    let runs = judged.map { index in
      let entry = entries[index]
      let points = curves[index].points
      let curve = Curve(
        id: entry.point.run.text,
        modelParams: entry.point.config[path: "model.params"]?.number ?? .nan, points: points)
      // After the last evaluation only the final record is missing: stopping would save nothing.
      let isMeasured = points.last.map { $0.step >= entry.totalSteps } ?? false
      return PruneRun(
        curve: curve, arm: entry.arm, group: entry.group, totalSteps: entry.totalSteps,
        isFinished: isMeasured || states[index] == .succeeded)
    }
    let open = Set(
      judged.filter { [.pending, .running].contains(states[$0]) }.map { entries[$0].point.run })
    return rule.decisions(runs).flatMap { decision in
      decision.runs.compactMap(RunID.init(text:)).filter {
        open.contains($0) && !exempt.contains($0)
      }
      .map { PruneAdvice(run: $0, reason: decision.reason) }
    }
  }
}

/// The law's H and R of a run, read from its events: what is there at first in one go, then what is appended.
private struct GrowingCurve {
  private let path: String
  private var tail: EventTail?
  private var byStep: [Int: (entropy: Double?, score: Double?)] = [:]
  private var hasChanged = false
  /// Whether all that was there has been read.
  private(set) var isAtEnd = false

  init(_ path: String) { self.path = path }

  /// The evaluations so far, in order of the step.
  var points: [CurvePoint] {
    byStep.keys.sorted().compactMap { step in
      guard let entropy = byStep[step]?.entropy, let score = byStep[step]?.score else { return nil }
      return CurvePoint(step: step, entropy: entropy, score: score)
    }
  }

  /// Reads a piece; returns whether nothing is left.
  mutating func readOn() -> Bool {
    guard tail != nil else {
      readFirst()
      return isAtEnd
    }
    var (byStep, hasChanged) = (byStep, hasChanged)
    let marks = ["\"attempt\"", "\"\(MetricName.valScore)\"", "\"\(MetricName.entropy)\""]
    isAtEnd =
      tail?.read(only: marks) { event in
        switch event {
        case .attempt(let facts):
          // Later values of earlier attempts are void.
          byStep = byStep.filter { $0.key <= facts.resumeStep }
          hasChanged = true
        case .metrics(let step, _, let values):
          let entropy = values[MetricName.entropy]
          let score = values[MetricName.valScore]
          guard entropy != nil || score != nil else { return }
          let known = byStep[step]
          byStep[step] = (entropy ?? known?.entropy, score ?? known?.score)
          hasChanged = true
        default: break
        }
      } ?? true
    (self.byStep, self.hasChanged) = (byStep, hasChanged)
    return isAtEnd
  }

  /// The log's own reader takes a whole file much faster than its events one by one.
  private mutating func readFirst() {
    isAtEnd = true
    // try?: a log that cannot be read now is tried again with the next change.
    guard let log = try? RunLog.read(path) else { return }
    let table = log.table
    for point in table.points(of: MetricName.entropy) {
      byStep[point.step] = (point.value, nil)
    }
    for point in table.points(of: MetricName.valScore) {
      byStep[point.step] = (byStep[point.step]?.entropy, point.value)
    }
    hasChanged = !byStep.isEmpty
    tail = EventTail(path: path, from: log.consumedBytes)
  }

  /// Whether anything came since the last question.
  mutating func takeChange() -> Bool {
    defer { hasChanged = false }
    return hasChanged
  }
}

extension PruneRule {
  /// The rule that a spec asks for.
  init(_ prune: ExperimentSpec.Prune) {
    self.init(
      level: prune.level, margin: prune.margin, after: prune.after, points: prune.points)
  }
}
