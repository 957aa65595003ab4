internal import ArgumentParser
internal import ExpCore
internal import ExpFit
internal import ExpReport
internal import ExpStore
internal import FoundationEssentials
internal import TrainerProtocol

/// `exp predict`: a, b and ceiling of a size that was not run.
struct PredictCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "predict",
    abstract: "Predict a, b and the ceiling of a model size from runs of other sizes.",
    discussion: """
      Beside the numbers stand their intervals, the distance of the extrapolation, the error of leaving the \
      largest size out, and what two naive predictions say. Where the law does not hold the ceiling is withheld. \
      The CSV is that of 'exp fit --csv'. With --suggest, the runs that would narrow the interval most for a \
      budget of core-hours are listed.
      """)

  @Option(help: "Non-embedding parameters: 974k, 10M, 7B, or a number.") var size: String
  @Option(name: .customLong("from"), help: "The sweep.") var sweep: String?
  @Option(name: .customLong("csv"), help: "Predict from this file instead of a sweep.")
  var csv: String?
  @Option(help: "Coverage of the intervals.") var level = 0.95
  @OptionGroup var conditionOptions: RunConditionOptions
  @Flag(help: "Show the ceiling even where the law does not hold.") var force = false
  @Flag(help: "Write the prediction down, with the hash of its data, to be settled later.")
  var register = false
  @Flag(help: "List the runs that would narrow the interval most per core-hour.")
  var suggest = false
  @Option(help: "Core-hours for --suggest: 2h, 90m, or a number of hours.") var budget: String?
  @Flag(help: "Print the result as JSON.") var json = false
  @OptionGroup var location: LocationOptions

  func run() throws {
    try reportingFailures {
      try checkLevel(level)
      let count = try parameterCount(size)
      let budget = try coreSeconds()
      switch (sweep, csv) {
      case (let name?, nil): try predict(count, sweep: name, budget: budget)
      case (nil, let path?): try predict(count, file: path)
      case (nil, nil):
        throw Failure("name a sweep with --from, or a file with --csv", code: ExitStatus.usage)
      case (_?, _?):
        throw Failure("give --from SWEEP or --csv FILE, not both", code: ExitStatus.usage)
      }
    }
  }
}

extension PredictCommand {
  private func predict(_ size: Double, file path: String) throws {
    if register || suggest {
      let option = register ? "--register" : "--suggest"
      throw Failure("\(option) needs a sweep: name it with --from", code: ExitStatus.usage)
    }
    let contents = FitCSV.parse(try LogFile.read(path), file: LogFile.name(path))
    show(contents.diagnostics)
    guard !contents.hasErrors else { throw ExitStatus.usage }
    let curves = try conditionOptions.condition()?.select(contents.curves) ?? contents.curves
    let fit = SweepFit(curves.filter { !$0.isHeldOut }, level: level)
    output(try predicted(fit, size), suggestion: nil)
  }

  private func predict(_ size: Double, sweep: String, budget: Double?) throws {
    let paths = location.paths()
    let condition = try conditionOptions.condition()
    if register, condition != nil {
      throw Failure(
        "--register writes down what the whole sweep says; leave --where out",
        code: ExitStatus.usage)
    }
    let data = try LawData(sweep: sweep, paths: paths, where: condition)
    for note in data.notes { Terminal.message(note) }
    let fit = data.fitForPrediction(level: level)
    let prediction = try predicted(fit, size)
    if register {
      if let start = data.heldOutStarts[size] {
        throw Failure(
          "runs of that size began at \(start); a prediction is registered before they do",
          code: ExitStatus.usage)
      }
      let record = try PredictionRecord(
        prediction, of: fit, sweep: sweep, size: self.size, missing: data.notes
      )
      .register(below: paths)
      let folder = PredictionRecord.folder(of: sweep, below: paths)
      Terminal.message(
        "registered at \(record.registeredAt) in '\(folder)'; the hash of its data, to be published: "
          + record.dataSHA256.hex)
    }
    let suggestion = try budget.map {
      try suggested(fit, sweep: sweep, paths: paths, size: size, budget: $0)
    }
    output(prediction, suggestion: suggestion)
  }

  private func suggested(
    _ fit: SweepFit, sweep: String, paths: RunPaths, size: Double, budget: Double
  ) throws -> SuggestionText {
    guard case .success(let scaling) = fit.scaling else { throw Failure("no lines across sizes") }
    let plan = try SuggestionPlan(sweep: sweep, paths: paths, fit: scaling, target: size)
    let found = RunSuggestion(scaling, target: size, candidates: plan.candidates, budget: budget)
    return SuggestionText(found, rows: plan.rows(for: found.steps), costNotes: plan.costNotes)
  }

  private func output(_ prediction: SizePrediction, suggestion: SuggestionText?) {
    guard json else {
      let style = Terminal.current.outputStyle
      let parts = [
        PredictReport(prediction, showsWithheld: force).rendered(style),
        suggestion?.rendered(style),
      ]
      Terminal.output(parts.compactMap { $0 }.joined(separator: "\n\n"))
      return
    }
    var document = PredictionReport(prediction, force: force).json
    if let suggestion, var members = document.object {
      members["suggestion"] =
        SuggestionReport(
          suggestion.suggestion, include: suggestion.rows, notes: suggestion.costNotes
        ).json
      document = .object(members)
    }
    Terminal.output(document.prettyJSON)
  }

  private func predicted(_ fit: SweepFit, _ size: Double) throws -> SizePrediction {
    do {
      return try fit.predict(size: size)
    } catch {
      throw Failure("no prediction: \(error)")
    }
  }

  /// The budget in core-seconds; nil where nothing is to be suggested.
  private func coreSeconds() throws -> Double? {
    guard suggest else {
      guard budget == nil else {
        throw Failure("--budget is for --suggest", code: ExitStatus.usage)
      }
      return nil
    }
    guard let budget else {
      throw Failure("--suggest needs --budget, such as 2h of one core", code: ExitStatus.usage)
    }
    // A plain number is hours here, though a duration elsewhere is seconds.
    let hours = Double(budget).map { $0 * 3600 }
    guard let seconds = hours ?? Quantity.duration(budget), seconds > 0, seconds.isFinite else {
      throw Failure(
        "'\(budget)' is not a budget; give core-hours such as 2h, 90m or 2", code: ExitStatus.usage)
    }
    return seconds
  }
}

extension PredictionRecord {
  /// Makes the record of a prediction, at this moment.
  ///
  /// A ceiling that is withheld is not written down either, and the first warning says why; `missing` names runs
  /// that the prediction had to do without.
  init(
    _ prediction: SizePrediction, of fit: SweepFit, sweep: String, size: String,
    missing: [String]
  ) {
    let forecast = prediction.forecast
    let withheld = prediction.withheldReason
    func estimate(_ value: ExpFit.Estimate) -> PredictionRecord.Estimate {
      .init(value: value.value, low: value.interval?.low, high: value.interval?.high)
    }
    self.init(
      sweep: sweep, size: size, modelParams: forecast.size,
      registeredAt: Date().formatted(.iso8601), dataSHA256: prediction.dataHash,
      fitSHA256: ContentHash(of: ExpFit.FitReport(fit).json), a: estimate(forecast.a),
      b: estimate(forecast.b),
      ceiling: withheld == nil ? estimate(forecast.ceiling) : .init(value: nil),
      level: forecast.level,
      decadesExtrapolated: forecast.decadesExtrapolated,
      warnings: [withheld.map { "the ceiling is withheld: \($0)" }].compactMap { $0 } + missing
        + prediction.warnings,
      naive: .init(
        largest: forecast.naiveLargest.ceiling, mean: forecast.naiveMean.ceiling),
      extra: PredictionReport(prediction, force: false).json)
  }
}
