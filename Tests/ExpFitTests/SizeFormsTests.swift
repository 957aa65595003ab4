import ExpCore
import ExpFit
import Glibc
import Testing

@Suite("Lines and powers of the size")
struct SizeFormsTests {
  private static func runs(_ rows: [(Double, Double, Double)], error: Double) -> [RunNumbers] {
    rows.map { size, a, b in
      RunNumbers(
        size: size, a: a, b: b, ceiling: b - a, aStandardError: error, bStandardError: error,
        ceilingStandardError: error)
    }
  }

  private static let sizes = [1e4, 3e4, 1e5, 3e5, 1e6]

  @Test("exact powers are found and win; the ceiling is their difference")
  func powers() throws {
    let rows = SizeFormsTests.sizes.map { ($0, 0.01 * pow($0, 0.25), 0.04 * pow($0, 0.2)) }
    let fit = try ScalingFit(SizeFormsTests.runs(rows, error: 1e-3), level: 0.95)
    let power = try fit.powerLaw.get()
    #expect(abs(power.a.exponent - 0.25) < 1e-6 && abs(power.b.exponent - 0.2) < 1e-6)
    #expect(agree(power.a.factor, 0.01, 1e-5) && agree(power.b.factor, 0.04, 1e-5))
    let forecast = fit.forecast(size: 1e7)
    #expect(fit.logLinearWeight < 0.1 && forecast.form == .powerLaw)
    let expected = 0.04 * pow(1e7, 0.2) - 0.01 * pow(1e7, 0.25)
    #expect(agree(forecast.ceiling.value, expected, 1e-5))
    #expect(agree(forecast.ceiling.value, forecast.b.value - forecast.a.value, 1e-12))
  }

  @Test("an exact line in ln N wins")
  func line() throws {
    let rows = SizeFormsTests.sizes.map { ($0, 0.05 * log($0) - 0.4, 0.12 * log($0) - 0.9) }
    let fit = try ScalingFit(SizeFormsTests.runs(rows, error: 1e-3), level: 0.95)
    #expect(fit.logLinearWeight > 0.9 && fit.forecast(size: 1e7).form == .logLinear)
  }

  @Test("without a decision the forecast is the average and its interval reaches into both forms'")
  func average() throws {
    let fit = try SweepFit(ScalingTests.curves(ScalingTests.countdown)).scaling.get()
    let forecast = fit.forecast(size: 974_080)
    #expect(forecast.form == .average && forecast.forms.count == 2)
    let weight = fit.logLinearWeight
    #expect(weight > 0.1 && weight < 0.9)
    let (line, power) = (
      try #require(forecast.forecast(by: .logLinear)),
      try #require(forecast.forecast(by: .powerLaw))
    )
    #expect(
      agree(
        forecast.ceiling.value, weight * line.ceiling.value + (1 - weight) * power.ceiling.value,
        1e-12))
    #expect(agree(forecast.ceiling.value, forecast.b.value - forecast.a.value, 1e-12))
    let own = try #require(forecast.ceiling.interval)
    let (one, other) = (
      try #require(line.ceiling.interval), try #require(power.ceiling.interval)
    )
    #expect(own.low >= min(one.low, other.low) && own.high <= max(one.high, other.high))
    #expect(own.width > min(one.width, other.width))
    // The ceiling that was measured there at another learning rate: 0.519.
    #expect(own.contains(0.519))
  }

  @Test("the paper's largest model from its others: the line is too high, the power more so")
  func paper() throws {
    let fit = try SweepFit(ScalingTests.curves(Array(ScalingTests.paper.dropLast()))).scaling.get()
    let forecast = fit.forecast(size: 31)
    let (line, power) = (
      try #require(forecast.forecast(by: .logLinear)),
      try #require(forecast.forecast(by: .powerLaw))
    )
    // By least squares on the four means (numpy.polyfit): 0.5079; digitised: 0.454.
    #expect(abs(line.ceiling.value - 0.5079) < 1e-3)
    #expect(line.ceiling.value > 0.454 && power.ceiling.value > line.ceiling.value)
  }

  @Test("a power of N needs values above 0 and 3 sizes")
  func noPower() throws {
    let negative = SizeFormsTests.sizes.map { ($0, 0.05 * log($0) - 0.5, 0.12 * log($0) - 0.9) }
    let fit = try ScalingFit(SizeFormsTests.runs(negative, error: 1e-3), level: 0.95)
    guard case .failure(let none) = fit.powerLaw else {
      Issue.record("a is below 0 at the smallest size")
      return
    }
    #expect(none.reason.hasPrefix("a run has a = -0.03948"))
    #expect(fit.logLinearWeight == 1 && fit.forecast(size: 1e7).forms.count == 1)
    let two = try ScalingFit(
      SizeFormsTests.runs([(1e4, 0.1, 0.3), (1e5, 0.2, 0.5)], error: 1e-3), level: 0.95)
    #expect(two.forecast(size: 1e6).form == .logLinear)
  }

  @Test("the three lines agree at every size also with base policies and unequal errors")
  func consistent() throws {
    var noise = Noise(seed: 4)
    let runs = SizeFormsTests.sizes.flatMap { size in
      (0..<6).map { index in
        let (a, b) = (
          0.05 * log(size) + 0.02 * noise.normal(), 0.1 * log(size) + 0.03 * noise.normal()
        )
        return RunNumbers(
          size: size, baseSeed: index / 3, a: a, b: b, ceiling: b - a,
          aStandardError: 0.01 * noise.uniform(), bStandardError: 0.02 * noise.uniform(),
          ceilingStandardError: 0.015 * noise.uniform())
      }
    }
    let fit = try ScalingFit(runs, level: 0.95)
    for place in [log(1e3), log(2e5), log(1e9)] {
      let difference = fit.b.value(at: place) - fit.a.value(at: place)
      #expect(agree(fit.ceiling.value(at: place), difference, 1e-10))
    }
    #expect(fit.ceiling.baseVariance != nil)
  }

  @Test("a run with a huge first-stage error neither moves nor widens the forecast")
  func hugeError() throws {
    var noise = Noise(seed: 9)
    var runs = SizeFormsTests.sizes.flatMap { size in
      (0..<2).map { _ in
        let ceiling = 0.08 * log(size) - 0.5 + 0.01 * noise.normal()
        return RunNumbers(
          size: size, a: 0.2, b: 0.2 + ceiling, ceiling: ceiling, aStandardError: 0.004,
          bStandardError: 0.004, ceilingStandardError: 0.004)
      }
    }
    let without = try ScalingFit(runs, level: 0.95).forecast(size: 1e7)
    for error in [1e3, 1e200] {
      runs.append(
        RunNumbers(
          size: 1e5, a: 0.2, b: 1e3, ceiling: 1e3, aStandardError: 0.004, bStandardError: error,
          ceilingStandardError: error))
      let with = try ScalingFit(runs, level: 0.95).forecast(size: 1e7)
      let (line, old) = (
        try #require(with.forecast(by: .logLinear)), try #require(without.forecast(by: .logLinear))
      )
      #expect(abs(line.ceiling.value - old.ceiling.value) < 1e-3)
      let (width, before) = (
        try #require(line.ceiling.interval).width, try #require(old.ceiling.interval).width
      )
      #expect(width < 1.3 * before && width > 0.7 * before)
      runs.removeLast()
    }
  }

  @Test("sizes that no line can be told from are refused in words")
  func absurd() throws {
    let near = [(1e6, 0.2, 0.5), (1e6 * (1 + 1e-9), 0.3, 0.7), (1e6 * (1 + 2e-9), 0.3, 0.7)]
    #expect(
      throws: NoFit(
        "the sizes differ by less than one in a million, too little for a line over ln N")
    ) { try ScalingFit(SizeFormsTests.runs(near, error: 0.01), level: 0.95) }
    let far = [
      (Double.leastNonzeroMagnitude, 0.2, 0.5), (1e8, 0.25, 0.6), (1e300, 0.3, 0.7),
      (1e10, 0.25, 0.6),
    ]
    let fit = try ScalingFit(SizeFormsTests.runs(far, error: 0.01), level: 0.95)
    for size in [Double.leastNonzeroMagnitude, 1e7, 1e300, 1.7e308] {
      let forecast = fit.forecast(size: size)
      #expect(forecast.ceiling.value.isFinite && forecast.ceiling.interval != nil)
    }
    let large = [(1e4, 1e200, 1e300), (1e5, 2e200, -1e300), (1e6, 1e200, 1e300)]
    #expect(throws: NoFit.self) {
      try ScalingFit(SizeFormsTests.runs(large, error: 1), level: 0.95)
    }
  }
}
