internal import ExpFit

/// The section on whether a and b are the same in all arms, at one size.
struct LawEqualityText {
  private let report: ComparisonReport
  private let law: LawEquality

  init(_ report: ComparisonReport, _ law: LawEquality) {
    self.report = report
    self.law = law
  }

  func rendered(_ style: Style) -> String {
    let heading =
      "the law at \(NumberText.size(law.size)): are a and b the same in all arms?"
    var lines = [style.paint(heading, .bold), armTable.rendered(style)]
    let leftOut = law.arms.flatMap(\.leftOut)
    if !leftOut.isEmpty {
      lines += PredictionText.bullet(
        "no law was found to hold in \(report.names(leftOut)): not part of these tests", style)
    }
    if let reason = law.reason { lines += PredictionText.bullet(reason, style) }
    if let wide = law.unequalSpread {
      lines += PredictionText.bullet(
        "ceilings of \(wide.arm) vary from run to run "
          + "\(NumberText.significant(wide.ratio, digits: 2)) times as much as the others': the F "
          + "tests take the spread to be equal and are too eager here", style)
    }
    for words in [tests, curves, spread, answer, equivalence].compactMap(\.self) {
      lines += report.wrapped(words, style)
    }
    return lines.joined(separator: "\n")
  }

  private var armTable: TextTable {
    TextTable(
      columns: [
        .init("arm"), .init("runs", .right), .init("a", .right), .init("b", .right),
        .init("ceiling", .right),
      ],
      rows: law.arms.map { arm in
        [
          .init(arm.name), .init("\(arm.runCount)"),
          .init(NumberText.fixed(arm.mean?.a, decimals: 4)),
          .init(NumberText.fixed(arm.mean?.b, decimals: 4)),
          .init(NumberText.fixed(arm.mean?.ceiling, decimals: 4)),
        ]
      })
  }

  private var tests: String? {
    var parts: [String] = []
    if let joint = law.joint {
      parts.append(
        "a and b together: \(ComparisonText.test(joint)) (Wilks; Pillai's trace "
          + "\(NumberText.significant(law.trace, digits: 2)))")
    }
    for (name, test) in [("a alone", law.a), ("b alone", law.b), ("ceiling", law.ceiling)] {
      guard let test else { continue }
      let holm = test.holmP.map { " (Holm \(ComparisonText.p($0)))" } ?? ""
      parts.append("\(name): \(ComparisonText.test(test))\(holm)")
    }
    return parts.isEmpty ? nil : parts.joined(separator: "; ")
  }

  private var curves: String? {
    guard let test = law.curves else { return nil }
    let differ = test.p <= 1 - report.comparison.level
    return "these single curves \(differ ? "do not follow" : "may well follow") one law "
      + "(\(ComparisonText.test(test)), errors robust to autocorrelation); whether the arms differ "
      + "cannot be told from one seed"
  }

  private var spread: String? {
    guard let runs = law.runSpread, let arms = law.armSpread else { return nil }
    func three(_ numbers: LawNumbers) -> String {
      [("a", numbers.a), ("b", numbers.b), ("ceiling", numbers.ceiling)]
        .map { "\($0.0) \(NumberText.significant($0.1, digits: 2))" }.joined(separator: ", ")
    }
    var words =
      "standard deviation of runs within an arm: \(three(runs)); between arms, beyond that: "
      + three(arms)
    if let evaluation = law.evaluationError {
      words += "; standard error of one run's curve alone: \(three(evaluation))"
    }
    return words
  }

  private var answer: String? {
    let alpha = 1 - report.comparison.level
    let alone = [("a", law.a), ("b", law.b)].compactMap { name, test in
      test?.holmP.map { (name, $0) }
    }
    guard let p = law.joint?.p ?? alone.map(\.1).min() else { return nil }
    let key = report.comparison.design.key
    let names = alone.filter { $0.1 <= alpha }.map(\.0).joined(separator: " and ")
    if p <= alpha {
      if law.joint == nil {
        let verb = names.contains(" ") ? "differ" : "differs"
        return "so \(names) \(verb) with \(key), taken alone"
      }
      return "so a and b differ with \(key)" + (names.isEmpty ? "" : " (taken alone: \(names))")
    }
    let none =
      "so no difference of a and b with \(key) is shown, which does not show that there is none"
    return names.isEmpty ? none : "\(none); taken alone, \(names) would differ"
  }

  private var equivalence: String? {
    guard let equal = law.equivalence else { return largest }
    let margin = "\(equal.margin)"
    let pair = "\(equal.arm) and \(equal.baseline)"
    let p = ComparisonText.p(equal.p)
    if equal.isShown {
      return "every two arms' ceilings are equal within \(margin): largest p of two one-sided "
        + "tests \(p), \(pair)"
    }
    return "that every two arms' ceilings are equal within \(margin) is not shown: p of two "
      + "one-sided tests \(p) for \(pair)" + (largest.map { "; \($0)" } ?? "")
  }

  /// The two arms whose ceilings are furthest apart.
  private var largest: String? {
    let pairs = law.differences.first { $0.measure == .ceiling }?.bySize ?? []
    let known = pairs.compactMap { pair in pair.estimate.map { (pair, $0) } }
    guard let (pair, estimate) = known.max(by: { abs($0.1.value) < abs($1.1.value) }) else {
      return nil
    }
    let interval = PredictionText.interval(estimate.value, estimate.interval)
    var words = "furthest apart: \(pair.arm) less \(pair.baseline) \(interval)"
    if let spread = law.runSpread?.ceiling, spread > 0 {
      let size = NumberText.significant(estimate.value / spread, digits: 2)
      words += ", \(size) standard deviations of runs"
    }
    if estimate.interval == nil { words += " (1 pair, so without an interval)" }
    return words
  }
}
