import ExpFit
import Glibc
import Testing

/// Shares of simulated data sets in which a test rejects at 5 %, or an interval covers.
@Suite("Comparisons keep their level")
struct ComparisonSimulationTests {
  static let sets = 2_000

  private func pairs(
    _ count: Int, effect: Double = 0, noise: inout Noise, deviation: Double = 1
  ) -> PairGroup {
    var group = PairGroup(size: 1)
    for _ in 0..<count {
      let block = 3 * noise.normal()
      group.add(
        arm: effect + block + deviation * noise.normal(),
        baseline: block + deviation * noise.normal())
    }
    return group
  }

  @Test("paired t: 5 % false alarms, 95 % coverage", arguments: 2...5)
  func paired(seeds: Int) throws {
    var noise = Noise(seed: UInt64(seeds))
    var (alarms, covered) = (0, 0)
    for _ in 0..<Self.sets {
      let own = try #require(
        DifferenceEstimate(
          [pairs(seeds, effect: 0.7, noise: &noise)], level: 0.95, margin: nil))
      if own.interval?.contains(0.7) == true { covered += 1 }
      let null = try #require(
        DifferenceEstimate([pairs(seeds, noise: &noise)], level: 0.95, margin: nil))
      if (null.p ?? 1) <= 0.05 { alarms += 1 }
    }
    #expect(abs(Double(alarms) / Double(Self.sets) - 0.05) < 0.02)
    #expect(abs(Double(covered) / Double(Self.sets) - 0.95) < 0.02)
  }

  @Test("sign flips: exactly as many false alarms as their p says", arguments: [3, 5])
  func signFlips(seeds: Int) throws {
    var noise = Noise(seed: 90 + UInt64(seeds))
    let smallest = SignFlip.smallestP(pairs: seeds)
    var alarms = 0
    for _ in 0..<Self.sets {
      let own = try #require(
        DifferenceEstimate([pairs(seeds, noise: &noise)], level: 0.95, margin: nil))
      if (own.signFlipP ?? 1) <= smallest { alarms += 1 }
    }
    #expect(abs(Double(alarms) / Double(Self.sets) - smallest) < 0.03)
  }

  @Test("power with 5 pairs and an effect of 1.5 standard deviations: 71 %")
  func power() throws {
    // scipy 1.17: nct.sf(2.7764, 4, 1.5 √5) + nct.cdf(-2.7764, 4, 1.5 √5) = 0.7107.
    var noise = Noise(seed: 77)
    var found = 0
    for _ in 0..<Self.sets {
      let own = try #require(
        DifferenceEstimate(
          [pairs(5, effect: 1.5 * 2.0.squareRoot(), noise: &noise)], level: 0.95, margin: nil))
      if (own.p ?? 1) <= 0.05 { found += 1 }
    }
    #expect(abs(Double(found) / Double(Self.sets) - 0.7107) < 0.03)
  }

  @Test("over 4 sizes, equal or unequal spread: at most 8 % false alarms", arguments: 2...5)
  func pooled(seeds: Int) throws {
    for deviations in [[1.0, 1, 1, 1], [1, 1, 1, 4]] {
      var noise = Noise(seed: 200 + UInt64(seeds))
      var alarms = 0
      for _ in 0..<Self.sets {
        let groups = deviations.map { pairs(seeds, noise: &noise, deviation: $0) }
        let own = try #require(DifferenceEstimate(groups, level: 0.95, margin: nil))
        if (own.p ?? 1) <= 0.05 { alarms += 1 }
      }
      let rate = Double(alarms) / Double(Self.sets)
      // Satterthwaite's degrees are too few with 2 seeds, so the test is then cautious.
      #expect(rate < 0.08 && rate > (seeds == 2 ? 0.008 : 0.02), "\(deviations) \(rate)")
    }
  }

  @Test("a, b, ceiling and a with b: 5 % false alarms", arguments: 2...5)
  func law(seeds: Int) throws {
    for arms in [2, 4] {
      var noise = Noise(seed: 300 + UInt64(10 * seeds + arms))
      var alone = [0, 0, 0]
      var (joint, tested) = (0, 0)
      for _ in 0..<Self.sets {
        let own = try #require(ArmVariance(nullLaws(arms, seeds, &noise)))
        for number in 0..<3 where (own.test(of: number)?.p ?? 1) <= 0.05 { alone[number] += 1 }
        guard let test = own.joint else { continue }
        tested += 1
        if test.p <= 0.05 { joint += 1 }
      }
      for count in alone { #expect(abs(Double(count) / Double(Self.sets) - 0.05) < 0.02) }
      guard seeds * arms - seeds - arms + 1 >= 2 else {
        #expect(tested == 0)
        continue
      }
      #expect(tested == Self.sets)
      #expect(abs(Double(joint) / Double(Self.sets) - 0.05) < 0.02, "\(arms) arms \(joint)")
    }
  }

  @Test("an arm that varies more is named where it does, and seldom where it does not")
  func widest() throws {
    var noise = Noise(seed: 500)
    var (alarms, found) = (0, 0)
    for _ in 0..<500 {
      let equal = try #require(ArmVariance(nullLaws(8, 3, &noise)))
      if equal.widestArm(alpha: 0.05) != nil { alarms += 1 }
      let unequal = try #require(ArmVariance(nullLaws(8, 3, &noise, widest: 5)))
      if unequal.widestArm(alpha: 0.05)?.arm == 0 { found += 1 }
    }
    #expect(alarms < 40, "\(alarms)")
    #expect(found > 250, "\(found)")
  }

  private func nullLaws(
    _ arms: Int, _ seeds: Int, _ noise: inout Noise, widest: Double = 1
  ) -> [ArmVariance.Row] {
    var rows: [ArmVariance.Row] = []
    for block in 0..<seeds {
      let shared = noise.normal()
      for arm in 0..<arms {
        let scale = arm == 0 ? widest : 1
        let first = scale * noise.normal()
        let a = 0.2 + 0.01 * (shared + first)
        let b = 0.6 + 0.02 * shared + 0.018 * first + 0.004 * scale * noise.normal()
        rows.append(
          ArmVariance.Row(
            arm: arm, block: block, numbers: LawNumbers(a: a, b: b, ceiling: b - a)))
      }
    }
    return rows
  }

  @Test("single curves of one law: about 5 % false alarms", arguments: [0.0, 0.5])
  func curves(rho: Double) throws {
    var noise = Noise(seed: 400)
    var alarms = 0
    let sets = 1_000
    for _ in 0..<sets {
      let laws = try (0..<3).map { _ in
        let points = lawPoints(41, sigma: 0.01, rho: rho, noise: &noise)
        return CurveLaw(try LawFit(points))
      }
      let test = try #require(CurveEquality.test(laws))
      if test.p <= 0.05 { alarms += 1 }
    }
    let rate = Double(alarms) / Double(sets)
    #expect(rate < 0.08 && rate > 0.01, "\(rate)")
  }
}
