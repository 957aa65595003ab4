/// The fits of a group's runs on their first evaluations, each made once.
struct PruneFits {
  private struct Key: Hashable {
    let run: Int
    let count: Int
  }

  private let level: Double
  private var known: [Key: PruneFit] = [:]
  /// The run that stands at each place of the look; nil while they are the same.
  private var places: [Int]?

  init(level: Double) { self.level = level }

  /// Answers for a look that holds only some of the runs.
  mutating func remapped<Answer>(
    _ places: [Int], _ body: (inout PruneFits) -> Answer
  ) -> Answer {
    self.places = places
    defer { self.places = nil }
    return body(&self)
  }

  /// The fit of a run's first `count` usable evaluations.
  mutating func fit(run: Int, _ points: [CurvePoint], count: Int) -> PruneFit {
    let key = Key(run: places?[run] ?? run, count: count)
    if let fit = known[key] { return fit }
    let fit = PruneFit(points.prefix(count), level: level)
    known[key] = fit
    return fit
  }
}

/// What a fit says of a ceiling.
enum PruneFit {
  case ceiling(value: Double, variance: Double, degrees: Double, extrapolation: Double)
  /// The law does not hold or is not identified.
  case unknown

  init(_ points: ArraySlice<CurvePoint>, level: Double) {
    // try?: a run without a fit has no bound, whatever the reason.
    guard let fit = try? LawFit(Array(points), level: level), fit.lawHolds else {
      self = .unknown
      return
    }
    let error = fit.ceilingStandardError
    self = .ceiling(
      value: fit.ceiling, variance: error * error, degrees: fit.degreesOfFreedom,
      extrapolation: fit.extrapolation)
  }
}

/// One look at the arms of one group.
struct PruneLook {
  /// An arm's runs, by their place in `runs`.
  struct Arm {
    let name: String
    let members: [Int]
  }

  /// The ceilings of an arm's runs at a look.
  private struct Sample {
    let ceilings: [Double]
    let fitVariance: Double
    let degrees: Double
    let extrapolation: Double

    var mean: Double { ceilings.reduce(0, +) / Double(ceilings.count) }
    var squares: Double {
      let mean = mean
      return ceilings.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    }
  }

  let rule: PruneRule
  let runs: [PruneRun]
  let points: [[CurvePoint]]
  let arms: [Arm]

  /// Takes the runs of one group.
  init(_ rule: PruneRule, _ runs: [PruneRun]) {
    self.rule = rule
    self.runs = runs
    points = runs.map(\.curve.usablePoints)
    var names: [String] = []
    var members: [String: [Int]] = [:]
    for (index, run) in runs.enumerated() {
      if members[run.arm] == nil { names.append(run.arm) }
      members[run.arm, default: []].append(index)
    }
    arms = names.map { Arm(name: $0, members: members[$0] ?? []) }
  }

  /// The step an arm is judged at: the least that its runs with enough evaluations have reached;
  /// nil where too few of its runs have.
  ///
  /// Of an arm with several seeds at least two must have come so far.
  func step(of arm: Arm) -> Int? {
    let ripe = arm.members.compactMap { index -> Int? in
      guard let last = points[index].last?.step, isRipe(index, at: last) else { return nil }
      return last
    }
    return ripe.count >= min(2, arm.members.count) ? ripe.min() : nil
  }

  private func isRipe(_ index: Int, at step: Int) -> Bool {
    points[index].count >= rule.points
      && (runs[index].isFinished || Double(step) >= rule.after * Double(runs[index].totalSteps))
  }

  /// The bounds of every arm, in their order: from all evaluations, or from those up to a step.
  ///
  /// nil for an arm with a judged run whose guards say that the law does not hold, and for one with
  /// too few judged runs.
  func bounds(upTo step: Int?, _ fits: inout PruneFits) -> [PruneBounds?] {
    var samples: [Sample?] = []
    for arm in arms { samples.append(sample(of: arm, upTo: step, &fits)) }
    var (squares, degrees) = (0.0, 0.0)
    for case let sample? in samples where sample.ceilings.count > 1 {
      squares += sample.squares
      degrees += Double(sample.ceilings.count - 1)
    }
    let spread = degrees > 0 ? (variance: squares / degrees, degrees: degrees) : nil
    return samples.map { $0.map { bounds(of: $0, spread: spread) } }
  }

  private func sample(of arm: Arm, upTo step: Int?, _ fits: inout PruneFits) -> Sample? {
    var (ceilings, variance, degrees) = ([Double](), 0.0, 0.0)
    var extrapolation = 0.0
    for index in arm.members {
      guard let last = points[index].last?.step else { continue }
      // A run that has not come to the step says nothing about it, unless it has nothing more to say.
      if let step, last < step, !runs[index].isFinished { continue }
      let count = step.map { limit in points[index].count { $0.step <= limit } }
      let used = count ?? points[index].count
      guard used >= rule.points, isRipe(index, at: min(last, step ?? last)) else { continue }
      switch fits.fit(run: index, points[index], count: used) {
      case .unknown: return nil
      case .ceiling(let value, let fitVariance, let fitDegrees, let reach):
        ceilings.append(value)
        extrapolation = max(extrapolation, reach)
        variance += fitVariance
        degrees += fitDegrees
      }
    }
    guard !ceilings.isEmpty, ceilings.count >= min(2, arm.members.count) else { return nil }
    return Sample(
      ceilings: ceilings, fitVariance: variance / Double(ceilings.count), degrees: degrees,
      extrapolation: extrapolation)
  }

  /// The observed spread over seeds holds the fits' own errors too, so the larger of the two
  /// variances counts.
  private func bounds(
    of sample: Sample, spread: (variance: Double, degrees: Double)?
  ) -> PruneBounds {
    var (variance, degrees) = (sample.fitVariance, sample.degrees)
    if let spread, spread.variance > variance { (variance, degrees) = spread }
    let error = (variance / Double(sample.ceilings.count)).squareRoot()
    let quantile = StudentT.twoSided(level: rule.level, degreesOfFreedom: max(degrees, 1))
    return PruneBounds(
      ceiling: sample.mean, interval: Interval(center: sample.mean, halfWidth: quantile * error),
      runCount: sample.ceilings.count, knowsSeedSpread: spread != nil,
      extrapolation: sample.extrapolation)
  }
}
