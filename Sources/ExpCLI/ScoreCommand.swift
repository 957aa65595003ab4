internal import ArgumentParser
internal import ExpCore
internal import ExpFit
internal import ExpReport
internal import ExpStore
internal import FoundationEssentials
internal import TrainerProtocol

/// `exp score`: registered predictions settled by what was measured.
struct ScoreCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "score",
    abstract:
      "Settle registered predictions: what was predicted before the runs, and what they came to.",
    discussion: """
      A prediction counts where it was registered before the first run of its size began. Beside its error stand \
      those of two naive predictions, and of several predictions how many intervals held.
      """)

  @Argument(help: "The sweep; without one, every sweep with registered predictions.")
  var sweep: String?
  @Flag(help: "Print the result as JSON.") var json = false
  @OptionGroup var location: LocationOptions

  func run() throws {
    try reportingFailures {
      let paths = location.paths()
      var entries: [ScoreReport.Entry] = []
      for name in try sweep.map({ [$0] }) ?? ScoreCommand.sweeps(below: paths) {
        entries += try RegisteredPredictions(sweep: name, paths: paths).entries
      }
      let report = ScoreReport(entries)
      Terminal.output(
        json ? report.json.prettyJSON : report.rendered(Terminal.current.outputStyle))
    }
  }

  /// The sweeps that have registered anything, by name.
  private static func sweeps(below paths: RunPaths) throws -> [String] {
    // try?: without a folder of sweeps nothing is registered.
    let names = (try? FileManager.default.contentsOfDirectory(atPath: paths.sweep(""))) ?? []
    return try names.filter(SweepRecord.isName).sorted().filter {
      try !PredictionRecord.readAll(of: $0, below: paths).isEmpty
    }
  }
}

/// The registered predictions of a sweep beside its runs.
private struct RegisteredPredictions {
  private let name: String
  private let records: [PredictionRecord]
  private let data: LawData
  private let plan: SweepRecord
  private let paths: RunPaths

  init(sweep name: String, paths: RunPaths) throws {
    self.name = name
    self.paths = paths
    data = try LawData(sweep: name, paths: paths)
    plan = try SweepRecord.read(name, below: paths)
    records = try PredictionRecord.readAll(of: name, below: paths)
  }

  /// Every prediction, oldest first.
  var entries: [ScoreReport.Entry] {
    records.enumerated().map { index, record in
      let points = plan.points.filter {
        $0.config[path: "model.params"]?.number == record.modelParams
      }
      let start = points.compactMap { RegisteredPredictions.start(of: paths.run($0.run)) }.min()
      let claim = ScoredPrediction.Claim(record)
      let (outcome, notes) = settle(claim, points)
      return ScoreReport.Entry(
        sweep: name, size: record.size, claim: claim, registeredAt: record.registeredAt,
        firstRunAt: start, outcome: outcome,
        discounted: discount(record, at: index, firstRunAt: start),
        dataChange: dataChange(record), notes: notes)
    }
  }

  /// When the first attempt of a run began; nil where none did.
  private static func start(of folder: RunFolder) -> String? {
    // try?: a log that cannot be read tells no time, and the attempts may.
    let log = try? RunLog.read(folder.events)
    let attempts = RunStatus.read(folder).attempts.filter { $0.pid != nil }.map(\.startedAt)
    return ((log?.attempts.first.map { [$0.startedAt] } ?? []) + attempts).min()
  }

  /// Why a prediction does not count: it came too late, or another of the same size stands for it.
  private func discount(
    _ record: PredictionRecord, at index: Int, firstRunAt start: String?
  ) -> String? {
    func isInTime(_ record: PredictionRecord) -> Bool {
      start.map { record.registeredAt <= $0 } ?? true
    }
    guard isInTime(record) else {
      return "the first run of this size began at \(start ?? ""), before it was registered"
    }
    let later = records[(index + 1)...].last {
      $0.modelParams == record.modelParams && isInTime($0)
    }
    return later.map { "a newer one, registered at \($0.registeredAt), stands for this size" }
  }

  private func settle(
    _ claim: ScoredPrediction.Claim, _ points: [SweepRecord.Point]
  ) -> (ScoreReport.Entry.Outcome, [String]) {
    guard !points.isEmpty else {
      return (.open("no run of this size is in the plan of '\(name)'"), [])
    }
    let states = points.map { ($0, RunStatus.read(paths.run($0.run)).state) }
    let waiting = states.filter { [.pending, .running, .cancelled, .lost].contains($0.1) }
    guard waiting.isEmpty else {
      return (.open(RegisteredPredictions.words(waiting, of: points.count)), [])
    }
    let bad = states.filter { $0.1 != .succeeded }
    let ids = Set(states.filter { $0.1 == .succeeded }.map(\.0.run.text))
    let runs = data.curves.filter { ids.contains($0.id) }.map { RunFit($0, level: claim.level) }
    do {
      let notes =
        bad.isEmpty ? [] : [RegisteredPredictions.words(bad, of: points.count) + "; left out"]
      return (.settled(try ScoredPrediction(claim, against: runs)), notes)
    } catch {
      let words = bad.isEmpty ? "" : "; " + RegisteredPredictions.words(bad, of: points.count)
      return (.open("\(error)\(words)"), [])
    }
  }

  private static func words(
    _ runs: [(SweepRecord.Point, RunState)], of count: Int
  ) -> String {
    let shown = runs.prefix(5).map { "\($0.0.label) is \($0.1.rawValue)" }.joined(separator: ", ")
    let rest = runs.count > 5 ? " and \(runs.count - 5) more" : ""
    return "of \(count == 1 ? "1 run" : "\(count) runs") \(shown)\(rest)"
  }

  /// How the data differ from those that a prediction was made from, as far as its record tells.
  private func dataChange(_ record: PredictionRecord) -> String? {
    let fit = data.fitForPrediction(level: record.level)
    guard fit.dataHash != record.dataSHA256 else { return nil }
    guard case .success(let lines) = fit.scaling else {
      return "the runs that are there now cannot be fitted across sizes"
    }
    let runs = record.extra[path: "run_count"]?.integer
    let sizes = record.extra[path: "sizes"]?.array?.compactMap(\.number)
    var changes: [String] = []
    if let runs, runs != lines.runCount {
      changes.append("\(runs) runs then, \(lines.runCount) now")
    }
    if let sizes, sizes != lines.sizes {
      let words = [sizes, lines.sizes].map { $0.map(NumberText.size).joined(separator: ", ") }
      changes.append("sizes \(words[0]) then, \(words[1]) now")
    }
    return changes.isEmpty
      ? "as many runs of the same sizes, but not the same runs or values"
      : changes.joined(separator: "; ")
  }
}

extension ScoredPrediction.Claim {
  /// What a record says of the curve and its ceiling.
  init(_ record: PredictionRecord) {
    let ends = record.ceiling
    let interval = ends.low.flatMap { low in ends.high.map { Interval(low: low, high: $0) } }
    self.init(
      a: record.a.value ?? .nan, b: record.b.value ?? .nan, ceiling: ends.value, interval: interval,
      level: record.level, naiveLargest: record.naive.largest, naiveMean: record.naive.mean)
  }
}
