public import ExpCore

/// The final record of a run, `result.json`: without it, nothing counts as succeeded.
public struct RunResult: Sendable, Hashable, Codable {
  /// The version of this shape: 1.
  public var schema: Int
  /// The id of the run or base policy.
  public var id: RunID
  /// Steps done: all of them.
  public var steps: Int
  /// The attempt that finished it.
  public var attempt: Int
  /// The final policy, relative to the run folder.
  public var checkpoint: String
  /// Hash of that file.
  public var checkpointSHA256: ContentHash
  /// Hash over every recorded value in order (times apart): equal hashes, equal series.
  public var seriesSHA256: ContentHash
  /// The last value of each metric.
  public var last: [String: Double]
  /// Definition of each averaged series: what was averaged over what.
  public var definitions: [String: String]
  /// Wall-clock seconds of all attempts that counted.
  public var wallSeconds: Double
  /// Peak resident memory of the finishing attempt, bytes.
  public var peakMemoryBytes: Int
  /// CPU time of the finishing attempt, seconds.
  public var cpuSeconds: Double

  enum CodingKeys: String, CodingKey {
    case schema, id, steps, attempt, checkpoint, last, definitions
    case checkpointSHA256 = "checkpoint_sha256"
    case seriesSHA256 = "series_sha256"
    case wallSeconds = "wall_seconds"
    case peakMemoryBytes = "peak_memory_bytes"
    case cpuSeconds = "cpu_seconds"
  }

  /// Makes a record.
  public init(
    id: RunID, steps: Int, attempt: Int, checkpoint: String, checkpointSHA256: ContentHash,
    seriesSHA256: ContentHash, last: [String: Double], definitions: [String: String],
    wallSeconds: Double, peakMemoryBytes: Int, cpuSeconds: Double
  ) {
    schema = 1
    self.id = id
    self.steps = steps
    self.attempt = attempt
    self.checkpoint = checkpoint
    self.checkpointSHA256 = checkpointSHA256
    self.seriesSHA256 = seriesSHA256
    self.last = last
    self.definitions = definitions
    self.wallSeconds = wallSeconds
    self.peakMemoryBytes = peakMemoryBytes
    self.cpuSeconds = cpuSeconds
  }
}
