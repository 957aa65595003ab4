internal import ExpCore
internal import ExpPlan
internal import ExpReport
internal import ExpSchedule
internal import ExpSpec
internal import ExpStore
internal import Foundation
internal import TrainerProtocol

/// A sweep whose runs go through Slurm.
struct SlurmSweep {
  /// What the scheduler may use: on a cluster the queue says what there is room for.
  static let scheduling: Scheduler.Options = {
    var options = Scheduler.Options(cores: 1 << 40)
    // Longer than a node gives its trainer, and than word of its end takes to come back.
    options.stopGrace = .seconds(120)
    return options
  }()

  /// The shortest time limit of a task: Slurm's clock has minutes, and a node is told up to two of them before.
  private static let leastTime = 300.0

  private let session: SweepSession
  private let paths: RunPaths
  private let options: SlurmOptions
  private let keepsPruned: Bool

  /// Takes a session; nothing is asked of the cluster yet.
  init(_ session: SweepSession, paths: RunPaths, jobs: Int?, keepsPruned: Bool) throws {
    if let seconds = session.spec.slurm.timeSeconds, seconds < SlurmSweep.leastTime {
      throw Failure(
        "slurm.time is \(NumberText.duration(seconds: seconds)); at least 5m is needed, because tasks are told to "
          + "save and leave 60 to 120 seconds before", code: ExitStatus.usage)
    }
    self.session = session
    self.paths = paths
    self.keepsPruned = keepsPruned
    options = SlurmSweep.options(session.spec.slurm, jobs: jobs, paths: paths)
  }

  /// Reaches the cluster, and takes over what it still has of this sweep.
  ///
  /// - Throws: `Failure` where this is no place to submit from.
  func executor() throws -> SlurmExecutor {
    do {
      let executor = try SlurmExecutor(
        try sweep(), wanted: Set(session.jobs().map(\.id)), options: options,
        environment: ProcessInfo.processInfo.environment)
      if executor.inheritedCount > 0 {
        Terminal.message(
          "\(SpecArguments.count(executor.inheritedCount, "task")) of an earlier start are still in Slurm's "
            + "queue; they are taken over")
      }
      return executor
    } catch let error as ScheduleError {
      throw Failure("\(error)")
    }
  }

  /// Refuses where no cluster answers.
  static func checkSite() throws {
    do {
      _ = try SlurmSite.ask(environment: ProcessInfo.processInfo.environment)
    } catch {
      throw Failure("no Slurm cluster can be reached from here: \(error)")
    }
  }

  /// Shows what would be submitted, and submits nothing.
  func printPlan(rerun: SweepSettings.Rerun) throws {
    let jobs = try SlurmExecutor.openJobs(
      session.jobs(), paths: paths, rerun: rerun, keepsPruned: keepsPruned)
    guard !jobs.isEmpty else {
      return Terminal.message("nothing to submit: every run has come to an end (see 'exp status')")
    }
    let site = try SlurmSite.ask(environment: ProcessInfo.processInfo.environment)
    let stages = [
      ("base policies", "bases", jobs.filter { $0.kind == .base }),
      ("runs", "runs", jobs.filter { $0.kind == .rl && $0.phase == 0 }),
      (
        "held-out runs, after all others", "heldout", jobs.filter { $0.kind == .rl && $0.phase > 0 }
      ),
    ]
    for (name, stage, jobs) in stages where !jobs.isEmpty {
      let scripts = try SlurmExecutor.plannedScripts(
        jobs, stage: stage, sweep: try sweep(), options: options, site: site)
      Terminal.output(
        "# \(name): \(SpecArguments.count(jobs.count, "task")) in "
          + SpecArguments.count(scripts.count, "array"))
      for script in scripts { Terminal.output(script) }
    }
    Terminal.message("nothing was submitted (--dry-run)")
  }

  private func sweep() throws -> SlurmExecutor.Sweep {
    guard
      // try?: without the link there is nothing that a node could start.
      let program = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    else { throw Failure("cannot tell where this program lies (/proc/self/exe cannot be read)") }
    let trainer = try TrainerProgram.find(
      session.trainer.command, environment: TrainerProbe.neutralEnvironment)
    return SlurmExecutor.Sweep(
      name: session.plan.experiment, paths: paths,
      trainer: [absolute(trainer)] + session.trainer.command.dropFirst(),
      compute: session.compute, sourceFingerprint: session.trainer.sourceFingerprint,
      keepsPruned: keepsPruned, program: program)
  }

  private static func options(
    _ spec: ExperimentSpec.Slurm, jobs: Int?, paths: RunPaths
  ) -> SlurmOptions {
    var options = SlurmOptions()
    options.partition = spec.partition
    options.account = spec.account
    options.qos = spec.qos
    options.constraint = spec.constraint
    options.reservation = spec.reservation
    options.nodelist = spec.nodelist
    options.exclude = spec.exclude
    options.timeLimit = spec.timeSeconds.map { .seconds($0) }
    options.extra = spec.extra
    options.setup = spec.setup
    options.maxArraySize = spec.maxArraySize
    options.jobLimit = jobs
    // On one machine a file is seen at once; clients of a network file system may hold a folder's list for a minute.
    if Store.networkFileSystem(of: paths.root) == nil { options.fileDelay = .seconds(3) }
    return options
  }
}
