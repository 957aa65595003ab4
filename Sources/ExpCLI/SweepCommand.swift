internal import ArgumentParser
internal import ExpCore
internal import ExpFit
internal import ExpPlan
internal import ExpProvenance
internal import ExpReport
internal import ExpSchedule
internal import ExpSpec
internal import ExpStore
internal import Foundation
internal import TrainerProtocol

/// `exp sweep`: plan, run, record, fit.
struct SweepCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sweep",
    abstract: "Run a spec's grid, record everything, and fit the law.",
    discussion: """
      Run it again to carry on: what is done is taken as it is, what was interrupted goes on from its newest \
      checkpoint. Ctrl-C once lets the trainers save and stops; twice stops at once.
      """)

  private static let priorities = ["low": -1, "normal": 0, "high": 1]

  @OptionGroup var arguments: SpecArguments
  @Option(help: "Runs at one time (default: as many as the cores allow).") var jobs: Int?
  @Option(help: "What of an earlier sweep is run again: none, failed, pruned or all.")
  var rerun = SweepSettings.Rerun.none.rawValue
  @Option(help: "Where runs are computed: local or slurm (default: the spec's 'executor').")
  var executor: String?
  @Flag(help: "With Slurm: show the scripts that would be submitted, and submit nothing.")
  var dryRun = false
  @Flag(help: "Stop at the first failure.") var failFast = false
  @Option(help: "Beside other sweeps of the same runs folder: low, normal or high.")
  var priority = "normal"
  @Flag(help: "Run in the background; 'exp status' and 'exp stop' reach it.") var detach = false
  @Flag(help: "Where another process runs the sweep, follow that instead of refusing.") var attach =
    false
  @Flag(help: .hidden) var supervised = false
  @Flag(help: "Refuse a repository with uncommitted changes.") var requireClean = false
  @Flag(help: "Refuse a spec outside a git repository.") var requireGit = false
  @OptionGroup var location: LocationOptions

  func validate() throws {
    if let jobs, jobs < 1 { throw ValidationError("--jobs must be at least 1, not \(jobs)") }
    guard SweepSettings.Rerun(rawValue: rerun) != nil else {
      throw ValidationError("--rerun is none, failed, pruned or all, not '\(rerun)'")
    }
    guard SweepCommand.priorities[priority] != nil else {
      throw ValidationError("--priority is low, normal or high, not '\(priority)'")
    }
    if let executor, ExperimentSpec.Executor(rawValue: executor) == nil {
      throw ValidationError("--executor is local or slurm, not '\(executor)'")
    }
  }

  func run() throws {
    try reportingFailures {
      let (spec, plan) = try arguments.plan()
      if dryRun { return try printSubmissions(SweepSession(spec: spec, plan: plan)) }
      let paths = try location.prepare()
      if attach, try SweepLock.isHeld(plan.experiment, paths: paths) {
        let follower = SweepFollower(sweep: plan.experiment, paths: paths)
        try follower.follow()
        return try follower.conclude()
      }
      let background = DetachedSweep(sweep: plan.experiment, paths: paths)
      if supervised { try background.supervise() }
      let session = try SweepSession(spec: spec, plan: plan)
      if !usesSlurm(session) { try refuseMissingGPUs(session) }
      if detach {
        // Held and given back, so that a refusal is said here and not in a log.
        do { _ = try SweepOwner(plan.experiment, paths) }
        if usesSlurm(session) { try SlurmSweep.checkSite() }
        return try background.start()
      }
      let owner = try SweepOwner(plan.experiment, paths)
      let source = try pin(session)
      let outcome = try run(session, source: source, paths: paths)
      try conclude(session, outcome, paths: paths)
      withExtendedLifetime(owner) {}
    }
  }

  private func usesSlurm(_ session: SweepSession) -> Bool {
    let choice = executor.flatMap(ExperimentSpec.Executor.init(rawValue:))
    return (choice ?? session.spec.executor) == .slurm
  }

  private func slurm(_ session: SweepSession, _ paths: RunPaths) throws -> SlurmSweep {
    try SlurmSweep(session, paths: paths, jobs: jobs, keepsPruned: session.spec.prune != nil)
  }

  private func printSubmissions(_ session: SweepSession) throws {
    guard usesSlurm(session) else {
      throw Failure(
        "--dry-run shows what is submitted to Slurm; add '--executor slurm', or see 'exp plan' for the points",
        code: ExitStatus.usage)
    }
    try slurm(session, location.paths())
      .printPlan(rerun: SweepSettings.Rerun(rawValue: rerun) ?? .none)
  }

  private func run(
    _ session: SweepSession, source: SourcePin?, paths: RunPaths
  ) throws -> SweepOutcome {
    let record = session.record(specPath: arguments.spec)
    let store = try Store.open(at: location.databasePath(), mode: .readWrite, runs: paths)
    let name = session.plan.experiment
    sayWhatIsReplaced(by: record, paths)
    try record.write(below: paths)
    try store.record(sweep: record)
    let watcher = try SweepWatcher(
      sweep: name, paths: paths, store: store, provenance: session.provenance(source: source),
      beforeHeldOut: {
        try SweepCommand.registerPredictions(session, store: store, paths: paths)
      })
    let cluster = usesSlurm(session) ? try slurm(session, paths).executor() : nil
    var scheduling = Scheduler.Options(
      cores: SweepRunner.availableCores, jobLimit: jobs,
      memoryBudget: Int(clamping: ProcessInfo.processInfo.physicalMemory / 10 * 9))
    if cluster != nil { scheduling = SlurmSweep.scheduling }
    scheduling.failFast = failFast
    var settings = SweepSettings(scheduling: scheduling)
    settings.rerun = SweepSettings.Rerun(rawValue: rerun) ?? .none
    settings.keepsPruned = session.spec.prune != nil
    settings.priority = SweepCommand.priorities[priority] ?? 0
    settings.controlFolder = paths.sweep(name)
    // Asking the driver takes a second, so only who needs GPUs does.
    if cluster == nil, session.mostGPUs > 0 {
      settings.inventory.gpus = GPUProbe.visible()
    }
    let runner = try SweepRunner(
      jobs: session.jobs(), paths: paths, trainerCommand: session.trainer.command,
      compute: session.compute, sourceFingerprint: session.trainer.sourceFingerprint,
      environment: TrainerProbe.neutralEnvironment, settings: settings, observer: watcher,
      advisor: adviser(session, record, settings.rerun, paths), cluster: cluster)
    defer { watcher.finish() }
    return try runner.run()
  }

  /// Runs that ask for more GPUs than there are would wait for ever.
  private func refuseMissingGPUs(_ session: SweepSession) throws {
    let wanted = session.mostGPUs
    guard wanted > 0, session.isOpen(location.paths()) else { return }
    if session.spec.resources.device == .cuda {
      do {
        _ = try TrainerProbe.gpu()
      } catch let failure as Failure {
        throw Failure(
          "--device cuda is not to be had here: \(failure.message)\n  help: docs/cuda.md says what it takes",
          code: ExitStatus.usage)
      }
    }
    let found = GPUProbe.visible().count
    guard Double(found) < wanted else { return }
    throw Failure(
      "a run asks for resources.gpus: \(wanted.shortestText ?? ""), and this machine shows "
        + "\(found == 0 ? "none" : String(found)); 'exp doctor' says what was looked for",
      code: ExitStatus.usage)
  }

  /// Who prunes, where the spec asks for it.
  ///
  /// What `--rerun pruned` carries on is left alone, for it would be stopped again at once.
  private func adviser(
    _ session: SweepSession, _ record: SweepRecord, _ rerun: SweepSettings.Rerun, _ paths: RunPaths
  ) -> PruneAdviser? {
    let pruned = Set(
      record.points.map(\.run).filter { RunStatus.read(paths.run($0)).state == .pruned })
    guard let prune = session.spec.prune else {
      if !pruned.isEmpty {
        Terminal.message("\(pruned.count) pruned runs are carried on, for the spec has no 'prune'")
      }
      return nil
    }
    return PruneAdviser(
      prune, plan: record, paths: paths, rerun: rerun, exempt: rerun == .pruned ? pruned : [])
  }

  /// A sweep is its newest plan: points of an earlier one keep their runs, but leave its fits.
  private func sayWhatIsReplaced(by record: SweepRecord, _ paths: RunPaths) {
    // try?: without a readable plan there is nothing to compare with.
    guard let earlier = try? SweepRecord.read(record.name, below: paths) else { return }
    let planned = Set(record.points.map(\.run))
    let dropped = earlier.points.count { !planned.contains($0.run) }
    guard dropped > 0 else { return }
    Terminal.message(
      "note: \(dropped) of the \(earlier.points.count) points that '\(record.name)' had are not planned "
        + "any more; their runs stay, but 'exp fit \(record.name)' leaves them out")
  }

  /// Pins the repository of the spec, and says what a reader of the runs should know of it.
  private func pin(_ session: SweepSession) throws -> SourcePin? {
    let folder = (absolute(arguments.spec) as NSString).deletingLastPathComponent
    let source = try Provenance.pin(
      containing: folder, requireClean: requireClean, excluding: [location.paths().root])
    guard let source else {
      if requireGit {
        throw Failure("'\(folder)' is not in a git repository, and --require-git asks for one")
      }
      Terminal.message(
        "note: '\(arguments.spec)' is not in a git repository; runs are pinned to the spec's text only"
      )
      return nil
    }
    if source.snapshot {
      Terminal.message(
        "uncommitted changes are kept as snapshot \(source.commit.prefix(12)) (git show it)")
    }
    if !source.leftOut.isEmpty {
      Terminal.message(
        "left out of the snapshot: \(source.leftOut.prefix(10).joined(separator: ", "))"
          + (source.leftOut.count > 10 ? " and \(source.leftOut.count - 10) more" : ""))
    }
    warnOfOtherSources(source, session.trainer)
    return source
  }

  /// Where the spec lives in the trainer's own repository, the trainer should be built from what is there.
  private func warnOfOtherSources(_ source: SourcePin, _ trainer: TrainerProbe) {
    guard FileManager.default.fileExists(atPath: "\(source.root)/Sources/Trainer"),
      // try?: sources that cannot be read are not compared.
      let here = try? SourceTree.fingerprint(ofPackageAt: source.root),
      here != trainer.sourceFingerprint
    else { return }
    Terminal.message(
      "note: exp-trainer was built from other sources than those in \(source.root); "
        + "'make build' brings it up to date")
  }

  /// Writes down what the finished runs say of each held-out size, before any of those runs starts.
  private static func registerPredictions(
    _ session: SweepSession, store: Store, paths: RunPaths
  ) throws {
    let sweep = session.plan.experiment
    let data = try LawData(sweep: sweep, paths: paths)
    let fit = data.fitForPrediction(level: 0.95)
    for note in data.notes { Terminal.message(note) }
    let heldOut = session.plan.points.filter(\.heldOut)
    for size in Set(heldOut.map(\.modelParams)).sorted() {
      let label = heldOut.first { $0.modelParams == size }?.sizeLabel ?? String(size)
      // Once its runs have begun, what was written down before them stands, and nothing can be added.
      if data.heldOutStarts[Double(size)] != nil { continue }
      let outcome = Result { () throws(NoFit) in try fit.predict(size: Double(size)) }
      if case .failure(let none) = outcome {
        Terminal.message("no prediction for \(label): \(none.reason)")
        continue
      }
      let record = try PredictionRecord(
        outcome.get(), of: fit, sweep: sweep, size: label, missing: data.notes
      ).register(below: paths)
      try store.record(prediction: record)
      let ceiling = NumberText.interval(
        record.ceiling.value, record.ceiling.low, record.ceiling.high)
      Terminal.message(
        "registered before \(record.size) runs: ceiling \(ceiling) from \(fit.runs.count) runs")
      for warning in record.warnings.prefix(1) where record.ceiling.value == nil {
        Terminal.message(warning)
      }
    }
  }

  private func conclude(
    _ session: SweepSession, _ outcome: SweepOutcome, paths: RunPaths
  ) throws {
    let name = session.plan.experiment
    let bad = outcome.states.values.filter { $0 != .succeeded && $0 != .pruned }
    let pruned = outcome.states.values.count { $0 == .pruned }
    let isOpen = outcome.states.values.contains { !$0.isFinished || $0 == .cancelled }
    if outcome.stopped, outcome.stopCause != .failFast, isOpen {
      let words =
        ["exp sweep \(arguments.spec)"] + arguments.overrides
        + (arguments.device.map { ["--device \($0)"] } ?? [])
      let cause =
        outcome.stopCause == .diskFull
        ? "stopped, for the disk is full: make room, then" : "stopped;"
      Terminal.message("\(cause) '\(words.joined(separator: " "))' carries on")
      throw ExitStatus.canGoOn
    }
    if outcome.attemptsStarted == 0 && bad.isEmpty {
      Terminal.message(
        "nothing to run: all \(session.plan.points.count) points are done"
          + (pruned > 0 ? " or pruned" : ""))
    } else {
      let took = NumberText.duration(seconds: outcome.wallSeconds)
      let done = outcome.states.count - bad.count - pruned
      Terminal.message(
        "\(name): \(done) of \(outcome.states.count) jobs done"
          + (pruned > 0 ? ", \(pruned) pruned" : "") + " in \(took)"
      )
    }
    if pruned > 0, let words = try pruneSummary(session, paths) { Terminal.message(words) }
    try SweepCommand.recordFits(
      of: session.record(specPath: arguments.spec), database: location.databasePath(), paths: paths)
    Terminal.message("look: exp fit \(name) · exp plot \(name) · exp runs")
    if !bad.isEmpty {
      Terminal.message("what failed is run again by: exp retry \(name)")
      throw ExitStatus.someRunsFailed
    }
  }

  private func pruneSummary(_ session: SweepSession, _ paths: RunPaths) throws -> String? {
    let plan = try SweepRecord.read(session.plan.experiment, below: paths)
    return try PruneSummary(plan, cores: session.spec.resources.cores, paths: paths).words
  }

  /// Fits every finished run and keeps the fits where `exp runs` and SQL find them.
  private static func recordFits(
    of plan: SweepRecord, database: String, paths: RunPaths
  ) throws {
    let store = try Store.open(at: database, mode: .readWrite, runs: paths)
    let fits = try LawData(of: plan, paths: paths).fit(level: 0.95).runs.compactMap(\.record)
    try FitRecord.write(fits, below: paths)
    try store.record(fits: fits)
  }
}

/// Holds a sweep for this process; what holds it already is the reason to leave.
private final class SweepOwner {
  private let lock: SweepLock

  init(_ name: String, _ paths: RunPaths) throws {
    do {
      lock = try SweepLock(name: name, paths: paths)
    } catch {
      guard case .sweepHeld = error else { throw error }
      throw Failure("\(error)", code: ExitStatus.canGoOn)
    }
  }
}
