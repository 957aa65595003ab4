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
    let arrays = try SlurmFolder(sweep: sweep, paths: paths).openArrays()
    guard !arrays.isEmpty else { return nil }
    let names = Set(arrays.map(\.jobName))
    var status = SlurmStatus()
    for entry in try SlurmClient(environment: environment).queue() where names.contains(entry.name)
    {
      switch entry.phase {
      case .waiting: status.queued += 1
      case .running: status.running += 1
      case .over: break
      }
    }
    return status
  }
}
