internal import ExpFit
internal import Glibc

extension ComparisonReport {
  /// One line a comparison; what decides comes first, for a narrow terminal goes on below.
  func table(_ comparisons: [ArmComparison], _ measure: ComparisonMeasure) -> TextTable {
    let level = PredictionText.percent(comparison.level)
    let showsSize =
      comparison.design.sizes.count > 1 && comparisons.contains { $0.size != nil }
    let showsBaseline = comparison.baseline == nil
    // The size stands in the first column, which a narrow terminal repeats.
    var columns = [
      TextTable.Column((showsSize ? "N, " : "") + "arm")
    ]
    if showsBaseline { columns.append(.init("less arm", .right)) }
    columns += [
      .init("\(measure.isRatio ? "ratio" : "difference") [\(level)]", .right),
      .init("pairs", .right), .init("p (Holm)", .right), .init("verdict", .right),
      .init("all [\(level)]", .right), .init("p", .right), .init("flips", .right),
      .init("g", .right),
    ]
    let rows = comparisons.map { comparison in
      let size = showsSize ? "\(NumberText.size(comparison.size)) " : ""
      let name = TextTable.Cell(size + comparison.arm)
      let other = showsBaseline ? [TextTable.Cell(comparison.baseline)] : []
      return [name] + other + ComparisonText.cells(comparison, measure)
    }
    return TextTable(columns: columns, rows: rows, emptyText: "no two arms to compare")
  }
}

/// Words and cells that the sections of a comparison share.
enum ComparisonText {
  static func cells(
    _ comparison: ArmComparison, _ measure: ComparisonMeasure
  ) -> [TextTable.Cell] {
    let estimate = comparison.estimate
    func scaled(_ value: Double?) -> Double? {
      measure.isRatio ? value.map { exp($0) } : value
    }
    func interval(_ range: Interval?) -> String {
      NumberText.interval(scaled(estimate?.value), scaled(range?.low), scaled(range?.high))
    }
    let together = estimate?.simultaneousInterval.map { interval($0) } ?? NumberText.missing
    return [
      .init(interval(estimate?.interval)), .init("\(estimate?.pairCount ?? 0)"),
      .init(p(estimate?.holmP)), verdict(comparison, measure), .init(ends(of: together)),
      .init(p(estimate?.p)), .init(p(estimate?.signFlipP)),
      .init(NumberText.fixed(estimate?.hedgesG, decimals: 1)),
    ]
  }

  /// The interval without the value before it, which stands in another column.
  private static func ends(of text: String) -> String {
    text.firstIndex(of: "[").map { String(text[$0...]) } ?? text
  }

  static func p(_ value: Double?) -> String {
    guard let value else { return NumberText.missing }
    return value < 0.001 ? "<0.001" : NumberText.significant(value, digits: 2)
  }

  static func test(_ test: EffectTest) -> String {
    func degrees(_ value: Double) -> String {
      value == value.rounded() && value < 1e6
        ? NumberText.fixed(value, decimals: 0) : NumberText.fixed(value, decimals: 1)
    }
    let p = p(test.p)
    return "F(\(degrees(test.numerator)), \(degrees(test.denominator))) = "
      + "\(NumberText.significant(test.f)), p \(p.hasPrefix("<") ? "< \(p.dropFirst())" : "= \(p)")"
  }

  static func verdict(_ comparison: ArmComparison, _ measure: ComparisonMeasure) -> TextTable.Cell {
    let isBetter = measure.isBetterHigher
    switch comparison.verdict {
    case .higher: return .init(isBetter ? "helps" : "higher", isBetter ? .green : .blue)
    case .lower: return .init(isBetter ? "hurts" : "lower", isBetter ? .red : .blue)
    case .equivalent: return .init("equal within margin")
    case .higherAlone: return .init("\(isBetter ? "helps" : "higher")? not after Holm", .yellow)
    case .lowerAlone: return .init("\(isBetter ? "hurts" : "lower")? not after Holm", .yellow)
    case .notShown(let possible):
      let text =
        measure.isRatio
        ? "×\(NumberText.significant(exp(possible)))"
        : NumberText.significant(possible, digits: 2)
      return .init("none shown, ≤ \(text)")
    case .cannotTell(let reason):
      if comparison.pairs.count > 1,
        comparison.pairs.allSatisfy({ $0.armValue == $0.baselineValue })
      {
        return .init("identical")
      }
      let isShort = reason.count <= 8
      return .init(isShort ? "cannot tell: \(reason)" : "cannot tell: no spread", .yellow)
    }
  }
}
