import ExpFit
import Glibc
import Testing

@Suite("the pruning rule")
struct PruneRuleTests {
  @Test(
    "an arm whose upper bound is below another's lower bound by more than the margin is stopped")
  func stopsTheWorse() throws {
    let rule = PruneRule(level: 0.95, margin: 0.02, after: 0.25, points: 8)
    let runs = [
      pruneRun("good", ceiling: 0.5, upTo: 60), pruneRun("bad", ceiling: 0.4, upTo: 60),
      pruneRun("near", ceiling: 0.495, upTo: 60),
    ]
    let decision = try #require(rule.decisions(runs).first)
    #expect(rule.decisions(runs).count == 1)
    #expect(decision.runs == ["bad"])
    #expect(decision.step == 60)
    #expect(decision.rival == "good")
    #expect(decision.bounds.interval.high < decision.rivalBounds.interval.low - 0.02)
    #expect(
      decision.reason.hasPrefix("at step 60 its predicted ceiling is 0.")
        && decision.reason.hasSuffix("], by more than the margin of 0.02"))
  }

  @Test("the gap must exceed the margin")
  func margin() {
    let runs = [
      pruneRun("good", ceiling: 0.5, upTo: 60), pruneRun("bad", ceiling: 0.4, upTo: 60),
    ]
    #expect(PruneRule(margin: 0.12).decisions(runs).isEmpty)
    #expect(PruneRule(margin: 0.05).decisions(runs).count == 1)
  }

  @Test("nothing is judged before its share of steps or its least count of evaluations")
  func firstLook() {
    let good = pruneRun("good", ceiling: 0.5, upTo: 160)
    let bad = pruneRun("bad", ceiling: 0.4, upTo: 36)
    #expect(PruneRule(after: 0.25, points: 8).decisions([good, bad]).isEmpty)
    #expect(PruneRule(after: 0.2, points: 11).decisions([good, bad]).isEmpty)
    #expect(PruneRule(after: 0.2, points: 10).decisions([good, bad]).count == 1)
  }

  @Test("runs of another size, task or definition, and held-out ones, are never compared")
  func groups() {
    let rule = PruneRule(after: 0.2)
    let good = pruneRun("good", ceiling: 0.5, upTo: 60)
    #expect(rule.decisions([good, pruneRun("bad", ceiling: 0.3, upTo: 60, params: 2e5)]).isEmpty)
    #expect(rule.decisions([good, pruneRun("bad", ceiling: 0.3, upTo: 60, group: "prog")]).isEmpty)
    var other = pruneRun("bad", ceiling: 0.3, upTo: 60)
    other.curve.definition = "another"
    #expect(rule.decisions([good, other]).isEmpty)
    var heldOut = pruneRun("bad", ceiling: 0.3, upTo: 60)
    heldOut.curve.isHeldOut = true
    #expect(rule.decisions([good, heldOut]).isEmpty)
    heldOut = good
    heldOut.curve.isHeldOut = true
    #expect(rule.decisions([heldOut, pruneRun("bad", ceiling: 0.3, upTo: 60)]).isEmpty)
  }

  @Test("a slow learner whose ceiling lies far from its data stops nobody")
  func farCeiling() {
    func run(_ id: String, from start: Double, to end: Double, ceiling: Double) -> PruneRun {
      let points = (0...40).map { index -> CurvePoint in
        let entropy = start + (end - start) * Double(index) / 40
        let wave = 0.001 * (index % 2 == 0 ? 1.0 : -1.0)
        return CurvePoint(
          step: 4 * index, entropy: entropy,
          score: ceiling - 0.2 * (exp(entropy) - 1) + wave)
      }
      return PruneRun(
        curve: Curve(id: id, modelParams: 1e5, points: points), arm: id, totalSteps: 160,
        isFinished: id == "far")
    }
    let good = run("good", from: 1, to: 0.4, ceiling: 0.4)
    // exp(H) goes from 2.72 to 2.46, so the ceiling lies 5.6 spans away; at 1.65 it would be 0.6.
    #expect(PruneRule().decisions([good, run("far", from: 1, to: 0.9, ceiling: 0.5)]).isEmpty)
    #expect(PruneRule().decisions([good, run("far", from: 1, to: 0.5, ceiling: 0.5)]).count == 1)
  }

  @Test("a run that contradicts the law neither stops nor is stopped")
  func guards() {
    let rule = PruneRule(after: 0.2)
    let rising = pruneRun("rising", ceiling: 0.2, slope: -0.3, upTo: 60)
    let bad = pruneRun("bad", ceiling: 0.3, upTo: 60)
    #expect(rule.decisions([rising, pruneRun("good", ceiling: 0.9, upTo: 60)]).isEmpty)
    let high = pruneRun("high", ceiling: 0.9, slope: -0.3, upTo: 60)
    #expect(rule.decisions([high, bad]).isEmpty)
  }

  @Test("an arm is stopped as a whole, by at least two of its seeds, those not begun included")
  func arms() throws {
    let rule = PruneRule(after: 0.2)
    let good = pruneRun("good", ceiling: 0.5, upTo: 160, isFinished: true)
    var seeds = (0..<3).map { seed in
      pruneRun("bad", ceiling: 0.4, upTo: seed == 0 ? 60 : 0, id: "bad \(seed)")
    }
    seeds[1].curve = emptyCurve("bad 1")
    seeds[2].curve = emptyCurve("bad 2")
    #expect(rule.decisions([good] + seeds).isEmpty)
    seeds[1] = pruneRun("bad", ceiling: 0.402, upTo: 60, id: "bad 1")
    let decision = try #require(rule.decisions([good] + seeds).first)
    #expect(decision.runs == ["bad 0", "bad 1", "bad 2"])
    #expect(decision.bounds.runCount == 2)
    seeds[0].isFinished = true
    #expect(rule.decisions([good] + seeds).first?.runs == ["bad 1", "bad 2"])
  }

  @Test("one seed that contradicts the law keeps its arm")
  func oneContradiction() {
    let good = pruneRun("good", ceiling: 0.5, upTo: 60)
    let seeds = [
      pruneRun("bad", ceiling: 0.4, upTo: 60, id: "b0"),
      pruneRun("bad", ceiling: 0.402, upTo: 60, id: "b1"),
      pruneRun("bad", ceiling: 0.2, slope: -0.3, upTo: 60, id: "b2"),
    ]
    #expect(PruneRule(after: 0.2).decisions([good] + seeds).isEmpty)
  }

  @Test("a finished rival counts by what it had measured at the same step where that says less")
  func sameStep() throws {
    let rule = PruneRule(after: 0.2)
    // The rival's early curve promises 0.42, its later one 0.6.
    let early = pruneRun("late bloomer", ceiling: 0.42, upTo: 60)
    let later = pruneRun("late bloomer", ceiling: 0.6, upTo: 160)
    var rival = early
    rival.curve = Curve(
      id: "late bloomer", modelParams: 1e5, definition: "d",
      points: early.curve.points + later.curve.points.filter { $0.step > 60 })
    rival.isFinished = true
    let bad = pruneRun("bad", ceiling: 0.41, upTo: 60)
    #expect(rule.decisions([rival, bad]).isEmpty)
    var constant = later
    constant.isFinished = true
    #expect(rule.decisions([constant, bad]).count == 1)
  }

  @Test("a rival that has not come to the step yet is no reason to stop")
  func slowRival() {
    let rule = PruneRule(after: 0.2)
    let runs = [
      pruneRun("good", ceiling: 0.5, upTo: 56), pruneRun("bad", ceiling: 0.4, upTo: 60),
    ]
    #expect(rule.decisions(runs).isEmpty)
  }

  @Test("finished arms are not named, and hostile curves are no reason to trap")
  func hostile() {
    let rule = PruneRule(after: 0.2)
    let good = pruneRun("good", ceiling: 0.5, upTo: 160)
    #expect(
      rule.decisions([good, pruneRun("bad", ceiling: 0.4, upTo: 160, isFinished: true)]).isEmpty)
    for value in [Double.nan, .infinity, 1e300, -1e300, 0] {
      let points = (0..<20).map { CurvePoint(step: 4 * $0, entropy: value, score: value) }
      let curve = Curve(id: "odd", modelParams: value, definition: "d", points: points)
      let odd = PruneRun(curve: curve, arm: "odd", totalSteps: 160, isFinished: false)
      #expect(rule.decisions([good, odd, odd]).isEmpty)
    }
    #expect(rule.decisions([]).isEmpty)
    #expect(PruneRule(level: .nan).decisions([good, good]).isEmpty)
    var endless = good
    endless.totalSteps = .max
    #expect(rule.decisions([endless, endless]).isEmpty)
  }

  @Test(
    "settings that cannot be used are refused in words",
    arguments: [
      PruneRule(level: 1), PruneRule(level: 0), PruneRule(margin: -0.1), PruneRule(margin: .nan),
      PruneRule(after: 1), PruneRule(after: -.infinity), PruneRule(points: 2),
    ])
  func settings(_ rule: PruneRule) {
    #expect(throws: NoFit.self) { try rule.check() }
  }
}

/// A run on the law with small errors, of 160 steps evaluated every 4.
func pruneRun(
  _ arm: String, ceiling: Double, slope: Double = 0.3, upTo step: Int, params: Double = 1e5,
  group: String = "", isFinished: Bool = false, id: String? = nil
) -> PruneRun {
  var noise = Noise(seed: 3)
  let points = lawPoints(
    a: slope, b: ceiling + slope, from: 0.7, to: 0.2, sigma: 0.004, noise: &noise)
  let curve = Curve(
    id: id ?? arm, modelParams: params, definition: "d", points: points.filter { $0.step <= step })
  return PruneRun(
    curve: curve, arm: arm, group: group, totalSteps: 160, isFinished: isFinished)
}

private func emptyCurve(_ id: String) -> Curve { Curve(id: id, modelParams: 1e5, points: []) }
