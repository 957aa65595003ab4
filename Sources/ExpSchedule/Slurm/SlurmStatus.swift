internal import Glibc
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
    guard let first = try entries(of: sweep, paths, client) else { return nil }
    var notices: [SlurmTaskID: SlurmNotice] = [:]
    var entries = first
    // A task that is just starting can be told nothing yet, and one that ends meanwhile takes nothing any more.
    for _ in 0..<60 {
      if tell(entries, force == .now ? .die : .leave, &notices, client) {
        return SlurmStatus(
          queued: first.count { $0.phase == .waiting },
          running: first.count { $0.phase == .running })
      }
      usleep(500_000)
      entries = try SlurmStatus.entries(of: sweep, paths, client) ?? []
    }
    throw .slurm(command: "scancel", reason: "not all tasks were told in 30 seconds; try again")
  }

  /// Tells each task what it has not been told; returns whether all that are left have been told.
  private static func tell(
    _ entries: [SlurmQueueEntry], _ wish: SlurmNotice.Wish,
    _ notices: inout [SlurmTaskID: SlurmNotice], _ client: SlurmClient
  ) -> Bool {
    var calls: [SlurmNotice.Call: [SlurmTaskID]] = [:]
    var isComplete = true
    for entry in entries where entry.phase != .over {
      var notice = notices[entry.task] ?? SlurmNotice(state: entry.state, wish: wish)
      notice.take(entry.state)
      notices[entry.task] = notice
      if let call = notice.call { calls[call, default: []].append(entry.task) }
      if entry.state == "CONFIGURING" { isComplete = false }
    }
    for (call, tasks) in calls {
      guard client.tell(tasks, call) else {
        isComplete = false
        continue
      }
      for task in tasks { notices[task]?.wasTold() }
    }
    return isComplete
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
