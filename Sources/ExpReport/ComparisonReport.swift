public import ExpFit

/// What `exp compare` tells people: which arm helps, by how much, and whether that is known at all.
public struct ComparisonReport: Sendable, Hashable {
  /// The comparison.
  public var comparison: Comparison
  /// The measures that are shown, in this order.
  public var measures: [ComparisonMeasure]
  /// What people call the runs, by id; a run that is not named shows its id.
  public var labels: [String: String]

  /// What is shown where nobody asks for more: every further measure is one more chance to find a difference that is
  /// none.
  public static let standardMeasures: [ComparisonMeasure] = [
    .ceiling, .lastScore, .equalStepScore, .plateauEntropyRatio,
  ]

  /// Makes a report.
  public init(
    _ comparison: Comparison, measures: [ComparisonMeasure] = standardMeasures,
    labels: [String: String] = [:]
  ) {
    self.comparison = comparison
    self.measures = measures
    self.labels = labels
  }

  /// Returns the whole report, its sections apart by empty lines.
  public func rendered(_ style: Style = .plain) -> String {
    var sections = [design(style)]
    for measure in shown { sections.append(section(measure, style)) }
    sections.append(legend.flatMap { wrapped($0, style) }.joined(separator: "\n"))
    for law in comparison.laws { sections.append(LawEqualityText(self, law).rendered(style)) }
    return sections.joined(separator: "\n\n")
  }

  // MARK: Design

  private func design(_ style: Style) -> String {
    let design = comparison.design
    let runs = design.blocks.reduce(0) { $0 + $1.runs.reduce(0) { $0 + $1.count } }
    let against =
      comparison.baseline.map { "each against '\($0)'" } ?? "each against each other"
    let heading =
      "\(design.key): \(PredictionText.count(design.arms.count, "arm")), "
      + "\(PredictionText.count(runs, "run")), \(PredictionText.count(design.sizes.count, "size")); "
      + against
    var lines = wrapped(heading, style).map { style.paint($0, .bold) }
    let keys = ["size", "seed", "base seed"] + design.blocking
    lines += wrapped(
      "a pair: two runs of different arms that agree in \(keys.joined(separator: ", "))", style)
    for warning in comparison.warnings { lines += PredictionText.bullet(warning, style) }
    if !comparison.unpaired.isEmpty {
      lines += PredictionText.bullet(
        "in no pair: \(names(comparison.unpaired))", isGrave: true, style)
    }
    if !design.withoutKey.isEmpty {
      lines += PredictionText.bullet(
        "without \(design.key), so in no arm: \(names(design.withoutKey))", style)
    }
    return lines.joined(separator: "\n")
  }

  /// Up to 12 runs by name, and how many more.
  func names(_ ids: [String]) -> String {
    let shown = ids.prefix(12).map { labels[$0] ?? $0 }.joined(separator: ", ")
    return ids.count > 12 ? "\(shown) and \(ids.count - 12) more" : shown
  }

  func wrapped(_ text: String, _ style: Style) -> [String] {
    DisplayText.wrapped(DisplayText.clean(text), to: style.width)
  }

  // MARK: Measures

  private var shown: [MeasureComparison] {
    measures.compactMap { wanted in comparison.measures.first { $0.measure == wanted } }
      .filter { $0.measure != .equalStepScore || !equalsLastScore }
  }

  /// Whether all pairs end at the same step, so that scores at equal steps are the last ones.
  private var equalsLastScore: Bool {
    func pairs(_ measure: ComparisonMeasure) -> [ArmComparison.Pair]? {
      comparison.measures.first { $0.measure == measure }?.bySize.flatMap(\.pairs)
    }
    guard measures.contains(.lastScore) else { return false }
    return pairs(.lastScore) == pairs(.equalStepScore)
  }

  private func section(_ measure: MeasureComparison, _ style: Style) -> String {
    var lines = wrapped(measure.measure.words, style).map { style.paint($0, .bold) }
    lines.append(table(measure.bySize, measure.measure).rendered(style))
    lines += familyWords(measure.bySize, measure.familySize).flatMap { wrapped($0, style) }
    lines += singleWords(measure.bySize, style)
    if !measure.missing.isEmpty {
      let why = measure.measure.isOfLaw ? "no law was found to hold" : "not measured"
      lines += PredictionText.bullet("\(why) in \(names(measure.missing)): left out", style)
    }
    if measure.measure == .ceiling, !comparison.unreached.isEmpty {
      lines += PredictionText.bullet(
        "\(comparison.unreached.joined(separator: ", ")): the ceiling is higher but the last score "
          + "is lower; the ceiling is where the law would lead at H = 0, which these runs did not "
          + "reach", style)
    }
    guard !measure.pooled.isEmpty else { return lines.joined(separator: "\n") }
    lines += ["", style.paint("over all sizes: the mean of the sizes' means", .bold)]
    lines.append(table(measure.pooled, measure.measure).rendered(style))
    lines += familyWords(measure.pooled, measure.pooledFamilySize).flatMap { wrapped($0, style) }
    for comparison in measure.pooled { lines += sizeWords(comparison, style) }
    return lines.joined(separator: "\n")
  }

  private func familyWords(_ comparisons: [ArmComparison], _ family: Int) -> [String] {
    let counts = comparisons.map(\.pairs.count).filter { $0 > 1 }
    guard family > 0, let fewest = counts.min() else { return [] }
    var words =
      "p adjusted over a family of \(PredictionText.count(family, "comparison")) (Holm)"
    let smallest = NumberText.significant(SignFlip.smallestP(pairs: fewest), digits: 2)
    if fewest <= 5 {
      words +=
        "; with \(fewest) pairs the sign-flip p cannot be below \(smallest), so a smaller p rests "
        + "on differences being normal"
    }
    return [words]
  }

  /// Why a single pair has no interval, and that the error of its two curves is none.
  private func singleWords(_ comparisons: [ArmComparison], _ style: Style) -> [String] {
    let single = comparisons.filter { $0.estimate?.pairCount == 1 }
    guard !single.isEmpty else { return [] }
    var words = "1 pair: how much another seed would change the difference cannot be known"
    if let error = single.compactMap({ $0.estimate?.evaluationError }).max() {
      words +=
        "; the standard error of the two curves (up to "
        + "\(NumberText.significant(error, digits: 2))) leaves that out, so it makes no interval"
    }
    return PredictionText.bullet(words, style)
  }

  /// How the effect of one arm depends on the size.
  private func sizeWords(_ comparison: ArmComparison, _ style: Style) -> [String] {
    guard let estimate = comparison.estimate else { return [] }
    let name = "\(comparison.arm) against \(comparison.baseline)"
    var words: [String] = []
    let sizes = self.comparison.design.sizes.count
    if estimate.sizeCount < sizes {
      words.append("pairs at \(estimate.sizeCount) of \(sizes) sizes")
    }
    if let sizes = comparison.heterogeneity, sizes.test.p <= 1 - self.comparison.level {
      if comparison.signChanges { words.append("the effect changes its sign with size") }
      words.append(
        "the effect differs between sizes by a standard deviation of "
          + "\(NumberText.significant(sizes.standardDeviation, digits: 2)) beyond the spread of "
          + "pairs (\(ComparisonText.test(sizes.test)))")
    } else if comparison.signChanges {
      let test = comparison.heterogeneity.map { " (\(ComparisonText.test($0.test)))" } ?? ""
      words.append(
        "the sizes' mean differences have both signs, which is not shown to be more than chance"
          + test)
    }
    if estimate.spread == .sizes {
      words.append("each size has 1 pair, so the interval is that of the spread between sizes")
    }
    guard !words.isEmpty else { return [] }
    return PredictionText.bullet("\(name): \(words.joined(separator: "; "))", style)
  }

  private var legend: [String] {
    let level = PredictionText.percent(comparison.level)
    let margin = "\(comparison.margin)"
    return [
      "difference: arm less baseline, mean over pairs, t interval of the one comparison; all "
        + "[\(level)]: the interval that holds for the whole family at once (Bonferroni); p: t, by "
        + "itself; flips: exact sign-flip p; g: Hedges' g_av; 'none shown, ≤ X': no difference is "
        + "shown, and one of up to X either way is not ruled out; 'not after Holm': p below "
        + "\(NumberText.significant(1 - comparison.level, digits: 2)) by itself, which so many "
        + "comparisons make likely by chance; 'equal within margin': shown to be less than "
        + "\(margin) apart by two one-sided tests (--margin)"
    ]
  }
}
