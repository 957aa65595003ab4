internal import Glibc

/// a, b and the ceiling against ln N over runs, as lines and as powers of N.
///
/// The ceiling's line is fitted to the runs' b - a, whose first-stage variance holds the covariance
/// of a and b. All three lines weigh the runs as the ceiling's own estimates say, so the ceiling's
/// line is the difference of those of b and a at every size; each line has its own variances for
/// its standard errors.
public struct ScalingFit: Sendable, Hashable {
  /// a against ln N.
  public let a: ScalingLine
  /// b against ln N.
  public let b: ScalingLine
  /// b - a against ln N.
  public let ceiling: ScalingLine
  /// a and b as powers of N, or why there are none.
  public let powerLaw: Result<PowerFit, NoFit>
  /// The share of the evidence for the lines in ln N; the rest is that for powers of N.
  ///
  /// 1 without a power law.
  public let logLinearWeight: Double
  /// The sizes fitted, ascending.
  public let sizes: [Double]
  /// The mean of the runs at each of `sizes`.
  public let means: [LawNumbers]
  /// Runs fitted.
  public let runCount: Int
  /// The smallest and the largest ceiling of a run.
  public let ceilingRange: Interval

  /// Fits runs by their numbers, starting from an earlier fit of about the same runs if there is one.
  ///
  /// - Throws: `NoFit` for fewer than 2 distinct sizes.
  package init(
    _ runs: [RunNumbers], level: Double, after earlier: ScalingFit? = nil
  ) throws(NoFit) {
    guard !runs.isEmpty else { throw NoFit("no run has a fit") }
    func points(
      _ value: (RunNumbers) -> Double, _ error: (RunNumbers) -> Double
    ) -> [ScalingPoint] {
      runs.map {
        ScalingPoint(
          logSize: log($0.size), value: value($0), variance: error($0) * error($0),
          base: $0.baseSeed)
      }
    }
    let ceiling = try ScalingLine(
      points(\.ceiling, \.ceilingStandardError), level: level, design: nil,
      start: earlier?.ceiling)
    let a = try ScalingLine(
      points(\.a, \.aStandardError), level: level, design: ceiling.design, start: earlier?.a)
    let b = try ScalingLine(
      points(\.b, \.bStandardError), level: level, design: ceiling.design, start: earlier?.b)
    (self.a, self.b, self.ceiling) = (a, b, ceiling)
    let powerLaw = Result { () throws(NoFit) in try PowerFit(a: a, b: b, ceiling: ceiling) }
    self.powerLaw = powerLaw
    logLinearWeight = ScalingFit.logLinearWeight(ceiling, powerLaw)
    let bySize = Dictionary(grouping: runs, by: \.size)
    let sizes = bySize.keys.sorted()
    self.sizes = sizes
    means = sizes.compactMap { size in
      LawNumbers(
        meanOf: (bySize[size] ?? []).map { LawNumbers(a: $0.a, b: $0.b, ceiling: $0.ceiling) })
    }
    runCount = runs.count
    let ceilings = runs.map(\.ceiling)
    ceilingRange = Interval(
      low: ceilings.reduce(.infinity, min), high: ceilings.reduce(-.infinity, max))
  }

  /// What the forms and the naive guesses say about a size.
  ///
  /// Where one form has more than 0.99 of the evidence its numbers are the forecast, else the mean
  /// of both by their weights, with the interval between the mixture's quantiles.
  public func forecast(size: Double) -> SizeForecast {
    let logSize = log(size)
    let largest = means[means.count - 1]
    let prospects = prospects(at: logSize)
    let forms = prospects.map { $0.forecast(level: a.level) }
    let decided =
      forms.first { $0.weight > FormForecast.decisiveWeight } ?? (forms.count == 1 ? forms[0] : nil)
    let headline = decided ?? FormProspect.average(prospects[0], prospects[1], level: a.level)
    return SizeForecast(
      size: size, a: headline.a, b: headline.b, ceiling: headline.ceiling, level: a.level,
      form: headline.form, forms: forms, decadesExtrapolated: decadesOutside(size),
      naiveLargest: largest, naiveMean: LawNumbers(meanOf: means) ?? largest)
  }

  /// Each form's numbers at a place; a power that leaves the range of numbers there has none.
  private func prospects(at logSize: Double) -> [FormProspect] {
    let line = FormProspect(
      form: .logLinear, weight: logLinearWeight,
      a: Prospect(value: a.value(at: logSize), spread: a.spread(at: logSize)),
      b: Prospect(value: b.value(at: logSize), spread: b.spread(at: logSize)),
      ceiling: Prospect(value: ceiling.value(at: logSize), spread: ceiling.spread(at: logSize)))
    guard case .success(let power) = powerLaw,
      let curve = FormProspect(power, at: logSize, weight: 1 - logLinearWeight)
    else {
      var alone = line
      alone.weight = 1
      return [alone]
    }
    return [line, curve]
  }

  /// Powers of ten between a size and the nearest fitted one; 0 inside their range.
  private func decadesOutside(_ size: Double) -> Double {
    max(0, log10(size) - log10(sizes[sizes.count - 1]), log10(sizes[0]) - log10(size))
  }

  private static func logLinearWeight(
    _ line: ScalingLine, _ powerLaw: Result<PowerFit, NoFit>
  ) -> Double {
    guard case .success(let power) = powerLaw else { return 1 }
    let design = line.design
    let means = design.means(of: design.nesting.order.map { line.points[$0].value })
    let places = design.nesting.logSizes
    // Rounding must not decide between forms that both lie on the data.
    let floor = 1e-12 * line.rmse * line.rmse + 1e-24 * means.reduce(0) { max($0, $1 * $1) }
    let variances = means.indices.map { size in
      max(
        floor,
        design.baseFactors[size] * (line.baseVariance ?? 0)
          + design.runFactors[size] * (line.seedVariance ?? 0) + line.error.known[size])
    }
    func likelihood(_ value: (Double) -> Double) -> Double {
      FormEvidence.logLikelihood(
        residuals: zip(means, places).map { $0 - value($1) }, variances: variances)
    }
    return FormEvidence.share(likelihood(line.value(at:)), likelihood(power.ceiling(at:)))
  }
}
