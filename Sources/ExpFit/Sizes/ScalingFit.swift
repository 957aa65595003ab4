internal import Glibc

/// The law's numbers at one size.
public struct LawNumbers: Sendable, Hashable {
  /// The slope a.
  public var a: Double
  /// The constant b.
  public var b: Double
  /// The ceiling b - a.
  public var ceiling: Double

  /// Makes the numbers.
  public init(a: Double, b: Double, ceiling: Double) {
    self.a = a
    self.b = b
    self.ceiling = ceiling
  }

  /// The mean of several; nil for none.
  init?(meanOf numbers: [LawNumbers]) {
    guard !numbers.isEmpty else { return nil }
    let count = Double(numbers.count)
    a = numbers.reduce(0) { $0 + $1.a } / count
    b = numbers.reduce(0) { $0 + $1.b } / count
    ceiling = numbers.reduce(0) { $0 + $1.ceiling } / count
  }

  static func - (left: LawNumbers, right: LawNumbers) -> LawNumbers {
    LawNumbers(a: left.a - right.a, b: left.b - right.b, ceiling: left.ceiling - right.ceiling)
  }

  /// The law's score at an entropy: R = -a exp(H) + b.
  public func score(atEntropy entropy: Double) -> Double { ceiling - a * expm1(entropy) }
}

/// a, b and the ceiling against ln N over runs, each by its own `ScalingLine`.
///
/// The ceiling's line is fitted to the runs' b - a, whose first-stage variance holds the covariance
/// of a and b; its intercept and slope are the differences of those of b and a.
public struct ScalingFit: Sendable, Hashable {
  /// a against ln N.
  public let a: ScalingLine
  /// b against ln N.
  public let b: ScalingLine
  /// b - a against ln N.
  public let ceiling: ScalingLine
  /// The sizes fitted, ascending.
  public let sizes: [Double]
  /// The mean of the runs at each of `sizes`.
  public let means: [LawNumbers]
  /// Runs fitted.
  public let runCount: Int
  /// The smallest and the largest ceiling of a run.
  public let ceilingRange: Interval

  /// Fits runs that have a law; every run is one point, unweighted.
  ///
  /// - Throws: `NoFit` for fewer than 2 distinct sizes.
  init(_ runs: [RunLaw], level: Double) throws(NoFit) {
    guard !runs.isEmpty else { throw NoFit("no run has a fit") }
    func line(_ value: (LawFit) -> Double, _ error: (LawFit) -> Double) throws(NoFit) -> ScalingLine
    {
      try ScalingLine(
        runs.map {
          ScalingPoint(
            logSize: log($0.size), value: value($0.law), variance: error($0.law) * error($0.law))
        }, level: level)
    }
    a = try line(\.a, \.aStandardError)
    b = try line(\.b, \.bStandardError)
    ceiling = try line(\.ceiling, \.ceilingStandardError)
    let bySize = Dictionary(grouping: runs, by: \.size)
    let sizes = bySize.keys.sorted()
    self.sizes = sizes
    means = sizes.compactMap { size in LawNumbers(meanOf: (bySize[size] ?? []).map(\.numbers)) }
    runCount = runs.count
    let ceilings = runs.map(\.law.ceiling)
    ceilingRange = Interval(
      low: ceilings.reduce(.infinity, min), high: ceilings.reduce(-.infinity, max))
  }

  /// What the lines and the naive guesses say about a size.
  public func forecast(size: Double) -> SizeForecast {
    let logSize = log(size)
    let largest = means[means.count - 1]
    return SizeForecast(
      size: size, a: a.estimate(at: logSize), b: b.estimate(at: logSize),
      ceiling: ceiling.estimate(at: logSize), level: a.level,
      decadesExtrapolated: decadesOutside(size), naiveLargest: largest,
      naiveMean: LawNumbers(meanOf: means) ?? largest)
  }

  /// Powers of ten between a size and the nearest fitted one; 0 inside their range.
  private func decadesOutside(_ size: Double) -> Double {
    max(0, log10(size / sizes[sizes.count - 1]), log10(sizes[0] / size))
  }
}

/// A run's fit with its size: what the second stage takes.
struct RunLaw {
  let size: Double
  let law: LawFit

  var numbers: LawNumbers { LawNumbers(a: law.a, b: law.b, ceiling: law.ceiling) }
}

/// What is expected of one new run at a size, and what somebody without the law would expect.
public struct SizeForecast: Sendable, Hashable {
  /// Non-embedding parameters N.
  public var size: Double
  /// a with its prediction interval.
  public var a: Estimate
  /// b with its prediction interval.
  public var b: Estimate
  /// b - a with its prediction interval.
  public var ceiling: Estimate
  /// Coverage that the intervals aim at.
  public var level: Double
  /// Powers of ten between the size and the nearest fitted one.
  public var decadesExtrapolated: Double
  /// The naive prediction "same as the largest size run", by the mean of its runs.
  public var naiveLargest: LawNumbers
  /// The naive prediction "mean of the sizes".
  public var naiveMean: LawNumbers

  /// a, b and ceiling without their intervals.
  public var numbers: LawNumbers {
    LawNumbers(a: a.value, b: b.value, ceiling: ceiling.value)
  }
}
