public import ExpCore

/// One line of `attempts.jsonl`: an attempt as the scheduler saw it end.
public struct AttemptRecord: Sendable, Hashable, Codable {
  /// Process id of the trainer; nil where it never started.
  public var pid: Int?
  /// When it was started, UTC, `YYYY-MM-DDThh:mm:ssZ`.
  public var startedAt: String
  /// When its end was seen.
  public var endedAt: String
  /// What became of it.
  public var outcome: RunState
  /// Exit status; nil where a signal ended it, or where its end was not seen by a parent.
  public var exitCode: Int?
  /// The signal that ended it.
  public var signal: Int?
  /// Peak resident memory, bytes, as the kernel counted it.
  public var peakMemoryBytes: Int?
  /// User and system CPU time, seconds, as the kernel counted it.
  public var cpuSeconds: Double?
  /// Why it ended so, for people.
  public var reason: String?
  /// The task of a cluster that it was, such as `12_3`; nil on a machine of one's own.
  public var job: String?
  /// The cluster's node that it ran on.
  public var host: String?

  enum CodingKeys: String, CodingKey {
    case pid, outcome, signal, reason, job, host
    case startedAt = "started_at"
    case endedAt = "ended_at"
    case exitCode = "exit_code"
    case peakMemoryBytes = "peak_memory_bytes"
    case cpuSeconds = "cpu_seconds"
  }

  /// Makes a record.
  public init(
    pid: Int?, startedAt: String, endedAt: String, outcome: RunState, exitCode: Int? = nil,
    signal: Int? = nil, peakMemoryBytes: Int? = nil, cpuSeconds: Double? = nil,
    reason: String? = nil, job: String? = nil, host: String? = nil
  ) {
    self.pid = pid
    self.startedAt = startedAt
    self.endedAt = endedAt
    self.outcome = outcome
    self.exitCode = exitCode
    self.signal = signal
    self.peakMemoryBytes = peakMemoryBytes
    self.cpuSeconds = cpuSeconds
    self.reason = reason
    self.job = job
    self.host = host
  }
}
