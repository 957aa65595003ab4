/// The git state that something came from: a commit of a clean tree, or a snapshot of a dirty one.
public struct SourcePin: Sendable, Hashable, Codable {
  /// The commit, 40 hexadecimal digits; the snapshot's where the tree was dirty.
  public var commit: String
  /// The commit's tree.
  public var tree: String
  /// The commit that was checked out; nil on an unborn branch.
  public var head: String?
  /// The branch; nil where HEAD is detached.
  public var branch: String?
  /// The URL of `origin` without credentials; nil where there is none.
  public var remote: String?
  /// Whether `commit` is a snapshot under `refs/exp/snapshots/`.
  public var snapshot: Bool
  /// The repository's work tree.
  public var root: String
  /// Paths left out of the snapshot because they look secret or are huge.
  public var leftOut: [String]

  enum CodingKeys: String, CodingKey {
    case commit, tree, head, branch, remote, snapshot, root
    case leftOut = "left_out"
  }

  /// Makes a pin.
  public init(
    commit: String, tree: String, head: String?, branch: String?, remote: String?, snapshot: Bool,
    root: String, leftOut: [String]
  ) {
    self.commit = commit
    self.tree = tree
    self.head = head
    self.branch = branch
    self.remote = remote
    self.snapshot = snapshot
    self.root = root
    self.leftOut = leftOut
  }
}

/// The machine that a run was started on.
public struct MachineFacts: Sendable, Hashable, Codable {
  /// Host name.
  public var host: String
  /// Processor model.
  public var processor: String
  /// Processors this process may use.
  public var cores: Int
  /// Memory in bytes.
  public var memoryBytes: Int
  /// Operating system and kernel.
  public var system: String
  /// Identity of the current boot.
  public var bootID: String

  enum CodingKeys: String, CodingKey {
    case host, processor, cores, system
    case memoryBytes = "memory_bytes"
    case bootID = "boot_id"
  }

  /// Makes the facts.
  public init(
    host: String, processor: String, cores: Int, memoryBytes: Int, system: String, bootID: String
  ) {
    self.host = host
    self.processor = processor
    self.cores = cores
    self.memoryBytes = memoryBytes
    self.system = system
    self.bootID = bootID
  }
}

/// Where a run came from: `provenance.json`, written before its first attempt.
public struct RunProvenance: Sendable, Hashable, Codable {
  /// The experiment that planned it first.
  public var experiment: String
  /// The point's label in that experiment.
  public var label: String
  /// The repository the spec lives in; nil where there is none.
  public var source: SourcePin?
  /// Hash of the trainer's sources.
  public var trainerFingerprint: ContentHash
  /// Hash of the trainer's binary.
  public var trainerBinarySHA256: ContentHash?
  /// The machine.
  public var machine: MachineFacts
  /// Allowed environment variables that were set.
  public var environment: [String: String]
  /// The command as it was typed.
  public var commandLine: [String]
  /// Wall-clock time in UTC, `YYYY-MM-DDThh:mm:ssZ`.
  public var createdAt: String
  /// The spec's text, with everything it extends.
  public var specFiles: [String: String]

  enum CodingKeys: String, CodingKey {
    case experiment, label, source, machine, environment
    case trainerFingerprint = "trainer_fingerprint"
    case trainerBinarySHA256 = "trainer_binary_sha256"
    case commandLine = "command_line"
    case createdAt = "created_at"
    case specFiles = "spec_files"
  }

  /// Makes a record.
  public init(
    experiment: String, label: String, source: SourcePin?, trainerFingerprint: ContentHash,
    trainerBinarySHA256: ContentHash?, machine: MachineFacts, environment: [String: String],
    commandLine: [String], createdAt: String, specFiles: [String: String]
  ) {
    self.experiment = experiment
    self.label = label
    self.source = source
    self.trainerFingerprint = trainerFingerprint
    self.trainerBinarySHA256 = trainerBinarySHA256
    self.machine = machine
    self.environment = environment
    self.commandLine = commandLine
    self.createdAt = createdAt
    self.specFiles = specFiles
  }
}
