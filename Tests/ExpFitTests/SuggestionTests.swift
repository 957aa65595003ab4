import ExpFit
import Glibc
import Testing

@Suite("Expected intervals and suggested runs")
struct SuggestionTests {
  private static let level = 0.95

  /// Runs at ln N = place with a base policy, drawn around a line.
  private static func draw(
    _ layout: [(place: Int, base: Int)], size: Double, run: Double, known: Double,
    _ noise: inout Noise
  ) -> [ScalingPoint] {
    var shifts = [Double](repeating: 0, count: 20)
    for place in shifts.indices { shifts[place] = size * noise.normal() }
    return layout.map { place, base in
      ScalingPoint(
        logSize: Double(place),
        value: 0.4 * Double(place) + shifts[place] + run * noise.normal() + known * noise.normal(),
        variance: known * known, base: base)
    }
  }

  static let additions: [[(place: Int, base: Int)]] = [
    [], [(4, 0), (4, 0)], [(6, 0), (6, 0)],
  ]

  @Test("the expected width is the mean width of simulated data within 10 %", arguments: 0..<3)
  func againstSimulation(index: Int) throws {
    var noise = Noise(seed: 8)
    let today = (0..<5).flatMap { [(place: $0, base: 0), (place: $0, base: 0)] }
    let added = SuggestionTests.additions[index]
    let trials = 600
    var (mean, planned) = (0.0, 0.0)
    for _ in 0..<trials {
      let all = SuggestionTests.draw(
        today + added, size: 1, run: 0.5, known: 0.3, &noise)
      let full = try ScalingLine(all, level: SuggestionTests.level)
      mean += try #require(full.estimate(at: 8).interval).width / 2
      let part = try ScalingLine(Array(all.prefix(today.count)), level: SuggestionTests.level)
      let additions = added.map { RunAddition(size: exp(Double($0.place)), base: 0) }
      planned += try #require(part.expectedInterval(at: exp(8), adding: additions)).halfWidth
    }
    let places = SuggestionTests.draw(today + added, size: 1, run: 0.5, known: 0.3, &noise)
    let known = try #require(
      ScalingLine.expectedInterval(
        at: 8, of: places, size: 1, base: 0, run: 0.25, level: SuggestionTests.level))
    #expect(abs(planned / mean - 1) < 0.1, "\(planned / mean)")
    #expect(abs(known.halfWidth * Double(trials) / mean - 1) < 0.1, "\(known.halfWidth) \(mean)")
  }

  @Test("no addition gives today's interval")
  func today() throws {
    var noise = Noise(seed: 2)
    let layout = (0..<5).flatMap { place in (0..<4).map { (place: place, base: $0 / 2) } }
    let line = try ScalingLine(
      SuggestionTests.draw(layout, size: 1, run: 1, known: 0.3, &noise), level: 0.95)
    let interval = try #require(line.estimate(at: 7).interval)
    let expected = try #require(line.expectedInterval(at: exp(7), adding: []))
    #expect(agree(2 * expected.halfWidth, interval.width, 1e-6))
  }

  /// Runs of sizes exp(10), exp(11), … whose a and b follow a line in ln N or a power of N; both
  /// forms agree to about a standard deviation of a run up to the fourth size.
  private static func formRuns(
    _ places: Range<Int>, isPower: Bool, _ noise: inout Noise
  ) -> [RunNumbers] {
    places.flatMap { place -> [RunNumbers] in
      let at = Double(place)
      return (0..<2).map { _ in
        let a = isPower ? 0.1 * exp(0.3 * at) : 0.09 + 0.045 * at
        let b = (isPower ? 0.3 * exp(0.3 * at) : 0.27 + 0.135 * at) + 0.01 * noise.normal()
        return RunNumbers(
          size: exp(10 + at), baseSeed: 0, a: a, b: b, ceiling: b - a, aStandardError: 0.003,
          bStandardError: 0.003, ceilingStandardError: 0.003)
      }
    }
  }

  @Test(
    "with both forms in view the expected width is the mean width of simulated data within 20 %")
  func formsAgainstSimulation() throws {
    var noise = Noise(seed: 12)
    let (target, trials) = (exp(17.0), 150)
    var (today, planned, mean) = (0.0, 0.0, 0.0)
    for trial in 0..<trials {
      let runs = SuggestionTests.formRuns(0..<5, isPower: trial % 2 == 0, &noise)
      let part = try ScalingFit(Array(runs.prefix(8)), level: 0.95)
      let addition = RunAddition(size: runs[8].size, base: 0, count: 2)
      let now = try #require(part.expectedForecast(at: target, adding: []))
      let interval = try #require(part.forecast(size: target).ceiling.interval)
      #expect(agree(now.width, interval.width, 1e-6))
      today += now.width
      planned += try #require(part.expectedForecast(at: target, adding: [addition])).width
      let full = try ScalingFit(runs, level: 0.95)
      mean += try #require(full.forecast(size: target).ceiling.interval).width
    }
    #expect(planned > 0.95 * mean && planned < 1.6 * mean, "\(planned / mean)")
    // The forms are far apart at the target, so a new size that tells them apart is worth much.
    #expect(planned < 0.8 * today, "\(planned / today) \(mean / today)")
  }

  private static func fit(
    size: Double, run: Double, sizes: Int = 5, runs: Int = 3
  ) throws -> ScalingFit {
    let runs = (0..<sizes).flatMap { place in
      let shift = size * (place % 2 == 0 ? 1 : -1)
      return (0..<runs).map { index in
        let ceiling = 0.3 + 0.05 * Double(place) + shift + run * Double(index % 3 - 1)
        return RunNumbers(
          size: exp(10 + Double(place)), baseSeed: 0, a: 0.2, b: 0.2 + ceiling, ceiling: ceiling,
          aStandardError: 1e-3, bStandardError: 1e-3, ceilingStandardError: 1e-3)
      }
    }
    return try ScalingFit(runs, level: 0.95)
  }

  private static func candidates(_ places: ClosedRange<Int>, known: Int = 5) -> [CandidateSize] {
    places.map { place in
      CandidateSize(
        size: exp(10 + Double(place)), bases: place < known ? [0] : [],
        newBase: place < known ? 1 : 0, runCost: 10 * exp(0.5 * Double(place)), baseCost: 5)
    }
  }

  @Test("where runs differ, seeds are suggested in the order of gain per cost, within the budget")
  func seeds() throws {
    let fit = try SuggestionTests.fit(size: 0.002, run: 0.03)
    let found = RunSuggestion(
      fit, target: exp(17), candidates: SuggestionTests.candidates(0...6), budget: 500)
    let today = try #require(found.today).width
    #expect(!found.steps.isEmpty)
    var (width, total) = (today, 0.0)
    for step in found.steps {
      #expect(step.expected.width < width && step.count > 0)
      total += step.cost
      #expect(agree(step.totalCost, total, 1e-12))
      width = step.expected.width
    }
    #expect(total <= 500)
  }

  @Test("where sizes differ, only a new size helps, and without one the ending says so")
  func newSizes() throws {
    let fit = try SuggestionTests.fit(size: 0.05, run: 0.001)
    let known = RunSuggestion(
      fit, target: exp(17), candidates: SuggestionTests.candidates(0...4), budget: 1e6)
    #expect(known.steps.isEmpty && known.ending.hasSuffix("only a new size helps"))
    let more = RunSuggestion(
      fit, target: exp(17), candidates: SuggestionTests.candidates(0...6), budget: 1e6)
    #expect(more.steps.first?.isNewSize == true && more.steps.first?.isNewBase == true)
    let poor = RunSuggestion(
      fit, target: exp(17), candidates: SuggestionTests.candidates(0...6), budget: 1)
    #expect(poor.steps.isEmpty)
    #expect(poor.ending.hasPrefix("everything that would narrow the interval costs more"))
  }

  @Test("where runs differ and are many already, no size is said to help")
  func manyRuns() throws {
    let fit = try SuggestionTests.fit(size: 0, run: 0.03, runs: 30)
    let found = RunSuggestion(
      fit, target: exp(17), candidates: SuggestionTests.candidates(0...4), budget: 10)
    #expect(found.steps.isEmpty && found.ending.hasSuffix("which no further run takes away"))
  }

  @Test("two sizes have no interval to narrow")
  func twoSizes() throws {
    let fit = try SuggestionTests.fit(size: 0.05, run: 0.01, sizes: 2)
    let found = RunSuggestion(
      fit, target: exp(17), candidates: SuggestionTests.candidates(0...4), budget: 1e6)
    #expect(found.today == nil && found.steps.isEmpty)
    #expect(found.ending.hasPrefix("an interval needs runs of at least 3 sizes, here are 2"))
  }

  @Test("costs are medians at measured sizes and straight in log over log elsewhere")
  func costs() throws {
    let curve = try #require(
      CostCurve([(1e4, 2), (1e4, 4), (1e4, 3), (1e6, 300), (-1, 5), (1e5, .nan)]))
    #expect(agree(curve.cost(at: 1e4), 3, 1e-12) && agree(curve.cost(at: 1e5), 30, 1e-12))
    #expect(agree(curve.cost(at: 1e7), 3000, 1e-12) && agree(curve.cost(at: 1e3), 0.3, 1e-12))
    #expect(curve.isMeasured(1e6) && !curve.isMeasured(1e5) && CostCurve([]) == nil)
    let single = try #require(CostCurve([(size: 1e4, cost: 5)]))
    #expect(agree(single.cost(at: 1e6), 500, 1e-12))
  }
}
