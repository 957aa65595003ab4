internal import ArgumentParser
internal import ExpCore
internal import ExpSchedule
internal import ExpStore
internal import FoundationEssentials
internal import TrainerProtocol

/// `exp retry`: run again what failed.
struct RetryCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "retry",
    abstract: "Run failed runs of a sweep again, from their newest checkpoints.",
    discussion: """
      A sweep that is being run takes them up at once; another one is started as it was started last, with its spec and \
      its options. Runs that timed out or were lost are failed ones too.
      """)

  @Argument(help: "The sweep.") var sweep: String
  @Argument(
    help: "Only these runs: ids, unique beginnings of ids, or SWEEP/3 (default: all that failed).")
  var runs: [String] = []
  @Flag(help: "Mark them only; the next 'exp sweep' runs them.") var mark = false
  @Flag(help: "Run in the background.") var detach = false
  @OptionGroup var location: LocationOptions

  func run() throws {
    try reportingFailures {
      let paths = location.paths()
      let record = try asUsage([.notFound]) { try SweepRecord.read(sweep, below: paths) }
      let ids = try chosen(record, paths)
      var marked: [RunID] = []
      for (id, folder) in ids {
        if try RunOnDisk.reopen(folder) { marked.append(id) }
      }
      guard !marked.isEmpty else {
        return Terminal.message("nothing to do: no run of '\(sweep)' has failed")
      }
      Terminal.message(
        "\(SpecArguments.count(marked.count, "run")) of '\(sweep)' will be run again")
      if try SweepLock.isHeld(sweep, paths: paths) {
        try SweepRequest.retry(marked).leave(for: sweep, paths: paths)
        return Terminal.message("the process that runs it takes them up")
      }
      if !mark { try startAgain(record) }
    }
  }

  /// The runs that are meant, with the base policies that they start from.
  private func chosen(
    _ record: SweepRecord, _ paths: RunPaths
  ) throws -> [(RunID, RunFolder)] {
    var points = record.points
    if !runs.isEmpty {
      let store = try location.openStore()
      let wanted = try Set(
        runs.map { reference in
          try asUsage([.notFound, .ambiguous]) { try store.resolve(reference: reference) }
        })
      points = points.filter { wanted.contains($0.run) }
      guard points.count == wanted.count else {
        throw Failure("not all of these runs belong to '\(sweep)'", code: ExitStatus.usage)
      }
    }
    let bases = Set(points.map(\.base)).sorted()
    return bases.map { ($0, paths.base($0)) } + points.map { ($0.run, paths.run($0.run)) }
  }

  /// Starts the sweep as it was started last.
  private func startAgain(_ record: SweepRecord) throws {
    var arguments = Array(record.commandLine.drop { $0 != "sweep" }.dropFirst())
    guard !arguments.isEmpty else {
      throw Failure("how '\(sweep)' was started is not recorded; run 'exp sweep' with its spec")
    }
    arguments.removeAll { ["--detach", "--attach"].contains($0) }
    if detach { arguments.append("--detach") }
    guard FileManager.default.fileExists(atPath: record.specPath) else {
      throw Failure(
        "the spec '\(record.specPath)' is not to be found from here; run 'exp sweep' with it, which takes the runs up",
        code: ExitStatus.usage)
    }
    guard let command = try SweepCommand.parseAsRoot(arguments) as? SweepCommand else {
      throw Failure("'\(record.commandLine.joined(separator: " "))' cannot be started again")
    }
    Terminal.message("exp sweep \(arguments.joined(separator: " "))")
    try command.run()
  }
}
