internal import ArgumentParser
internal import ExpCore
internal import ExpFit
internal import ExpReport
internal import ExpStore
internal import FoundationEssentials
internal import TrainerProtocol

/// `exp fit`: the law of a sweep, or of anybody's log.
struct FitCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "fit",
    abstract: "Fit R = −a·exp(H) + b to each run, and a and b against model size.",
    discussion: """
      The CSV has the columns run,model_params,step,entropy,score in any order; others are ignored. \
      It needs no store and no repository.
      """)

  @Argument(help: "The sweep.") var sweep: String?
  @Option(name: .customLong("csv"), help: "Fit this file instead of a sweep.") var csv: String?
  @Option(help: "Coverage of the intervals.") var level = 0.95
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
    let data = try LawData(sweep: name, paths: paths)
    for note in data.notes + data.heldOutNotes { Terminal.message(note) }
    let fit = data.fit(level: level)
    if json {
      Terminal.output(ExpFit.FitReport(fit).json.prettyJSON)
      return
    }
    try Terminal.output(
      FitCommand.text(of: fit, data: data, sweep: name, paths: paths))
  }

  private func fitFile(_ path: String) throws {
    guard let data = FileManager.default.contents(atPath: path) else {
      throw Failure("cannot read '\(path)': is it there, and a file?", code: ExitStatus.usage)
    }
    let contents = FitCSV.parse(Array(data), file: path)
    show(contents.diagnostics)
    guard !contents.hasErrors else { throw ExitStatus.usage }
    let fit = SweepFit(contents.curves, level: level)
    Terminal.output(
      json
        ? ExpFit.FitReport(fit).json.prettyJSON
        : ExpReport.FitReport(fit).rendered(Terminal.current.outputStyle))
  }

  /// The report of a sweep, its held-out sizes settled by what was registered for them.
  static func text(
    of fit: SweepFit, data: LawData, sweep: String, paths: RunPaths
  ) throws -> String {
    let registered = try PredictionRecord.readAll(of: sweep, below: paths)
    let heldOut = fit.settled(by: registered, starts: data.heldOutStarts).map {
      ExpReport.FitReport.HeldOut($0.test, registeredAt: $0.registeredAt)
    }
    return ExpReport.FitReport(fit, labels: data.labels, heldOut: heldOut)
      .rendered(Terminal.current.outputStyle)
  }
}
