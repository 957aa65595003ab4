internal import ArgumentParser
internal import ExpCore
internal import ExpFit
internal import ExpReport
internal import ExpStore
internal import TrainerProtocol

/// `exp fit`: the law of a sweep, or of anybody's log.
struct FitCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "fit",
    abstract: "Fit R = −a·exp(H) + b to each run, and a and b against model size.",
    discussion: """
      The CSV has the columns run,model_params,step,entropy,score in any order, and where the log \
      has them compute (cumulative), seed, base_seed, held_out, prompts and definition; any other \
      column with one value per run becomes a label of the run, and the rest is named and ignored. \
      It needs no store and no repository.

      Exit code 1 when no run could be fitted, 64 when the file or the command is wrong.
      """)

  @Argument(help: "The sweep.") var sweep: String?
  @Option(
    name: .customLong("csv"), help: "Fit this file instead of a sweep; '-' is standard input.")
  var csv: String?
  @Option(help: "Coverage of the intervals.") var level = 0.95
  @OptionGroup var methodOptions: LawMethodOptions
  @OptionGroup var conditionOptions: RunConditionOptions
  @Flag(help: "Fit the first points of each run and predict the rest, for many numbers of points.")
  var early = false
  @Option(
    help:
      "H and R of the same validation answers (validation), or as the paper's code pairs them (paper)."
  )
  var pairing = LawPairing.validation.rawValue
  @Flag(help: "Fit the curves so far of runs that have not ended well, each by itself.")
  var includeUnfinished = false
  @Option(help: "Where definitions of entropy and score are mixed, keep the runs of this one.")
  var definition: Int?
  @Flag(help: "Print the result as JSON.") var json = false
  @OptionGroup var location: LocationOptions

  func run() throws {
    try reportingFailures {
      try checkLevel(level)
      switch (sweep, csv) {
      case (let name?, nil): try fitSweep(name)
      case (nil, let path?): try fitFile(path)
      case (nil, nil):
        throw Failure("name a sweep, or a file with --csv FILE", code: ExitStatus.usage)
      case (_?, _?):
        throw Failure("give a sweep or --csv FILE, not both", code: ExitStatus.usage)
      }
    }
  }

  private func fitSweep(_ name: String) throws {
    let paths = location.paths()
    guard let pairing = LawPairing(rawValue: pairing) else {
      let names = LawPairing.allCases.map(\.rawValue).joined(separator: " or ")
      throw Failure("--pairing is \(names), not '\(pairing)'", code: ExitStatus.usage)
    }
    let data = try LawData(
      sweep: name, paths: paths, pairing: pairing, includingUnfinished: includeUnfinished,
      where: try conditionOptions.condition())
    for note in data.notes + data.heldOutNotes { Terminal.message(note) }
    let method = try methodOptions.method()
    let fit = SweepFit(try chosen(data.curves, labels: data.labels), level: level, method: method)
    let registered = try PredictionRecord.readAll(of: name, below: paths)
    let settled = fit.settled(by: registered, starts: data.heldOutStarts)
    let unfinished = data.unfinished.map {
      UnfinishedRun(
        RunFit($0.curve, level: level, method: method), state: $0.state, step: $0.step,
        plannedSteps: $0.plannedSteps)
    }
    try show(fit, labels: data.labels, settled: settled, unfinished: unfinished, pairing: pairing)
  }

  private func fitFile(_ path: String) throws {
    guard pairing == LawPairing.validation.rawValue, !includeUnfinished else {
      throw Failure(
        "--pairing and --include-unfinished need a sweep; a CSV holds the pairs as they are",
        code: ExitStatus.usage)
    }
    let contents = FitCSV.parse(try LogFile.read(path), file: LogFile.name(path))
    ExpCLI.show(contents.diagnostics)
    guard !contents.hasErrors else { throw ExitStatus.usage }
    let curves = try conditionOptions.condition()?.select(contents.curves) ?? contents.curves
    let fit = SweepFit(
      try chosen(curves, labels: [:]), level: level, method: try methodOptions.method())
    try show(fit, labels: [:], settled: fit.heldOut.map { ($0, nil) }, unfinished: [], pairing: nil)
  }

  /// The curves of the definition that was asked for; the others are named.
  private func chosen(_ curves: [Curve], labels: [String: String]) throws -> [Curve] {
    guard let definition else { return curves }
    let groups = DefinitionGroups(curves).groups
    guard definition >= 1, definition <= groups.count else {
      throw Failure(
        "there is no definition \(definition): the runs have \(groups.count)",
        code: ExitStatus.usage)
    }
    let kept = groups[definition - 1].definition
    let left = curves.filter { $0.definition != nil && $0.definition != kept }
    if !left.isEmpty {
      let names = left.prefix(10).map { labels[$0.id] ?? $0.id }.joined(separator: ", ")
      let more = left.count > 10 ? " and \(left.count - 10) more" : ""
      Terminal.message("left out for another definition of entropy and score: \(names)\(more)")
    }
    return curves.filter { $0.definition == nil || $0.definition == kept }
  }

  private func show(
    _ fit: SweepFit, labels: [String: String],
    settled: [(test: SizeTest, registeredAt: String?)], unfinished: [UnfinishedRun],
    pairing: LawPairing?
  ) throws {
    let foretold = early ? EarlyPrediction(fit.runs) : nil
    if json {
      var report = ExpFit.FitReport(fit)
      report.settled = settled.map { .init($0.test, registeredAt: $0.registeredAt) }
      report.pairing = pairing
      report.unfinished = unfinished
      report.early = foretold
      Terminal.output(report.json.prettyJSON)
    } else {
      var report = ExpReport.FitReport(
        fit, labels: labels,
        heldOut: settled.map { .init($0.test, registeredAt: $0.registeredAt) })
      report.pairing = pairing
      report.unfinished = unfinished
      report.early = foretold
      Terminal.output(report.rendered(Terminal.current.outputStyle))
    }
    guard (fit.runs + unfinished.map(\.run)).contains(where: \.lawExists) else {
      Terminal.message(
        fit.runs.isEmpty ? "exp: there is no finished run to fit" : "exp: no run could be fitted")
      throw ExitStatus.failed
    }
  }
}
