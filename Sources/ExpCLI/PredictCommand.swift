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
    abstract: "Predict a, b and the ceiling of a model size from a sweep of other sizes.",
    discussion: """
      Beside the numbers stand their intervals, the distance of the extrapolation, the error of leaving the \
      largest size out, and what two naive predictions say. Where the law does not hold the ceiling is withheld.
      """)

  @Option(help: "Non-embedding parameters: 974k, 10M, 7B, or a number.") var size: String
  @Option(name: .customLong("from"), help: "The sweep.") var sweep: String
  @Option(help: "Coverage of the intervals.") var level = 0.95
  @Flag(help: "Show the ceiling even where the law does not hold.") var force = false
  @Flag(help: "Write the prediction down, with the hash of its data, to be settled later.")
  var register = false
  @Flag(help: "Print the result as JSON.") var json = false
  @OptionGroup var location: LocationOptions

  func run() throws {
    try reportingFailures {
      try checkLevel(level)
      let count = try parameterCount(size)
      let paths = location.paths()
      let data = try LawData(sweep: sweep, paths: paths)
      for note in data.notes { Terminal.message(note) }
      let fit = data.fitForPrediction(level: level)
      let prediction = try predict(fit, count)
      if register {
        if let start = data.heldOutStarts[count] {
          throw Failure(
            "runs of that size began at \(start); a prediction is registered before they do",
            code: ExitStatus.usage)
        }
        let record = try PredictionRecord(
          prediction, of: fit, sweep: sweep, size: size, missing: data.notes
        )
        .register(below: paths)
        Terminal.message("registered at \(record.registeredAt)")
      }
      Terminal.output(
        json
          ? PredictionReport(prediction, force: force).json.prettyJSON
          : PredictReport(prediction, showsWithheld: force)
            .rendered(Terminal.current.outputStyle))
    }
  }
}

extension PredictCommand {
  private func predict(_ fit: SweepFit, _ size: Double) throws -> SizePrediction {
    do {
      return try fit.predict(size: size)
    } catch {
      throw Failure("no prediction: \(error)")
    }
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
