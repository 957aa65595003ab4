internal import ArgumentParser
internal import ExpCore
internal import ExpFit
internal import ExpReport
internal import ExpStore
internal import FoundationEssentials
internal import TrainerProtocol

/// `exp prune-replay`: what a pruning rule would have done to a finished sweep.
struct PruneReplayCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "prune-replay",
    abstract:
      "Replay law-aware pruning over a finished sweep: what it would have stopped, saved and got wrong.",
    discussion: """
      An arm, all runs that differ in their seeds only, is stopped where the upper bound of its predicted ceiling \
      lies below the best lower bound of another arm of its size and task by more than the margin. Here all arms \
      advance together, step by step. Try settings here before a spec's 'prune:' uses them.
      """)

  @Argument(help: "The sweep.") var sweep: String?
  @Option(
    name: .customLong("csv"),
    help:
      "Replay over this file's runs instead, '-' is standard input; the columns are those of 'exp fit --csv'."
  )
  var csv: String?
  @Option(help: "Two-sided coverage of the bounds.") var level = PruneRule().level
  @Option(help: "How far apart the bounds must lie, in units of the score.")
  var margin = PruneRule().margin
  @Option(help: "Share of a run's steps before which it is not judged.")
  var after = PruneRule().after
  @Option(help: "Evaluations before which a run is not judged.") var points = PruneRule().points
  @Option(help: "A further key in which compared arms agree, such as base.steps; may be repeated.")
  var within: [String] = []
  @Flag(help: "Show a table over a grid of levels, margins and first looks too.") var grid = false
  @Flag(help: "Print the result as JSON.") var json = false
  @OptionGroup var location: LocationOptions

  func run() throws {
    try reportingFailures {
      let rule = PruneRule(level: level, margin: margin, after: after, points: points)
      do {
        try rule.check()
      } catch {
        throw Failure("\(error)", code: ExitStatus.usage)
      }
      let data: PruneData
      switch (sweep, csv) {
      case (let name?, nil): data = try PruneData(sweep: name, within: within, location.paths())
      case (nil, let path?): data = try PruneData(csv: path)
      case (nil, nil):
        throw Failure("name a sweep, or a file with --csv FILE", code: ExitStatus.usage)
      case (_?, _?):
        throw Failure("give a sweep or --csv FILE, not both", code: ExitStatus.usage)
      }
      for note in data.notes { Terminal.message(note) }
      let replay = try PruneReplay(rule, over: data.records)
      let others = grid ? try PruneReplay.all(grid(around: rule), over: data.records) : []
      Terminal.output(
        json
          ? PruneReport(replay, grid: others, notes: data.notes).json.prettyJSON
          : PruneReplayReport(replay, grid: others).rendered(Terminal.current.outputStyle))
    }
  }

  private func grid(around rule: PruneRule) -> [PruneRule] {
    var rules: [PruneRule] = []
    for level in [0.9, 0.95, 0.99] {
      for margin in [0, 0.01, 0.02] {
        for after in [0.15, 0.25, 0.4, 0.6] {
          rules.append(
            PruneRule(level: level, margin: margin, after: after, points: rule.points))
        }
      }
    }
    return rules
  }
}

/// The finished runs that a replay goes over.
private struct PruneData {
  var records: [PruneReplay.Record] = []
  var notes: [String] = []

  init(sweep name: String, within: [String], _ paths: RunPaths) throws {
    let data = try LawData(sweep: name, paths: paths)
    let curves = Dictionary(
      data.curves.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
    let record = try SweepRecord.read(name, below: paths)
    for key in within where !record.points.contains(where: { $0.config[path: key] != nil }) {
      let known = Set(record.points.flatMap { $0.config.flattened().map(\.path) }).sorted()
      let near = Suggestion.nearest(to: key, among: known).map { "; did you mean '\($0)'?" } ?? ""
      throw Failure(
        "--within: no run of '\(name)' has a key '\(key)'\(near)", code: ExitStatus.usage)
    }
    let plan = PrunePlan(record, within: within)
    let open = plan.entries.filter { curves[$0.point.run.text] == nil && !$0.point.heldOut }
    let incomplete = Set(open.map(\.arm))
    for entry in plan.entries where !incomplete.contains(entry.arm) && !entry.point.heldOut {
      guard let curve = curves[entry.point.run.text] else { continue }
      records.append(
        PruneReplay.Record(
          run: PruneRun(
            curve: curve, arm: entry.arm, group: entry.group, totalSteps: entry.totalSteps,
            isFinished: true),
          coreSeconds: PruneData.coreSeconds(paths.run(entry.point.run))))
    }
    notes += PruneData.words(open, paths)
    noteHeldOut(plan.entries.count { $0.point.heldOut })
  }

  init(csv path: String) throws {
    let contents = FitCSV.parse(try LogFile.read(path), file: LogFile.name(path))
    show(contents.diagnostics)
    guard !contents.hasErrors else { throw ExitStatus.usage }
    records = contents.curves.map { curve in
      PruneReplay.Record(
        run: PruneRun(
          curve: curve, arm: curve.id, totalSteps: curve.points.last?.step ?? 0, isFinished: true))
    }
    notes.append(
      "every run of the file is an arm of its own; runs of one size and definition are compared")
    noteHeldOut(contents.curves.count(where: \.isHeldOut))
  }

  private mutating func noteHeldOut(_ count: Int) {
    guard count > 0 else { return }
    let words = count == 1 ? "1 held-out run takes" : "\(count) held-out runs take"
    notes.append("\(words) no part: such runs are never pruned")
  }

  /// Arms that cannot be replayed because a run of theirs is not finished.
  private static func words(_ open: [PrunePlan.Entry], _ paths: RunPaths) -> [String] {
    var notes: [String] = []
    for entry in open {
      let state = RunStatus.read(paths.run(entry.point.run)).state
      let why =
        state == .pruned
        ? "was pruned for real, so it ends early and what it would have come to is not known"
        : "is \(state.rawValue)"
      notes.append(
        "\(entry.point.label) (\(entry.point.run)) \(why): the arm '\(entry.arm)' is left out")
    }
    return notes
  }

  private static func coreSeconds(_ folder: RunFolder) -> Double? {
    guard let result = RunStatus.read(folder).result else { return nil }
    let data = FileManager.default.contents(atPath: folder.request)
    // try?: without a readable request the run counts as one on one core.
    let request = data.flatMap { try? JSONDecoder().decode(RunRequest.self, from: $0) }
    return result.wallSeconds * Double(max(1, request?.compute.threads ?? 1))
  }
}
