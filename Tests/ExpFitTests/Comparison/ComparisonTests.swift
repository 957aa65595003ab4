import ExpCore
import ExpFit
import Glibc
import Testing

@Suite("Comparisons of arms")
struct ComparisonTests {
  private func sweep(
    sizes: [Double] = [14e3], seeds: Int = 3, effect: (Double, Int) -> Double
  ) -> [Curve] {
    sizes.flatMap { size in
      (0..<seeds).flatMap { seed in
        [
          comparedRun("n\(size)-\(seed)", ["by": "none"], size: size, seed: seed, last: 0.5),
          comparedRun(
            "c\(size)-\(seed)", ["by": "clip"], size: size, seed: seed,
            last: 0.5 + effect(size, seed)),
        ]
      }
    }
  }

  @Test("differences 0.02, 0.03, 0.04: mean 0.03, t = 3√3, two degrees of freedom")
  func byHand() throws {
    let comparison = try Comparison(
      sweep { 0.02 + 0.01 * Double($1) }, by: "by", measures: [.lastScore])
    let own = try #require(comparison.measures[0].bySize[0].estimate)
    #expect(agree(own.value, 0.03, 1e-12))
    #expect(agree(try #require(own.standardError), 0.01 / 3.0.squareRoot(), 1e-10))
    #expect(own.degreesOfFreedom == 2)
    // t of two degrees: P(|T| > t) = 1 - t / √(2 + t²).
    let t = 3 * 3.0.squareRoot()
    #expect(agree(try #require(own.p), 1 - t / (2 + t * t).squareRoot(), 1e-9))
    #expect(own.signFlipP == 0.25)
    #expect(comparison.measures[0].pooled.isEmpty)
    #expect(comparison.measures[0].bySize[0].verdict == .higher)
  }

  @Test("one pair has a difference and no interval, whatever the curves' own errors")
  func onePair() throws {
    let comparison = try Comparison(sweep(seeds: 1) { _, _ in 0.1 }, by: "by")
    for measure in comparison.measures {
      let own = try #require(measure.bySize[0].estimate)
      #expect(own.interval == nil && own.p == nil && own.standardError == nil)
      #expect(own.reason != nil)
      #expect(measure.bySize[0].verdict == .cannotTell(reason: "1 pair"))
    }
    #expect(comparison.measures[0].familySize == 0)
    let ceiling = try #require(comparison.measures.first { $0.measure == .ceiling })
    #expect(ceiling.bySize[0].estimate?.evaluationError ?? 0 > 0)
    let law = comparison.laws[0]
    #expect(law.joint == nil && law.a == nil && law.curves != nil)
    #expect(law.reason?.contains("one run per arm") == true)
  }

  @Test("with one run per arm no arm varies more than others, whatever rounding leaves")
  func rounding() {
    for trial in 0..<200 {
      let rows = (0..<5).map { arm in
        let a = 0.1 + 0.037 * Double((trial + 3 * arm) % 7)
        let b = 0.5 + 0.011 * Double((2 * trial + arm) % 5)
        return ArmVariance.Row(
          arm: arm, block: 0, numbers: LawNumbers(a: a, b: b, ceiling: b - a))
      }
      #expect(ArmVariance(rows)?.widestArm(alpha: 0.05) == nil)
    }
  }

  @Test("the degrees of freedom over sizes do not depend on the unit", arguments: [1e-200, 1e160])
  func units(unit: Double) throws {
    func groups(_ unit: Double) -> [PairGroup] {
      [[0.01, 0.02, 0.04], [0.03, 0.07]].enumerated().map { index, differences in
        var group = PairGroup(size: Double(index + 1))
        for difference in differences { group.add(arm: unit * difference, baseline: 0) }
        return group
      }
    }
    let plain = try #require(DifferenceEstimate(groups(1), level: 0.95, margin: nil))
    let other = try #require(DifferenceEstimate(groups(unit), level: 0.95, margin: nil))
    let degrees = try #require(plain.degreesOfFreedom)
    #expect(degrees > 1 && degrees < 3)
    if let own = other.degreesOfFreedom { #expect(agree(own, degrees, 1e-9)) }
    #expect((other.degreesOfFreedom == nil) == (other.reason != nil))
  }

  @Test("a family is every arm and size of a measure; its intervals are wider")
  func family() throws {
    let comparison = try Comparison(
      sweep(sizes: [14e3, 83e3]) { 0.01 * Double($1) + ($0 > 5e4 ? 0.1 : 0) }, by: "by",
      measures: [.lastScore])
    let measure = comparison.measures[0]
    #expect(measure.familySize == 2 && measure.pooledFamilySize == 1)
    #expect(measure.bySize.map(\.size) == [14e3, 83e3])
    for one in measure.bySize {
      let own = try #require(one.estimate)
      let (alone, all) = (try #require(own.interval), try #require(own.simultaneousInterval))
      let quantile = StudentT.quantile(1 - 0.0125, degreesOfFreedom: 2)
      #expect(agree(all.width / 2, quantile * (own.standardError ?? 0), 1e-9))
      #expect(all.width > alone.width)
      #expect((own.holmP ?? 0) >= (own.p ?? 1))
    }
    let pooled = try #require(measure.pooled[0].estimate)
    #expect(agree(pooled.value, 0.06, 1e-12))
    #expect(measure.pooled[0].heterogeneity?.test.p ?? 1 < 0.001)
    #expect(!measure.pooled[0].signChanges)
  }

  @Test("an effect that turns with size is said")
  func signChange() throws {
    let comparison = try Comparison(
      sweep(sizes: [14e3, 83e3]) { ($0 > 5e4 ? 0.1 : -0.1) + 0.01 * Double($1) }, by: "by",
      measures: [.lastScore])
    #expect(comparison.measures[0].pooled[0].signChanges)
  }

  @Test("sizes with one pair each: the sizes are the unit")
  func sizesAsUnit() throws {
    let comparison = try Comparison(
      sweep(sizes: [1e4, 2e4, 3e4], seeds: 1) { size, _ in size * 1e-6 }, by: "by",
      measures: [.lastScore])
    let pooled = try #require(comparison.measures[0].pooled[0].estimate)
    #expect(pooled.spread == .sizes && pooled.degreesOfFreedom == 2)
    #expect(agree(try #require(pooled.standardError), 0.01 / 3.0.squareRoot(), 1e-9))
    #expect(comparison.measures[0].pooled[0].heterogeneity == nil)
  }

  @Test("scores at equal steps, plateau and last entropy are read where they are defined")
  func measures() throws {
    let long = comparedRun("n", ["by": "none"], last: 0.5, steps: 20, entropy: 0.2)
    let short = comparedRun("c", ["by": "clip"], last: 0.5, steps: 18, entropy: 0.5)
    let comparison = try Comparison([long, short], by: "by")
    func pair(_ measure: ComparisonMeasure) throws -> ArmComparison.Pair {
      let found = try #require(comparison.measures.first { $0.measure == measure })
      return try #require(found.bySize[0].pairs.first)
    }
    let equal = try pair(.equalStepScore)
    #expect(agree(equal.armValue, 0.5, 1e-12))
    #expect(agree(equal.baselineValue, 0.5 - 0.3 * 0.1, 1e-12))
    // The baseline's last fifth is steps 17 to 20: H 0.2 + (3, 2, 1, 0) / 20, and 17, 18 of 18.
    let plateau = try pair(.plateauEntropy)
    #expect(agree(plateau.baselineValue, 0.275, 1e-12))
    #expect(agree(plateau.armValue, 0.5 + 0.5 / 18, 1e-12))
    let ratio = try pair(.plateauEntropyRatio)
    #expect(agree(exp(ratio.armValue - ratio.baselineValue), (0.5 + 0.5 / 18) / 0.275, 1e-12))
    #expect(agree(try pair(.lastEntropy).armValue, 0.5, 1e-12))
    #expect(comparison.warnings.contains { $0.contains("not yet at rest") })
  }

  @Test("equal within the margin, one of a family only, and what is not ruled out")
  func verdicts() throws {
    func verdict(_ effects: [Double]) throws -> ArmComparison.Verdict {
      try Comparison(
        sweep(seeds: effects.count) { effects[$1] }, by: "by", measures: [.lastScore]
      ).measures[0].bySize[0].verdict
    }
    #expect(try verdict([0.001, -0.001, 0.0005, -0.0004]) == .equivalent)
    #expect(try verdict([-0.1, -0.12, -0.11]) == .lower)
    guard case .notShown(let possible) = try verdict([0.1, -0.1, 0.05]) else {
      Issue.record("a verdict on noise")
      return
    }
    #expect(possible > 0.2)
    #expect(
      try verdict([0.25, 0.25, 0.25])
        == .cannotTell(reason: "all pairs differ by the same amount, so they show no spread"))
  }

  @Test("runs in which the law does not hold have no ceiling, and are named")
  func noLaw() throws {
    var curves = sweep { _, seed in 0.01 * Double(seed) }
    let flat = curves[1]
    curves[1] = Curve(
      id: "flat", modelParams: flat.modelParams, seed: flat.seed, labels: flat.labels,
      points: flat.points.map {
        CurvePoint(step: $0.step, entropy: $0.entropy, score: 0.1 + 0.2 * $0.entropy)
      })
    let comparison = try Comparison(curves, by: "by", measures: [.ceiling, .lastScore])
    #expect(comparison.measures[0].missing == ["flat"])
    #expect(comparison.measures[0].bySize[0].pairs.count == 2)
    #expect(comparison.measures[1].bySize[0].pairs.count == 3)
    #expect(comparison.laws[0].arms[1].leftOut == ["flat"])
  }

  @Test("a ceiling above the baseline's that the runs did not reach is said")
  func unreached() throws {
    let curves = (0..<4).flatMap { (seed: Int) -> [Curve] in
      [("none", 0.3, 0.2), ("clip", 0.5, 0.6)].map { arm, a, lowest in
        Curve(
          id: "\(arm)\(seed)", modelParams: 14e3, seed: seed, labels: ["by": arm],
          points: (0...10).map { step in
            let entropy = 1 - (1 - lowest) * Double(step) / 10
            let wave = 0.0005 * Double((step * (seed + 2)) % 3)
            return CurvePoint(
              step: step, entropy: entropy,
              score: 0.4 + a - a * exp(entropy) + wave
                + (arm == "none" ? 0 : 0.1 + 0.001 * Double(seed)))
          })
      }
    }
    let comparison = try Comparison(curves, by: "by")
    #expect(comparison.measures.first { $0.measure == .ceiling }?.bySize[0].verdict == .higher)
    #expect(comparison.unreached == ["clip"])
  }

  @Test("all pairs of arms have the baseline's first and each pair once")
  func allPairs() throws {
    let curves = ["x", "none", "y"].flatMap { arm -> [Curve] in
      (0..<2).map { (seed: Int) in comparedRun("\(arm)\(seed)", ["by": arm], seed: seed) }
    }
    let comparison = try Comparison(curves, by: "by", pairing: .all, measures: [.lastScore])
    let pairs = comparison.measures[0].bySize.map { "\($0.arm)-\($0.baseline)" }
    #expect(pairs == ["x-none", "y-none", "y-x"])
    #expect(comparison.baseline == nil)
  }

  @Test(
    "numbers of every kind end in a reason, never in a trap",
    arguments: [Double.nan, .infinity, 1e300, -1e300, 0, -5])
  func hostile(value: Double) throws {
    let curves = ["none", "clip"].flatMap { arm -> [Curve] in
      (0..<3).map { seed in
        Curve(
          id: "\(arm)\(seed)", modelParams: value, seed: seed, labels: ["by": arm],
          points: [
            CurvePoint(step: 0, entropy: value, score: value),
            CurvePoint(step: .max, entropy: 0.5, score: value * Double(seed + arm.count)),
            CurvePoint(step: .min, entropy: -value, score: 0.5),
          ])
      }
    }
    let comparison = try Comparison(curves + [Curve(id: "e", modelParams: 1, points: [])], by: "by")
    let text = ComparisonDocument(comparison).json.canonicalJSON
    #expect(!text.isEmpty)
    for measure in comparison.measures {
      for one in measure.bySize {
        #expect(one.estimate == nil || one.estimate?.interval != nil || one.estimate?.reason != nil)
      }
    }
  }
}
