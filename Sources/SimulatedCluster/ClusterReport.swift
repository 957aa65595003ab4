public import ExpCore

/// What became of a workload.
public struct ClusterReport: Sendable, Hashable {
  /// Events that the scheduler decided on.
  public var decisions = 0
  /// Attempts that were started.
  public var attempts = 0
  /// Attempts that crashed.
  public var crashes = 0
  /// Attempts that hung.
  public var hangs = 0
  /// Jobs in each final state.
  public var states: [RunState: Int] = [:]
  /// Jobs without a final state, or with another one than they have on the cluster.
  public var lost = 0
  /// Starts of a job that ran already or was done.
  public var repeated = 0
  /// Starts of a run before its base policy was there.
  public var tooEarly = 0
  /// The most jobs that ran at one time.
  public var mostRunning = 0
  /// Time on the cluster's clock, from begin to end.
  public var elapsed: Duration = .zero

  /// Whether every job was done once, at its time.
  public var isSound: Bool { lost == 0 && repeated == 0 && tooEarly == 0 }
}
