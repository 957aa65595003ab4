public import ExpCore
public import TrainerProtocol

/// One run or base policy that a sweep wants, with what the scheduler must know of it.
public struct SweepJob: Sendable, Hashable {
  /// The id, which names its folder too.
  public var id: RunID
  /// Whether it makes a base policy or trains from one.
  public var kind: RunRequest.Kind
  /// What people call it.
  public var label: String
  /// The configuration that determines its numbers.
  public var config: RunConfig {
    get {
      switch boxed {
      case .shared(let config): config
      }
    }
    set { boxed = .shared(newValue) }
  }
  /// The configuration takes a kilobyte: copies of a job share it.
  private var boxed: BoxedConfig

  private indirect enum BoxedConfig: Sendable, Hashable {
    case shared(RunConfig)
  }

  /// The job whose policy it starts from; nil for a base policy.
  public var base: RunID?
  /// 0 for normal jobs, 1 for held-out ones: a phase starts only when all earlier phases are finished.
  public var phase: Int
  /// Seconds it should take on its cores.
  public var estimatedSeconds: Double
  /// Cores it is given, and BLAS threads.
  public var cores: Int
  /// Bytes of memory it should take; nil where nobody knows.
  public var memoryBytes: Int?
  /// Whether `memoryBytes` is a limit that was set, not an estimate.
  public var memoryIsLimit: Bool
  /// GPUs it is given: a whole number, or a part of one.
  public var gpus: Double
  /// Jobs of a higher priority are started first.
  public var priority: Int
  /// The longest one attempt may take; nil for no limit.
  public var timeout: Duration?
  /// How often a failed attempt is followed by another one.
  public var retries: Int
  /// Seconds between checkpoints, at most.
  public var checkpointSeconds: Double
  /// The longest that a trainer may write no event; nil for no limit.
  public var silence: Duration?

  /// Makes a job.
  public init(
    id: RunID, kind: RunRequest.Kind, label: String, config: RunConfig, base: RunID?,
    phase: Int = 0, estimatedSeconds: Double, cores: Int = 1, memoryBytes: Int? = nil,
    memoryIsLimit: Bool = false, gpus: Double = 0, priority: Int = 0, timeout: Duration? = nil,
    retries: Int = 2, checkpointSeconds: Double = 20, silence: Duration? = nil
  ) {
    self.id = id
    self.kind = kind
    self.label = label
    boxed = .shared(config)
    self.base = base
    self.phase = phase
    self.estimatedSeconds = estimatedSeconds
    self.cores = cores
    self.memoryBytes = memoryBytes
    self.memoryIsLimit = memoryIsLimit
    self.gpus = gpus
    self.priority = priority
    self.timeout = timeout
    self.retries = retries
    self.checkpointSeconds = checkpointSeconds
    self.silence = silence
  }

  /// The folder it works in.
  public func folder(in paths: RunPaths) -> RunFolder {
    kind == .base ? paths.base(id) : paths.run(id)
  }
}
