public import ExpCore

/// What a sweep is doing at one moment.
public struct ProgressSnapshot: Sendable, Hashable {
  /// A trial that is training right now.
  public struct Trial: Sendable, Hashable {
    /// What is trained.
    public enum Kind: String, Sendable, Hashable {
      /// A base policy.
      case base
      /// An RL run.
      case rl
    }

    /// The point's label; tells the trials of a kind apart.
    public var label: String
    /// What is trained.
    public var kind: Kind
    /// The last step that is done.
    public var step: Int
    /// Steps of the whole trial; 0 where not known yet.
    public var total: Int
    /// The last entropy, nats.
    public var entropy: Double?
    /// The last validation score.
    public var valScore: Double?
    /// Standard error of that score.
    public var valScoreSE: Double?
    /// Seconds until it should end.
    public var etaSeconds: Double?

    /// Makes a trial.
    public init(
      label: String, kind: Kind, step: Int, total: Int, entropy: Double? = nil,
      valScore: Double? = nil, valScoreSE: Double? = nil, etaSeconds: Double? = nil
    ) {
      self.label = label
      self.kind = kind
      self.step = step
      self.total = total
      self.entropy = entropy
      self.valScore = valScore
      self.valScoreSE = valScoreSE
      self.etaSeconds = etaSeconds
    }
  }

  /// The sweep's name.
  public var sweep: String
  /// How many trials are in each state, base policies included.
  public var counts: [RunState: Int]
  /// All trials of the sweep, base policies included.
  public var total: Int
  /// Seconds since the sweep was started.
  public var elapsedSeconds: Double
  /// Seconds until it should end; nil where nothing is known yet.
  public var etaSeconds: Double?
  /// The trials that are training, in the order they are shown.
  public var running: [Trial]

  /// Makes a snapshot.
  public init(
    sweep: String, counts: [RunState: Int], total: Int, elapsedSeconds: Double,
    etaSeconds: Double? = nil, running: [Trial] = []
  ) {
    self.sweep = sweep
    self.counts = counts
    self.total = total
    self.elapsedSeconds = elapsedSeconds
    self.etaSeconds = etaSeconds
    self.running = running
  }

  /// Trials to which nothing more will happen; cancelled ones go on when the sweep is started again.
  var finished: Int {
    counts.reduce(0) {
      $0 + ($1.key.isFinished && $1.key != .cancelled ? max(0, $1.value) : 0)
    }
  }

  /// The states that a person should hear of beside the bar: what is running and what went wrong.
  var notable: [(state: RunState, count: Int)] {
    RunState.allCases.compactMap { state in
      guard state != .pending, state != .succeeded, let count = counts[state], count > 0 else {
        return nil
      }
      return (state, count)
    }
  }
}
