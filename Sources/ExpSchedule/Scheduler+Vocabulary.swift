public import ExpCore

extension Scheduler {
  /// What the scheduler may use and how patient it is.
  public struct Options: Sendable, Hashable {
    /// Cores that jobs may occupy together; a job that wants more gets this many.
    public var cores: Int
    /// Jobs at one time; nil for as many as the cores allow.
    public var jobLimit: Int?
    /// Bytes that the estimates of running jobs may add up to, though one job always may run; nil for no limit.
    public var memoryBudget: Int?
    /// Whether the first failure stops the sweep.
    public var failFast = false
    /// From TERM to KILL where a job ran out of time.
    public var grace: Duration = .seconds(10)
    /// From TERM to KILL where the sweep stops, so that a long step can end and be saved.
    public var stopGrace: Duration = .seconds(30)
    /// Wait before the first retry; it doubles with each further one.
    public var retryDelay: Duration = .seconds(1)
    /// The longest wait before a retry.
    public var retryDelayLimit: Duration = .seconds(60)
    /// Why a sweep that was told to stop stops, in the records of what it stopped.
    public var stopReason = "the sweep stopped"
    /// How often a trainer may leave without being asked before that counts as failure.
    public var unaskedStopLimit = 5

    /// Makes options with the usual patience.
    public init(cores: Int, jobLimit: Int? = nil, memoryBudget: Int? = nil) {
      self.cores = cores
      self.jobLimit = jobLimit
      self.memoryBudget = memoryBudget
    }
  }

  /// What the files say of a job before it is launched.
  public enum Finding: Sendable, Hashable {
    /// It can be launched; so many attempts in a row have failed already.
    case open(failedTries: Int)
    /// Nothing need be done, and why.
    case finished(RunState, reason: String?)
  }

  /// How a trainer left.
  public struct Exit: Sendable, Hashable {
    /// The exit status; nil where a signal ended it.
    public var code: Int32?
    /// The signal that ended it.
    public var signal: Int32?
    /// Whether a valid final record of this job lies in its folder.
    public var hasResult: Bool
    /// What the machine that ran it has recorded as its outcome; nil where this process is to judge.
    public var outcome: RunState?
    /// Whether it got further than where it began.
    public var hasAdvanced: Bool
    /// Its own last words, for people.
    public var detail: String?

    /// Makes an exit.
    public init(
      code: Int32?, signal: Int32? = nil, hasResult: Bool, outcome: RunState? = nil,
      hasAdvanced: Bool = false, detail: String? = nil
    ) {
      self.code = code
      self.signal = signal
      self.hasResult = hasResult
      self.outcome = outcome
      self.hasAdvanced = hasAdvanced
      self.detail = detail
    }
  }

  /// How a sweep is asked to stop.
  public enum Stop: Int, Sendable, Hashable, Comparable {
    /// TERM: trainers write a checkpoint and leave.
    case gently
    /// KILL.
    case now

    /// Orders by force.
    public static func < (left: Stop, right: Stop) -> Bool { left.rawValue < right.rawValue }
  }

  /// Why a sweep ends before its jobs do.
  public enum StopCause: Sendable, Hashable {
    /// Somebody asked.
    case asked
    /// A job failed and the first failure was to stop the sweep.
    case failFast
    /// The disk is nearly full and nothing that runs could change that.
    case diskFull
  }

  /// What happened.
  public enum Event: Sendable, Hashable {
    /// The sweep begins; the first event.
    case begin
    /// A launched job waits in a cluster's queue, for this reason.
    case queued(RunID, reason: String)
    /// A launched job's trainer runs.
    case started(RunID)
    /// A job left a cluster's queue before its trainer was started.
    case leftQueue(RunID, reason: String)
    /// What a launched job needs is in use by other sweeps; nothing is launched until `roomMayBeFree`.
    case noRoom(RunID, reason: String)
    /// What was in use may be free again.
    case roomMayBeFree
    /// A launched job was found to be computed by somebody else's trainer at this moment.
    case lockHeldElsewhere(RunID)
    /// The trainer that a job waited for is gone.
    case lockFreed(RunID, Finding)
    /// A launched job was found to need nothing more.
    case settled(RunID, RunState, reason: String?)
    /// A launched job's trainer could not be started.
    case launchFailed(RunID, reason: String, canRetry: Bool)
    /// A trainer left.
    case exited(RunID, Exit)
    /// A phase that was announced as ready may start.
    case phaseStarted(Int)
    /// Free disk space fell below its floor, or rose above it.
    case diskLow(Bool)
    /// Somebody wants the sweep to stop.
    case stopRequested(Stop)
    /// A run cannot reach the best any more, for a reason in words; given again, it changes nothing.
    case pruneAdvised(RunID, reason: String)
    /// A running job must be stopped for a reason in words; where it may be tried again, that counts as a failed try.
    case condemned(RunID, reason: String, mayRetry: Bool)
    /// Somebody wants a job that did not succeed to be run again.
    case retryAsked(RunID)
    /// Time passed.
    case timerFired
  }

  /// What is to be done.
  public enum Action: Sendable, Hashable {
    /// Start a trainer, then report `started`, `lockHeldElsewhere`, `settled` or `launchFailed`.
    case launch(RunID)
    /// Send TERM to the trainer.
    case terminate(RunID)
    /// Send KILL to the trainer's process group.
    case kill(RunID)
    /// Write down how an attempt ended.
    case recordAttempt(RunID, outcome: RunState, reason: String?)
    /// Write down that a run which has no trainer is pruned.
    case recordPruned(RunID, reason: String)
    /// Tell whoever watches that a job's status changed.
    case changed(RunID)
    /// Prepare a phase, then report `phaseStarted`.
    case phaseReady(Int)
  }

  /// What is known of a job at a moment.
  public struct Status: Sendable, Hashable {
    /// Its state.
    public var state: RunState
    /// Why it is so, where there is something to say.
    public var reason: String?
    /// Attempts in a row that failed.
    public var failedTries: Int
    /// When its trainer was started; nil unless it runs.
    public var runningSince: Duration?
    /// When it is tried again; nil unless it waits for that.
    public var retryAt: Duration?
    /// Whether it waits for a trainer that another process started.
    public var waitsForLock: Bool
    /// Whether it waits in a cluster's queue.
    public var isQueued: Bool
  }
}
