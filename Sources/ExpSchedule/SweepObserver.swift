public import ExpCore
public import TrainerProtocol

/// A job as whoever watches sees it.
public struct JobSnapshot: Sendable, Hashable, Codable {
  /// The id.
  public var id: RunID
  /// What people call it.
  public var label: String
  /// Whether it is a base policy or a run.
  public var kind: RunRequest.Kind
  /// Its phase.
  public var phase: Int
  /// Its state.
  public var state: RunState
  /// Why it is so, where there is something to say.
  public var reason: String?
  /// Attempts in a row that failed.
  public var failedTries: Int
  /// Seconds until it is tried again; nil unless it waits for that.
  public var retrySeconds: Double?
  /// Whether it waits for a trainer that another process started.
  public var waitsForLock: Bool
  /// The trainer's process id; nil unless it runs on this machine.
  public var pid: Int?
  /// Where it runs, for people; nil for this machine.
  public var place: String?
  /// Seconds since its trainer was started; nil unless it runs.
  public var elapsedSeconds: Double?
  /// The last step with an event; nil before the first.
  public var step: Int?
  /// Steps of the whole run; nil before its trainer said so.
  public var totalSteps: Int?
  /// The last value of each metric that this attempt wrote.
  public var values: [String: Double]
  /// Seconds it should still take; nil unless it runs.
  public var etaSeconds: Double?

  enum CodingKeys: String, CodingKey {
    case id, label, kind, phase, state, reason, pid, place, step, values
    case failedTries = "failed_tries"
    case retrySeconds = "retry_seconds"
    case waitsForLock = "waits_for_lock"
    case elapsedSeconds = "elapsed_seconds"
    case totalSteps = "total_steps"
    case etaSeconds = "eta_seconds"
  }
}

/// A sweep as whoever watches sees it.
public struct SweepSnapshot: Sendable, Hashable, Codable {
  /// Jobs in each state.
  public var counts: [RunState: Int]
  /// Jobs in all.
  public var total: Int
  /// The running jobs, in the order of their launch.
  public var running: [JobSnapshot]
  /// Seconds since the sweep began.
  public var elapsedSeconds: Double
  /// Seconds it should still take: estimates, corrected by how long finished jobs took; nil before anything is known.
  public var etaSeconds: Double?
  /// Whether it is stopping.
  public var isStopping: Bool
  /// Why nothing more is started at the moment, where others use what is needed.
  public var waitsForRoom: String?

  enum CodingKeys: String, CodingKey {
    case counts, total, running
    case elapsedSeconds = "elapsed_seconds"
    case etaSeconds = "eta_seconds"
    case isStopping = "is_stopping"
    case waitsForRoom = "waits_for_room"
  }
}

/// Whoever watches a sweep and keeps its books; called on the thread that runs it, so it must be quick.
public protocol SweepObserver: AnyObject {
  /// A job's state changed.
  func jobChanged(_ snapshot: JobSnapshot)
  /// Something moved; at most five times a second.
  func progress(_ snapshot: SweepSnapshot)
  /// Something that a person may want to read.
  func message(_ text: String)
  /// A phase above 0 is about to start because all earlier ones are finished: the moment to register predictions.
  ///
  /// Called once for each such phase that has something left to run. An error stops the sweep and is thrown by it.
  func phaseWillStart(_ phase: Int) throws
  /// The first attempt of a run in this sweep is about to start, its folder is there and locked: the moment to write
  /// where the run came from. An error fails the run.
  func runWillStart(_ id: RunID, folder: RunFolder) throws
  /// A job reached a final state, or was found in one; its files do not change any more in this sweep.
  func runFinished(_ id: RunID, folder: RunFolder)
}

extension SweepObserver {
  /// Does nothing.
  public func runWillStart(_ id: RunID, folder: RunFolder) throws {}
}
