internal import ArgumentParser
internal import ExpCore
internal import ExpFit
internal import ExpReport

/// `exp compare`: which value of a key helps, and whether the difference is real.
struct CompareCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "compare",
    abstract: "Compare the values of a key, paired over seeds, with intervals.",
    discussion: """
      An arm is a value of the key, such as train.entropy_control or train.algorithm. Two runs are a pair where all else \
      that identifies them agrees: size, seeds, and every other key that varies; keys that follow the arm are named as \
      what it may be confused with. Held-out runs count like any other. With --csv FILE the key is a column.

      Measures: \(ComparisonMeasure.allCases.map(\.rawValue).joined(separator: ", ")).

      Exit code 1 when no two runs are a pair, 64 when the command or the file is wrong.
      """)

  @Argument(help: "The sweep.") var sweep: String?
  @Option(
    name: .customLong("csv"),
    help: "Compare the runs of this file instead of a sweep; '-' is standard input.")
  var csv: String?
  @Option(name: .customLong("by"), help: "The key whose values are compared.") var key: String
  @Option(
    help:
      "The value that others are compared with (default: none, off, false, baseline, base or grpo, else the first)."
  )
  var baseline: String?
  @Option(help: "Compare each value with the baseline (baseline), or each with each other (all).")
  var pairs = Comparison.Pairing.baseline.rawValue
  @Option(name: .customLong("measure"), help: "What is shown: measures with commas, or all.")
  var measures: String?
  @Option(help: "A difference of scores that does not matter, for tests of equality.")
  var margin = 0.02
  @Option(help: "Coverage of the intervals.") var level = 0.95
  @Flag(help: "Print everything as JSON, all measures unless some are named.") var json = false
  @OptionGroup var location: LocationOptions

  func run() throws {
    try reportingFailures {
      try checkLevel(level)
      try checkKey()
      let shown = try chosenMeasures()
      guard let pairing = Comparison.Pairing(rawValue: pairs) else {
        throw Failure("--pairs is baseline or all, not '\(pairs)'", code: ExitStatus.usage)
      }
      guard pairing == .baseline || baseline == nil else {
        throw Failure(
          "--pairs all has no baseline; leave out one of the two", code: ExitStatus.usage)
      }
      let data = try self.data()
      for note in data.notes { Terminal.message(note) }
      guard !data.curves.isEmpty else {
        throw Failure("no run has finished, so there is nothing to compare")
      }
      let comparison = try compare(data, pairing)
      Terminal.output(
        json
          ? ComparisonDocument(comparison, notes: data.notes).json.prettyJSON
          : ComparisonReport(
            comparison, measures: shown ?? ComparisonReport.standardMeasures, labels: data.names
          ).rendered(Terminal.current.outputStyle))
      let pairCount = comparison.measures.flatMap(\.bySize).reduce(0) { $0 + $1.pairs.count }
      if pairCount == 0 { throw ExitStatus.failed }
    }
  }

  private func data() throws -> ComparisonData {
    switch (sweep, csv) {
    case (let name?, nil): try ComparisonData(sweep: name, key: key, paths: location.paths())
    case (nil, let path?): try ComparisonData(csv: path)
    case (nil, nil):
      throw Failure("name a sweep, or a file with --csv FILE", code: ExitStatus.usage)
    case (_?, _?):
      throw Failure("give a sweep or --csv FILE, not both", code: ExitStatus.usage)
    }
  }

  private func compare(
    _ data: ComparisonData, _ pairing: Comparison.Pairing
  ) throws -> Comparison {
    do {
      return try Comparison(
        data.curves, by: key, baseline: baseline, pairing: pairing,
        measures: json
          ? try chosenMeasures() ?? ComparisonMeasure.allCases
          : ComparisonMeasure.allCases,
        margin: margin, level: level, names: data.names)
    } catch let reason as NoFit {
      let known = Set(data.curves.flatMap { Array($0.labels.keys) })
      let help =
        known.contains(key) ? nil : Suggestion.nearest(to: key, among: known.sorted())
      let question = help.map { "; did you mean '\($0)'?" } ?? ""
      throw Failure("\(reason.reason)\(question)", code: ExitStatus.usage)
    }
  }

  /// Seeds make pairs and sizes make blocks, so neither can be an arm.
  private func checkKey() throws {
    if ["seed", "base.seed", "base_seed"].contains(key) {
      throw Failure(
        "runs are paired over seeds, so '\(key)' is no arm: one seed is not better than another; "
          + "'exp compare … --by KEY' shows the spread of runs within an arm",
        code: ExitStatus.usage)
    }
    if key == "model" || key.hasPrefix("model.") || key == "model_params" {
      throw Failure(
        "'\(key)' is the size, which pairs agree in; 'exp fit' has the law over sizes, and "
          + "'exp predict' its ceilings", code: ExitStatus.usage)
    }
  }

  /// The measures that were named; nil for none.
  private func chosenMeasures() throws -> [ComparisonMeasure]? {
    guard let measures else { return nil }
    if measures == "all" { return ComparisonMeasure.allCases }
    guard measures.contains(where: { $0 != "," && $0 != " " }) else {
      throw Failure("--measure names no measure", code: ExitStatus.usage)
    }
    return try measures.split(separator: ",").map { name in
      let word = name.filter { $0 != " " }
      guard let measure = ComparisonMeasure(rawValue: word) else {
        let names = ComparisonMeasure.allCases.map(\.rawValue)
        let near = Suggestion.nearest(to: word, among: names).map { "; did you mean '\($0)'?" }
        throw Failure(
          "'\(word)' is no measure: all, \(names.joined(separator: ", "))\(near ?? "")",
          code: ExitStatus.usage)
      }
      return measure
    }
  }
}
