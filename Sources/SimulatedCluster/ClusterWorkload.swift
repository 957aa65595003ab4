public import ExpSchedule
internal import ExpCore
internal import FoundationEssentials
internal import TrainerProtocol

/// What a simulated cluster is given to do, and what goes wrong there.
public struct ClusterWorkload: Sendable, Hashable {
  /// Runs, beside their base policies.
  public var runs: Int
  /// Base policies, shared evenly by the runs.
  public var bases: Int
  /// Single-core jobs that fit at one time.
  public var slots: Int
  /// Share of attempts that crash.
  public var failingShare = 0.01
  /// Share of attempts that hang: half of them leave when they are told to, half must be killed.
  public var hangingShare = 0.0002
  /// Start of the random numbers: equal workloads take equal courses.
  public var seed: UInt64 = 1

  /// Makes a workload with the usual shares of trouble.
  public init(runs: Int, bases: Int, slots: Int) {
    self.runs = runs
    self.bases = bases
    self.slots = slots
  }

  /// The longest an attempt may take; one that does not hang takes less.
  static let timeout: Duration = .seconds(7200)

  /// The jobs: base policies, then runs.
  public func jobs() -> [SweepJob] {
    var random = SplitMix(state: seed)
    // Copies of one job share its configuration.
    var job = SweepJob(
      id: ClusterWorkload.id(0), kind: .base, label: "", config: ClusterWorkload.config, base: nil,
      estimatedSeconds: 0, timeout: ClusterWorkload.timeout, retries: 3)
    return (0..<(bases + runs)).map { number in
      job.id = ClusterWorkload.id(number)
      job.kind = number < bases ? .base : .rl
      job.base = number < bases ? nil : ClusterWorkload.id(number % bases)
      job.estimatedSeconds = Double.random(in: 60...3600, using: &random)
      return job
    }
  }

  /// The id of a numbered job.
  static func id(_ number: Int) -> RunID {
    let digits = String(number, radix: 16)
    guard let id = RunID(text: String(repeating: "0", count: 16 - digits.count) + digits) else {
      preconditionFailure("\(number) makes no id")
    }
    return id
  }

  /// Its values do not matter here.
  private static let config: RunConfig = {
    let text = """
      {"task": {"name": "countdown", "numbers": [4], "max_target": 99, "slip_probability": 0.2},
       "model": {"width": 16, "layers": 1, "heads": 2, "kv_heads": 2, "hidden": 48,
         "tied_embeddings": true, "qkv_bias": false, "params": 3000},
       "base": {"steps": 1, "batch_size": 1, "learning_rate": 0.1, "warmup_steps": 0,
         "final_learning_rate_fraction": 0.1, "weight_decay": 0, "beta1": 0.9, "beta2": 0.95,
         "max_grad_norm": 1, "seed": 0}}
      """
    do {
      return try JSONDecoder().decode(RunConfig.self, from: Data(text.utf8))
    } catch {
      preconditionFailure("\(error)")
    }
  }()
}

/// Splitmix64: small, seeded, the same everywhere.
struct SplitMix: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}
