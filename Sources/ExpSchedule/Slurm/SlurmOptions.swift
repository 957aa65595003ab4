/// What a sweep asks of a Slurm cluster, beside the cores, memory and GPUs of each run.
public struct SlurmOptions: Sendable, Hashable {
  /// The partition; nil for the site's default.
  public var partition: String?
  /// The account that is charged.
  public var account: String?
  /// The quality of service.
  public var qos: String?
  /// Features that nodes must have.
  public var constraint: String?
  /// A reservation to run in.
  public var reservation: String?
  /// Nodes to use, as Slurm writes lists of hosts.
  public var nodelist: String?
  /// Nodes to leave out.
  public var exclude: String?
  /// The longest that one task may take; nil for the partition's default.
  public var timeLimit: Duration?
  /// Further options of `sbatch`, such as `--nice=100`.
  public var extra: [String] = []
  /// Lines of shell that a node runs before the trainer, such as `module load openblas`.
  public var setup: [String] = []
  /// Fewer tasks per array than the site allows; nil for as many as it does.
  public var maxArraySize: Int?
  /// Tasks that may run at one time; nil for as many as the cluster gives.
  public var jobLimit: Int?
  /// How long a file that a node wrote may take to be seen here.
  public var fileDelay: Duration = .seconds(60)

  /// Asks for nothing in particular.
  public init() {}
}
