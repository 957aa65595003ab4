public import TrainerProtocol

/// What a cluster has of a sweep that no process may be running.
public struct SlurmStatus: Sendable, Hashable {
  /// Tasks that wait.
  public var queued = 0
  /// Tasks that nodes have.
  public var running = 0

  /// Asks the cluster about the arrays that a sweep has open; nil where it has none.
  ///
  /// - Throws: `ScheduleError` where Slurm does not answer, or the records cannot be read.
  public static func read(
    sweep: String, paths: RunPaths, environment: [String: String]
  ) throws(ScheduleError) -> SlurmStatus? {
    guard let entries = try entries(of: sweep, paths, SlurmClient(environment: environment)) else {
      return nil
    }
    return SlurmStatus(
      queued: entries.count { $0.phase == .waiting },
      running: entries.count { $0.phase == .running })
  }

  /// Takes the tasks of a sweep that no process runs out of the queue, and has those that run save and leave, or killed.
  ///
  /// - Returns: what was told; nil where the sweep has no open arrays.
  /// - Throws: `ScheduleError` where Slurm does not answer, or does not take it.
  public static func stop(
    sweep: String, paths: RunPaths, force: Scheduler.Stop, environment: [String: String]
  ) throws(ScheduleError) -> SlurmStatus? {
    let client = SlurmClient(environment: environment)
    guard let entries = try entries(of: sweep, paths, client) else { return nil }
    let wish: SlurmNotice.Wish = force == .now ? .die : .leave
    var calls: [SlurmNotice.Call: [SlurmTaskID]] = [:]
    for entry in entries where entry.phase != .over {
      guard let call = SlurmNotice(state: entry.state, wish: wish).call else { continue }
      calls[call, default: []].append(entry.task)
    }
    var isTaken = !entries.contains { force == .gently && $0.state == "CONFIGURING" }
    for (call, tasks) in calls { isTaken = client.tell(tasks, call) && isTaken }
    guard isTaken else {
      throw .slurm(
        command: "scancel", reason: "not all tasks were told, or some are just starting; try again")
    }
    return SlurmStatus(
      queued: entries.count { $0.phase == .waiting },
      running: entries.count { $0.phase == .running })
  }

  private static func entries(
    of sweep: String, _ paths: RunPaths, _ client: SlurmClient
  ) throws(ScheduleError) -> [SlurmQueueEntry]? {
    let arrays = try SlurmFolder(sweep: sweep, paths: paths).openArrays()
    guard !arrays.isEmpty else { return nil }
    let names = Set(arrays.map(\.jobName))
    return try client.queue().filter { names.contains($0.name) }
  }
}
