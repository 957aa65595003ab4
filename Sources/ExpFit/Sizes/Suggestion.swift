/// A size at which runs could be added, and what they would cost.
public struct CandidateSize: Sendable, Hashable {
  /// Non-embedding parameters N.
  public var size: Double
  /// Seeds of the base policies that are there already; nil for one without a seed.
  public var bases: [Int?]
  /// The seed that a new base policy would have.
  public var newBase: Int
  /// Core-seconds of one run.
  public var runCost: Double
  /// Core-seconds of one base policy.
  public var baseCost: Double

  /// Makes a candidate.
  public init(size: Double, bases: [Int?], newBase: Int, runCost: Double, baseCost: Double) {
    self.size = size
    self.bases = bases
    self.newBase = newBase
    self.runCost = runCost
    self.baseCost = baseCost
  }
}

/// Which runs would narrow a predicted ceiling's interval most for what they cost.
///
/// Greedy: of all single additions, and of pairs and fours of the same, the one whose expected
/// narrowing per core-second is largest is taken, until the budget is spent or nothing narrows the
/// interval by 2 %. Expected widths are those of `ScalingFit.expectedForecast(at:adding:)`.
public struct RunSuggestion: Sendable, Hashable {
  /// One addition of the list.
  public struct Step: Sendable, Hashable {
    /// Non-embedding parameters N.
    public let size: Double
    /// Seed of the base policy; nil for one without a seed.
    public let base: Int?
    /// Whether the base policy has to be made first.
    public let isNewBase: Bool
    /// Whether the size has no runs yet.
    public let isNewSize: Bool
    /// Runs to add.
    public let count: Int
    /// Core-seconds, the base policy's included.
    public let cost: Double
    /// Core-seconds of this and all earlier steps.
    public let totalCost: Double
    /// The expected interval after this and all earlier steps.
    public let expected: ExpectedForecast
  }

  /// The size predicted.
  public let target: Double
  /// Core-seconds that may be spent.
  public let budget: Double
  /// Today's interval; nil where there is none.
  public let today: ExpectedForecast?
  /// The interval that any number of further runs at the sizes run could reach; nil without one.
  public let limitAtKnownSizes: ExpectedForecast?
  /// What to run, best first.
  public let steps: [Step]
  /// Why the list ends where it does, or is empty; one sentence without its full stop.
  public let ending: String

  private static let counts = [1, 2, 4]
  private static let stepLimit = 12
  /// Narrowing that is worth a step.
  private static let worthwhile = 0.02
  /// Runs per base policy that stand for any number of them.
  private static let unlimited = 200

  /// Searches.
  ///
  /// - Parameters:
  ///   - fit: The lines across sizes.
  ///   - target: The size to predict, N.
  ///   - candidates: Sizes that may be run, those of the fit included.
  ///   - budget: Core-seconds.
  public init(_ fit: ScalingFit, target: Double, candidates: [CandidateSize], budget: Double) {
    self.target = target
    self.budget = budget
    today = fit.expectedForecast(at: target, adding: [])
    guard let today else {
      (limitAtKnownSizes, steps) = (nil, [])
      ending = RunSuggestion.noInterval(fit)
      return
    }
    let known = Set(fit.sizes)
    let limit = RunSuggestion.limit(
      fit, target: target, candidates.filter { known.contains($0.size) })
    limitAtKnownSizes = limit
    var search = Search(
      fit: fit, target: target, candidates: candidates, known: known,
      forecast: today)
    while search.steps.count < RunSuggestion.stepLimit, search.advance(budget: budget) {}
    steps = search.steps
    ending = search.ending(today: today, limit: limit, budget: budget)
  }

  private static func noInterval(_ fit: ScalingFit) -> String {
    fit.sizes.count < 3
      ? "an interval needs runs of at least 3 sizes, here are \(fit.sizes.count): run another size "
        + "first; what it would narrow cannot be computed before"
      : "the runs lie on the line to the last digit, so there is no interval to narrow"
  }

  private static func limit(
    _ fit: ScalingFit, target: Double, _ candidates: [CandidateSize]
  ) -> ExpectedForecast? {
    var additions: [RunAddition] = []
    for candidate in candidates {
      let further = (0..<4).map { candidate.newBase.addingReportingOverflow($0).partialValue }
      for base in candidate.bases + further.map(Optional.some) {
        additions.append(
          RunAddition(size: candidate.size, base: base, count: unlimited))
      }
    }
    return fit.expectedForecast(at: target, adding: additions)
  }

  /// The state of the greedy search.
  private struct Search {
    let fit: ScalingFit
    let target: Double
    var candidates: [CandidateSize]
    var known: Set<Double>
    var forecast: ExpectedForecast
    var steps: [Step] = []
    private var additions: [RunAddition] = []
    private var spent = 0.0
    private var wasTooDear = false

    init(
      fit: ScalingFit, target: Double, candidates: [CandidateSize], known: Set<Double>,
      forecast: ExpectedForecast
    ) {
      (self.fit, self.target, self.candidates) = (fit, target, candidates)
      (self.known, self.forecast) = (known, forecast)
    }

    private struct Option {
      let candidate: Int
      let base: Int?
      let isNew: Bool
      let count: Int
      let cost: Double
    }

    private var options: [Option] {
      candidates.indices.flatMap { index in
        let one = candidates[index]
        let bases = one.bases.map { ($0, false) } + [(Optional(one.newBase), true)]
        return bases.flatMap { base, isNew in
          RunSuggestion.counts.map { count in
            Option(
              candidate: index, base: base, isNew: isNew, count: count,
              cost: Double(count) * one.runCost + (isNew ? one.baseCost : 0))
          }
        }
      }
    }

    /// Takes the best affordable addition; false where none is worth taking.
    mutating func advance(budget: Double) -> Bool {
      var best: (option: Option, expected: ExpectedForecast, rate: Double)?
      var bestTooDear = 0.0
      for option in options where option.cost > 0 {
        guard let expected = expected(adding: option) else { continue }
        let gain = forecast.width - expected.width
        guard gain > RunSuggestion.worthwhile * forecast.width else { continue }
        guard spent + option.cost <= budget else {
          bestTooDear = max(bestTooDear, gain)
          continue
        }
        let rate = gain / option.cost
        if rate > best?.rate ?? 0 { best = (option, expected, rate) }
      }
      guard let best else {
        wasTooDear = bestTooDear > 0
        return false
      }
      take(best.option, best.expected)
      return true
    }

    private func addition(_ option: Option) -> RunAddition {
      RunAddition(
        size: candidates[option.candidate].size, base: option.base, count: option.count)
    }

    private func expected(adding option: Option) -> ExpectedForecast? {
      fit.expectedForecast(at: target, adding: additions + [addition(option)])
    }

    private mutating func take(_ option: Option, _ expected: ExpectedForecast) {
      let size = candidates[option.candidate].size
      additions.append(addition(option))
      spent += option.cost
      steps.append(
        Step(
          size: size, base: option.base, isNewBase: option.isNew, isNewSize: !known.contains(size),
          count: option.count, cost: option.cost, totalCost: spent, expected: expected))
      forecast = expected
      known.insert(size)
      if option.isNew {
        candidates[option.candidate].bases.append(option.base)
        let next = candidates[option.candidate].newBase.addingReportingOverflow(1).partialValue
        candidates[option.candidate].newBase = next
      }
    }

    func ending(today: ExpectedForecast, limit: ExpectedForecast?, budget: Double) -> String {
      var words =
        wasTooDear
        ? "what would narrow the interval further costs more than is left of the budget"
        : "nothing more narrows the interval by 2 %"
      if steps.isEmpty {
        words =
          wasTooDear
          ? "everything that would narrow the interval costs more than the budget"
          : "no run among the candidates narrows the interval by 2 %"
      }
      if steps.count >= RunSuggestion.stepLimit {
        words = "the list stops after \(steps.count) steps"
      }
      if fit.ceiling.sizeVariance == 0 {
        words +=
          "; the spread of sizes around the line is estimated as 0 and taken as true here, "
          + "so the widths are optimistic"
      }
      guard let limit else { return words }
      let share = 1 - limit.width / today.width
      guard share < 0.2 else { return words }
      words +=
        "; more runs of the sizes already run narrow it by at most "
        + "\(Int((100 * max(share, 0)).rounded())) %, for "
      return words
        + (isMostlyOneRun(limit)
          ? "what one run differs from another by dominates, which no further run takes away"
          : "what sizes leave open (their spread around the line, and which form is true) "
            + "dominates: only a new size helps")
    }

    /// Whether more than half of a width, in squares, would be there if the lines were known.
    private func isMostlyOneRun(_ limit: ExpectedForecast) -> Bool {
      let error = fit.ceiling.error
      let own = error.components.base + error.components.run + error.typicalKnown
      let normal = StudentT.quantile(0.5 + fit.ceiling.level / 2, degreesOfFreedom: 1e9)
      return 8 * normal * normal * own > limit.width * limit.width
    }
  }
}
