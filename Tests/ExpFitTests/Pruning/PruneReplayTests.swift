import ExpFit
import Glibc
import Testing

@Suite("the replay of a pruning rule")
struct PruneReplayTests {
  @Test("what was stopped, what it saved, and that it was right")
  func right() throws {
    let records = [record("good", 0.5, seconds: 10), record("bad", 0.4, seconds: 20)]
    let replay = try PruneReplay(PruneRule(after: 0.25), over: records)
    let verdict = try #require(replay.verdicts.first)
    #expect(replay.verdicts.count == 1)
    #expect(verdict.decision.arm == "bad")
    #expect(verdict.decision.step >= 40 && verdict.decision.step < 160)
    #expect(replay.totalSteps == 320)
    #expect(replay.savedSteps == 160 - verdict.decision.step)
    let saved = try #require(replay.savedCoreSeconds)
    #expect(abs(saved - 20 * Double(replay.savedSteps) / 160) < 1e-9)
    #expect(replay.totalCoreSeconds == 30)
    #expect(replay.wrongCount == 0 && replay.judgedCount == 1 && replay.ceilingRegret == 0)
    let lead = try #require(verdict.ceilingLead)
    #expect(abs(lead + 0.1) < 1e-9)
  }

  @Test("arms that would have turned out best are counted as errors, with their regret")
  func wrong() throws {
    // A reckless rule on arms that are equally good must be wrong now and then.
    let rule = PruneRule(level: 0.5, margin: 0, after: 0.15, points: 5)
    var noise = Noise(seed: 21)
    var wrongs = 0
    for _ in 0..<10 {
      let runs = (0..<3).map { arm in
        PruneRun(
          curve: curvedCurve("\(arm)", ceiling: 0.45, &noise), arm: "\(arm)", totalSteps: 160,
          isFinished: true)
      }
      let replay = try PruneReplay(rule, over: runs.map { .init(run: $0) })
      let ceilings = try runs.map { try LawFit($0.curve.points, level: 0.5).ceiling }
      let stopped = replay.verdicts.compactMap { Int($0.decision.arm) }
      let kept = (0..<3).filter { !stopped.contains($0) }
      let best = try #require(kept.map { ceilings[$0] }.max())
      #expect(replay.wrongCount == stopped.count { ceilings[$0] > best })
      #expect(replay.ceilingRegret == stopped.map { max(0, ceilings[$0] - best) }.max() ?? 0)
      #expect(replay.closeCount == replay.wrongCount)
      #expect(replay.totalCoreSeconds == nil && replay.savedCoreSeconds == nil)
      wrongs += replay.wrongCount
    }
    #expect(wrongs > 0)
  }

  @Test("a single arm, a stricter rule, and no runs at all stop nothing")
  func nothing() throws {
    #expect(try PruneReplay(PruneRule(), over: []).groupCount == 0)
    #expect(try PruneReplay(PruneRule(), over: [record("only", 0.5)]).armCount == 0)
    let pair = [record("good", 0.5), record("bad", 0.4)]
    #expect(try PruneReplay(PruneRule(margin: 0.2), over: pair).verdicts.isEmpty)
    #expect(throws: NoFit.self) { try PruneReplay(PruneRule(points: 0), over: pair) }
  }

  @Test("an arm that measured nothing does not hide what the best kept arm scored")
  func unmeasured() throws {
    var empty = record("none", 0)
    empty.run.curve = Curve(id: "none", modelParams: 1e5, definition: "d", points: [])
    let replay = try PruneReplay(
      PruneRule(after: 0.2), over: [empty, record("good", 0.5), record("bad", 0.4)])
    #expect(replay.verdicts.map(\.decision.arm) == ["bad"])
    let good = try PruneReplay(
      PruneRule(after: 0.2), over: [record("good", 0.5), record("bad", 0.4)])
    #expect(replay.verdicts.first?.bestKeptScore == good.verdicts.first?.bestKeptScore)
  }

  @Test("several rules at once give what each gives alone")
  func grid() throws {
    let records = [record("a", 0.5), record("b", 0.46), record("c", 0.4)]
    let rules = [
      PruneRule(), PruneRule(level: 0.9, margin: 0, after: 0.15),
      PruneRule(level: 0.9, margin: 0.05),
    ]
    let together = try PruneReplay.all(rules, over: records)
    for (rule, replay) in zip(rules, together) {
      #expect(try PruneReplay(rule, over: records) == replay)
    }
  }

  @Test("at the default settings arms that are equally good are rarely stopped")
  func equalArms() throws {
    var noise = Noise(seed: 11)
    var falseStops = 0
    for _ in 0..<60 {
      let records = (0..<4).map { arm in
        PruneReplay.Record(
          run: PruneRun(
            curve: curvedCurve("\(arm)", ceiling: 0.45, &noise), arm: "\(arm)", totalSteps: 160,
            isFinished: true))
      }
      if try !PruneReplay(PruneRule(), over: records).verdicts.isEmpty { falseStops += 1 }
    }
    #expect(falseStops <= 6)
  }

  @Test("at the default settings differences of several points are found early")
  func unequalArms() throws {
    var noise = Noise(seed: 12)
    var (saved, total, wrong) = (0, 0, 0)
    for _ in 0..<20 {
      let records = [0.45, 0.45, 0.38, 0.36].enumerated().map { arm, ceiling in
        PruneReplay.Record(
          run: PruneRun(
            curve: curvedCurve("\(arm)", ceiling: ceiling, &noise), arm: "\(arm)", totalSteps: 160,
            isFinished: true))
      }
      let replay = try PruneReplay(PruneRule(), over: records)
      saved += replay.savedSteps
      total += replay.totalSteps
      wrong += replay.wrongCount
    }
    #expect(wrong == 0)
    #expect(5 * saved > total)
  }

  @Test(
    "Wilson's interval equals that of statsmodels",
    arguments: [
      (0, 3, 0.0, 0.561497), (1, 10, 0.017876, 0.404150), (5, 10, 0.236593, 0.763407),
      (10, 10, 0.722467, 1.0),
    ])
  func wilson(_ successes: Int, _ trials: Int, _ low: Double, _ high: Double) throws {
    let interval = try #require(Interval.wilson(successes: successes, trials: trials))
    #expect(abs(interval.low - low) < 1e-6 && abs(interval.high - high) < 1e-6)
    #expect(Interval.wilson(successes: 0, trials: 0) == nil)
  }

  private func record(_ arm: String, _ ceiling: Double, seconds: Double? = nil)
    -> PruneReplay.Record
  {
    PruneReplay.Record(
      run: pruneRun(arm, ceiling: ceiling, upTo: 160, isFinished: true), coreSeconds: seconds)
  }

  /// A run whose curve steepens as entropy falls, so that early fits predict too low a ceiling, at a
  /// speed of its own, with AR(1) errors of correlation 0.5.
  private func curvedCurve(_ id: String, ceiling: Double, _ noise: inout Noise) -> Curve {
    let seedCeiling = ceiling + 0.004 * noise.normal()
    let tau = 60 * exp(0.3 * noise.normal())
    var error = noise.normal()
    let points = (0..<41).map { index -> CurvePoint in
      if index > 0 { error = 0.5 * error + 0.75.squareRoot() * noise.normal() }
      let entropy = 0.12 + 0.55 * exp(-Double(4 * index) / tau) + 0.003 * noise.normal()
      let drop = 0.15 * (exp(entropy) - 1) + 0.225 * entropy
      return CurvePoint(
        step: 4 * index, entropy: entropy, score: seedCeiling - drop + 0.006 * error)
    }
    return Curve(id: id, modelParams: 1e5, definition: "d", points: points)
  }
}
