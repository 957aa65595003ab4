internal import ArgumentParser
internal import ExpSchedule
internal import FoundationEssentials
internal import TrainerProtocol

/// `exp stop`: let a sweep come to rest.
struct StopCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "stop",
    abstract: "Stop a sweep that another process runs: gently, or at once.",
    discussion: """
      Gently: its trainers write a checkpoint and leave, and 'exp sweep' carries on from there. With --now they are \
      killed; what they did since their last checkpoint is computed again. It waits until the sweep has stopped.
      """)

  @OptionGroup var reference: SweepReference
  @Flag(help: "Kill the trainers.") var now = false
  @Flag(help: "Do not wait until it has stopped.") var noWait = false
  @OptionGroup var location: LocationOptions

  func run() throws {
    try reportingFailures {
      let paths = location.paths()
      let name = try reference.name(paths)
      // A background sweep that is just being started again hears this too.
      try StopMark.set(for: name, paths)
      guard let holder = try SweepLock.holder(of: name, paths: paths) else {
        guard try SweepLock.isHeld(name, paths: paths) else {
          return try stopOnCluster(name, paths)
        }
        throw Failure("'\(name)' is only just being started or given up; try again")
      }
      try SweepRequest.stop(now ? .now : .gently).leave(for: name, paths: paths)
      let who = "process \(holder.pid) on \(holder.host)"
      if noWait {
        return Terminal.message("\(who) was asked to stop '\(name)'")
      }
      Terminal.message(
        "stopping '\(name)' (\(who))"
          + (now ? "" : ": trainers write a checkpoint and leave; --now does not wait for them"))
      try SweepFollower(sweep: name, paths: paths).wait()
      Terminal.message("'\(name)' has stopped; 'exp sweep' with its spec carries on")
    }
  }

  /// What Slurm still has of a sweep whose process is gone is stopped too.
  private func stopOnCluster(_ name: String, _ paths: RunPaths) throws {
    let status = try SlurmStatus.stop(
      sweep: name, paths: paths, force: now ? .now : .gently,
      environment: ProcessInfo.processInfo.environment)
    guard let status, status.queued + status.running > 0 else {
      return Terminal.message("nobody runs '\(name)'")
    }
    Terminal.message(
      "nobody runs '\(name)', but Slurm has tasks of it: \(status.queued) were taken out of the queue, \(status.running) "
        + (now ? "are killed" : "save and leave"))
  }
}
