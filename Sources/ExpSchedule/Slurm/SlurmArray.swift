public import ExpCore
internal import FoundationEssentials
public import TrainerProtocol

/// An array of tasks as it was handed to Slurm: `runs/sweeps/NAME/slurm/NONCE.json`.
///
/// It is written before `sbatch` is called and holds all that a node must know, so that neither a crash of the
/// submitting process nor one of the controller loses sight of what was asked for.
public struct SlurmArray: Sendable, Hashable, Codable {
  /// One run or base policy; its index in the array is its place in the list.
  public struct Task: Sendable, Hashable, Codable {
    /// The id.
    public var id: RunID
    /// Whether it makes a base policy or trains from one.
    public var kind: RunRequest.Kind
    /// What people call it.
    public var label: String
    /// The base policy it starts from; nil for a base policy.
    public var base: RunID?
    /// Cores it is given.
    public var cores: Int
    /// Bytes of memory it should take; nil where nobody knows.
    public var memoryBytes: Int?
    /// Whether `memoryBytes` is a limit that was set, not an estimate.
    public var memoryIsLimit: Bool
    /// The longest one attempt may take, seconds; nil for no limit.
    public var timeoutSeconds: Double?
    /// Seconds between checkpoints, at most.
    public var checkpointSeconds: Double
    /// The longest that a trainer may write no event, seconds; nil for no limit.
    public var silenceSeconds: Double?

    enum CodingKeys: String, CodingKey {
      case id, kind, label, base, cores
      case memoryBytes = "memory_bytes"
      case memoryIsLimit = "memory_is_limit"
      case timeoutSeconds = "timeout_seconds"
      case checkpointSeconds = "checkpoint_seconds"
      case silenceSeconds = "silence_seconds"
    }
  }

  /// Text that no other array has.
  public var nonce: String
  /// The sweep's name.
  public var sweep: String
  /// When it was written, UTC.
  public var createdAt: String
  /// Slurm's number of the array; nil until `sbatch` has told it.
  public var job: Int?
  /// Tasks of it that may run at one time; nil for all.
  public var throttle: Int?
  /// Whether nothing of it is queued or running any more.
  public var isClosed = false
  /// The trainer's program, absolute, and its leading arguments.
  public var trainer: [String]
  /// The folder of runs, absolute.
  public var runs: String
  /// The arithmetic that new runs are pinned to.
  public var compute: RunRequest.Compute
  /// Hash of the trainer's sources.
  public var sourceFingerprint: ContentHash
  /// Whether runs that were pruned stay so.
  public var keepsPruned: Bool
  /// What it runs, in the order of the array's indices.
  public var tasks: [Task]

  enum CodingKeys: String, CodingKey {
    case nonce, sweep, job, throttle, trainer, runs, compute, tasks
    case createdAt = "created_at"
    case isClosed = "closed"
    case sourceFingerprint = "source_fingerprint"
    case keepsPruned = "keeps_pruned"
  }

  /// The job's name in Slurm, by which a lost answer of `sbatch` is found again.
  public var jobName: String { "exp-\(sweep)-\(nonce)" }
}

/// The arrays of one sweep on disk.
public struct SlurmFolder: Sendable, Hashable {
  /// The folder: `runs/sweeps/NAME/slurm`.
  public let path: String

  /// Takes the folder of a sweep; it need not be there.
  public init(sweep: String, paths: RunPaths) { path = "\(paths.sweep(sweep))/slurm" }

  /// The file of an array.
  public func record(_ nonce: String) -> String { "\(path)/\(nonce).json" }
  /// The script that was submitted with it.
  func script(_ nonce: String) -> String { "\(path)/\(nonce).sh" }
  /// What a task of it wrote before and after its trainer.
  func output(_ nonce: String, index: Int) -> String { "\(path)/\(nonce)-\(index).out" }

  /// Reads the record of an array.
  public static func read(_ path: String) throws(ScheduleError) -> SlurmArray {
    guard let bytes = try SmallFile.read(path, limit: 64 << 20) else {
      throw .unreadable(path: path, reason: "there is no such file")
    }
    do {
      return try JSONDecoder().decode(SlurmArray.self, from: Data(bytes))
    } catch {
      throw .unreadable(path: path, reason: "it is no record of a Slurm array (\(error))")
    }
  }

  /// Returns the arrays that are not known to be over, the oldest first; none where there is no folder.
  public func openArrays() throws(ScheduleError) -> [SlurmArray] {
    guard fileExists(path) else { return [] }
    let names: [String]
    do {
      names = try FileManager.default.contentsOfDirectory(atPath: path)
    } catch {
      throw .unreadable(path: path, reason: "its files cannot be listed")
    }
    var arrays: [SlurmArray] = []
    for name in names where name.hasSuffix(".json") {
      let array = try SlurmFolder.read("\(path)/\(name)")
      if !array.isClosed { arrays.append(array) }
    }
    return arrays.sorted { ($0.createdAt, $0.nonce) < ($1.createdAt, $1.nonce) }
  }

  /// Writes a record, the old or the new but never a part.
  func write(_ array: SlurmArray) throws(ScheduleError) {
    try SmallFile.makeFolder(path)
    try SmallFile.write(jsonLine(array), to: record(array.nonce), in: path)
  }

  /// Writes the script of an array and returns its path.
  func write(script: String, of array: SlurmArray) throws(ScheduleError) -> String {
    try SmallFile.makeFolder(path)
    try SmallFile.write(Array(script.utf8), to: self.script(array.nonce), in: path)
    return self.script(array.nonce)
  }

  /// Forgets an array that Slurm never took.
  func remove(_ array: SlurmArray) {
    // try?: a leftover record is looked up again, and found unknown again.
    try? FileManager.default.removeItem(atPath: record(array.nonce))
    try? FileManager.default.removeItem(atPath: script(array.nonce))  // try?: as above
  }
}
