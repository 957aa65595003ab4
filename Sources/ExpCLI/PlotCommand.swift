internal import ArgumentParser
internal import ExpFit
internal import ExpReport
internal import ExpStore
internal import FoundationEssentials
internal import TrainerProtocol

/// `exp plot`: R against exp(H), a series a size.
struct PlotCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "plot", abstract: "Plot R against exp(H) per model size, with the fitted lines.",
    discussion: "With --early: how well the first points of the runs foretell the rest.")

  @Argument(help: "The sweep.") var sweep: String
  @Flag(help: "Plot the error of fits on the first points on the rest, over the share fitted.")
  var early = false
  @Option(
    help:
      "Apart from sizes, tell series apart by this label (default: the first in which runs of a size differ)."
  )
  var by: String?
  @OptionGroup var conditionOptions: RunConditionOptions
  @Option(help: "Write an SVG file here instead of drawing in the terminal.") var svg: String?
  @OptionGroup var location: LocationOptions

  func run() throws {
    try reportingFailures {
      let paths = location.paths()
      let condition = try conditionOptions.condition()
      let plot =
        try early
        ? PlotCommand.earlyPlot(of: sweep, where: condition, paths: paths)
        : PlotCommand.plot(of: sweep, by: by, where: condition, paths: paths)
      guard let svg else {
        Terminal.output(plot.terminal(Terminal.current.outputStyle))
        return
      }
      try PlotCommand.write(plot, to: svg)
      Terminal.message("wrote \(svg)")
    }
  }

  /// The plot of a sweep, held-out sizes with the lines that were registered for them.
  static func plot(
    of sweep: String, by key: String? = nil, where condition: RunCondition? = nil, paths: RunPaths
  ) throws -> ScatterPlot {
    let data = try LawData(sweep: sweep, paths: paths, where: condition)
    let fit = data.fit(level: 0.95)
    if let key, !fit.runs.contains(where: { $0.curve.labels[key] != nil }) {
      let varying = ScatterPlot.varyingLabels(of: fit)
      throw Failure(
        "no run of '\(sweep)' has a label '\(key)'; "
          + (varying.isEmpty
            ? "its runs differ in size and seeds only"
            : "they differ in \(varying.joined(separator: ", "))"),
        code: ExitStatus.usage)
    }
    let registered = try PredictionRecord.readAll(of: sweep, below: paths)
    return ScatterPlot(
      title: "\(sweep): R against exp(H)", fit: fit, by: key,
      heldOut: fit.settled(by: registered, starts: data.heldOutStarts).map(\.test))
  }

  /// The error of early fits over the share of the points they had.
  static func earlyPlot(
    of sweep: String, where condition: RunCondition?, paths: RunPaths
  ) throws -> ScatterPlot {
    let data = try LawData(sweep: sweep, paths: paths, where: condition)
    for note in data.notes + data.heldOutNotes { Terminal.message(note) }
    return ScatterPlot(
      title: "\(sweep): early fits judged on the rest, medians over runs",
      early: EarlyPrediction(data.fit(level: 0.95).runs))
  }

  /// Writes the plot as SVG, whole or not at all.
  static func write(_ plot: ScatterPlot, to path: String) throws {
    do {
      try Data(plot.svg().utf8).write(to: URL(filePath: path), options: .atomic)
    } catch {
      throw Failure("cannot write '\(path)': is its folder there, and can you write to it?")
    }
  }
}
