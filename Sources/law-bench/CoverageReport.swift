internal import ExpFit

/// The coverage tables that stand in docs/law/run.md.
struct CoverageReport {
  private static let counts = [5, 10, 20, 40, 100, 200]
  private static let correlations = [0, 0.2, 0.5, 0.8]
  private static let slowCorrelations = [0.8, 0.95]
  private static let others: [(estimator: String, errors: String)] = [
    ("gls", "autoregressive"), ("least_squares", "hac"), ("least_squares", "independent"),
    ("huber", "autoregressive"), ("binomial", "autoregressive"),
  ]

  var markdown: String {
    let others = CoverageReport.others.compactMap {
      // try?: names that do not go together would be missing from the table's columns, seen at once.
      try? LawMethod(estimator: $0.estimator, errors: $0.errors)
    }
    let methods = [LawMethod.standard] + others
    var lines: [String] = []
    for variant in Variant.allCases {
      let rows = CoverageReport.rows(variant, methods: methods)
      lines += CoverageReport.caption(variant) + [""]
      if variant == .even || variant == .mixed {
        lines += CoverageReport.standardTable(rows) + [""]
      }
      lines += CoverageReport.methodTable(rows, methods: methods) + [""]
    }
    return lines.dropLast().joined(separator: "\n")
  }

  private static func rows(_ variant: Variant, methods: [LawMethod]) -> [CoverageRow] {
    let lengths = variant == .even ? counts : [10, 40, 200]
    return lengths.flatMap { count in
      (variant == .mixed ? slowCorrelations : correlations).map { rho in
        // The seed depends on the row alone, so that a row is the same whatever else is run.
        let seed = UInt64(count) * 1_000 + UInt64(100 * rho)
        return CoverageRow(
          Simulation(variant: variant, pointCount: count, rho: rho), methods: methods, seed: seed)
      }
    }
  }

  private static func caption(_ variant: Variant) -> [String] {
    switch variant {
    case .even: ["**Even errors** (normal, standard deviation 0.008)."]
    case .binomial:
      ["**Binomial errors** (a score over 128 prompts × 8 answers: variance R (1 − R) / 1024)."]
    case .heavy: ["**Heavy tails** (Student's t with 3 degrees of freedom, same deviation)."]
    case .mixed:
      [
        "**No AR(1)** (normal; half of the variance anew at every point, half of correlation rho)."
      ]
    }
  }

  /// The default: a, b, ceiling, and how often it warns.
  private static func standardTable(_ rows: [CoverageRow]) -> [String] {
    var lines = [
      "| n | rho | a | b | ceiling | few degrees of freedom | first points | slow correlation |",
      "| --: | --: | --: | --: | --: | --: | --: | --: |",
    ]
    for row in rows {
      let tally = row.tallies[0]
      let cells = tally.covered.map { text(tally.share($0)) }
      lines.append(
        "| \(row.simulation.pointCount) | \(row.simulation.rho) | \(cells.joined(separator: " | "))"
          + " | \(text(tally.share(tally.warned))) | \(text(tally.share(tally.firstPoints)))"
          + " | \(text(tally.share(tally.slow))) |")
    }
    return lines
  }

  /// Every method's coverage of the ceiling, with the mean width over the default's.
  private static func methodTable(_ rows: [CoverageRow], methods: [LawMethod]) -> [String] {
    let columns = ["n", "rho"] + methods.map(name) + ["bootstrap"]
    var lines = [
      "| " + columns.joined(separator: " | ") + " |",
      "| " + columns.map { _ in "--:" }.joined(separator: " | ") + " |",
    ]
    for row in rows {
      let standard = row.tallies[0].ceilingWidth / Double(max(1, row.tallies[0].sets))
      let cells =
        row.tallies.map { cell($0, of: CoverageRow.setCount, standard) }
        + [cell(row.bootstrap, of: CoverageRow.bootstrapSetCount, standard)]
      lines.append(
        "| \(row.simulation.pointCount) | \(row.simulation.rho) | \(cells.joined(separator: " | ")) |"
      )
    }
    return lines
  }

  /// Coverage and width, and how many sets had a fit where not all had.
  private static func cell(_ tally: Tally, of setCount: Int, _ standard: Double) -> String {
    guard tally.sets > 0 else { return "–" }
    let width = tally.ceilingWidth / Double(tally.sets) / standard
    let share = "\(text(tally.share(tally.covered[2]))) (\(text(100 * width, places: 0)))"
    return tally.sets == setCount ? share : "\(share) of \(tally.sets)"
  }

  /// A method by the one of its two names in which it is not the default.
  private static func name(_ method: LawMethod) -> String {
    if method == .standard { return "default" }
    return method.errors == LawMethod.standard.errors
      ? method.estimator.rawValue : method.errors.rawValue
  }

  /// Rounded to a place or two.
  private static func text(_ value: Double, places: Int = 1) -> String {
    guard value.isFinite else { return "–" }
    if places == 0 { return "\(Int(min(value, 1e6).rounded()))" }
    let tenths = Int((value * 10).rounded())
    return "\(tenths / 10).\(tenths % 10)"
  }
}
