public import ExpCore

/// What a trainer is asked to do: `request.json`, read once and never changed.
///
/// Everything the trainer writes goes into the folder that holds the request.
public struct RunRequest: Sendable, Hashable, Codable {
  /// What kind of work is asked for.
  public enum Kind: String, Sendable, Hashable, Codable {
    /// The supervised stage that makes a base policy.
    case base
    /// The RL stage from a base policy.
    case rl
  }

  /// The policy that an RL run starts from.
  public struct Base: Sendable, Hashable, Codable {
    /// The id of the base policy.
    public var id: RunID
    /// The checkpoint file, relative to the folder of the request.
    public var checkpoint: String
    /// Hash of that file; nil in a plan whose base does not exist yet, present in every request that is started.
    public var sha256: ContentHash?

    /// Makes a reference to a base policy.
    public init(id: RunID, checkpoint: String, sha256: ContentHash?) {
      self.id = id
      self.checkpoint = checkpoint
      self.sha256 = sha256
    }
  }

  /// The arithmetic the run is pinned to.
  public struct Compute: Sendable, Hashable, Codable {
    /// OpenBLAS's kernel set, as `OPENBLAS_CORETYPE` names it; empty where the library's own choice stands.
    public var blasCoreType: String
    /// The kernels of our own: `avx512`, `avx2` or `generic`, or a GPU's, such as `cuda-bf16` or `cuda-fp32-invariant`.
    public var kernelSet: String
    /// BLAS threads.
    public var threads: Int

    enum CodingKeys: String, CodingKey {
      case threads
      case blasCoreType = "blas_core_type"
      case kernelSet = "kernel_set"
    }

    /// Makes a pin.
    public init(blasCoreType: String, kernelSet: String, threads: Int) {
      self.blasCoreType = blasCoreType
      self.kernelSet = kernelSet
      self.threads = threads
    }
  }

  /// The version of this shape: 1.
  public var schema: Int
  /// The id of the run or base policy.
  public var id: RunID
  /// What is asked for.
  public var kind: Kind
  /// The configuration that determines the numbers.
  public var config: RunConfig
  /// The policy to start from; nil for a base policy.
  public var base: Base?
  /// The arithmetic to use.
  public var compute: Compute
  /// Hash of the trainer's sources that planned this; a trainer of other sources refuses.
  public var sourceFingerprint: ContentHash
  /// Save a checkpoint at least every so many seconds.
  public var checkpointSeconds: Double

  enum CodingKeys: String, CodingKey {
    case schema, id, kind, config, base, compute
    case sourceFingerprint = "source_fingerprint"
    case checkpointSeconds = "checkpoint_seconds"
  }

  /// Makes a request.
  public init(
    id: RunID, kind: Kind, config: RunConfig, base: Base?, compute: Compute,
    sourceFingerprint: ContentHash, checkpointSeconds: Double = 20
  ) {
    schema = 1
    self.id = id
    self.kind = kind
    self.config = config
    self.base = base
    self.compute = compute
    self.sourceFingerprint = sourceFingerprint
    self.checkpointSeconds = checkpointSeconds
  }
}
