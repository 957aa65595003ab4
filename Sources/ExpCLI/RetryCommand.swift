internal import ArgumentParser
internal import ExpCore
internal import ExpSchedule
internal import ExpStore
internal import FoundationEssentials
internal import Glibc
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
      let name = try SweepReference(sweep).name(paths)
      let record = try SweepRecord.read(name, below: paths)
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
      if try isTakenUp(marked, paths) {
        return Terminal.message("the process that runs it takes them up")
      }
      if !mark { try startAgain(record, paths) }
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

  /// Asks the process that runs the sweep, if there is one; false where it came to its end before it heard.
  private func isTakenUp(_ runs: [RunID], _ paths: RunPaths) throws -> Bool {
    guard try SweepLock.isHeld(sweep, paths: paths) else { return false }
    let request = try SweepRequest.retry(runs).leave(for: sweep, paths: paths)
    while FileManager.default.fileExists(atPath: request) {
      guard try SweepLock.isHeld(sweep, paths: paths) else { return false }
      usleep(50_000)
    }
    return true
  }

  /// Starts the sweep as it was started last, but for what says which runs are run again.
  private func startAgain(_ record: SweepRecord, _ paths: RunPaths) throws {
    let arguments =
      RetryCommand.sweepArguments(of: record.commandLine)
      + ["--runs", paths.root, "--db", location.databasePath()] + (detach ? ["--detach"] : [])
    guard FileManager.default.fileExists(atPath: record.specPath) else {
      throw Failure(
        "the spec '\(record.specPath)' is not to be found from here; run 'exp sweep' with it, which takes the runs up",
        code: ExitStatus.usage)
    }
    Terminal.message("exp sweep \(arguments.joined(separator: " "))")
    // In place of this process, so that it is in every way the sweep that it would be had it been typed.
    let words = (["exp", "sweep"] + arguments).map { strdup($0) } + [nil]
    execv("/proc/self/exe", words)
    throw Failure("'exp sweep' cannot be started: \(String(cString: strerror(errno)))")
  }

  /// The arguments of a command as it was typed, without those that this start settles itself.
  static func sweepArguments(of commandLine: [String]) -> [String] {
    var arguments = commandLine.drop { $0 != "sweep" }.dropFirst()
    var kept: [String] = []
    while let word = arguments.popFirst() {
      let name = word.split(separator: "=", maxSplits: 1).first.map(String.init) ?? word
      if ["--detach", "--attach", "--supervised"].contains(name) { continue }
      if ["--rerun", "--runs", "--db"].contains(name) {
        if !word.contains("=") { _ = arguments.popFirst() }
        continue
      }
      kept.append(word)
    }
    return kept
  }
}
