public import ExpCore

/// How a sweep is run.
public struct SweepSettings: Sendable {
  /// What of earlier sweeps is run again.
  public enum Rerun: String, Sendable, Hashable, CaseIterable {
    /// Only what did not come to an end: cancelled, lost and killed jobs.
    case none
    /// Failed and timed-out jobs too; they go on from their newest checkpoint.
    case failed
    /// Pruned runs; they go on from their newest checkpoint.
    case pruned
    /// Every run; the files of succeeded ones are moved aside. Base policies that are there are kept, because runs of
    /// other sweeps start from them.
    case all
  }

  /// The place that a cluster has given to this process.
  public struct Place: Sendable, Hashable {
    /// The node's name.
    public var host: String
    /// The cluster's name of the task, such as `12_3`.
    public var job: String

    /// Names a place.
    public init(host: String, job: String) {
      self.host = host
      self.job = job
    }
  }

  /// Resources and patience.
  public var scheduling: Scheduler.Options
  /// What of earlier sweeps is run again.
  public var rerun = Rerun.none
  /// Whether runs that were pruned stay so; without it they are carried on.
  public var keepsPruned = true
  /// Nothing new starts with less free disk space than so many bytes.
  public var diskFloorBytes = 512 << 20
  /// Whether each trainer is bound to cores of its own; left out where jobs may want more cores than there are.
  public var pinsCores = true
  /// What of this machine trainers may use; sweeps of one store share it.
  public var inventory = MachineInventory.processors
  /// The cluster's place that trainers run in, which is theirs alone; nil on a machine that sweeps share.
  public var place: Place?
  /// Whether this sweep is served before (1) or after (-1) the others of its store.
  public var priority = 0
  /// Time in which a trainer leaves by itself when its starter is gone (10 seconds), with some to spare; then it is asked.
  public var leftoverPatience: Duration = .seconds(15)
  /// The sweep's own folder, where requests to it are found and its progress is written; nil for a sweep that nobody
  /// else can reach.
  public var controlFolder: String?
  /// Whether INT, TERM and HUP stop the sweep: once gently, twice at once.
  public var handlesSignals = true

  /// Makes settings.
  public init(scheduling: Scheduler.Options) { self.scheduling = scheduling }
}

/// What became of a sweep.
public struct SweepOutcome: Sendable, Hashable {
  /// The state of each job; `pending` for those that a stop kept from starting.
  public var states: [RunID: RunState]
  /// Reasons, where there is something to say.
  public var reasons: [RunID: String]
  /// Why it stopped before its end; nil where it came to it.
  public var stopCause: Scheduler.StopCause?
  /// Attempts that this sweep started.
  public var attemptsStarted: Int
  /// Wall-clock seconds.
  public var wallSeconds: Double

  /// Whether it stopped before its end, and can go on.
  public var stopped: Bool { stopCause != nil }
}
