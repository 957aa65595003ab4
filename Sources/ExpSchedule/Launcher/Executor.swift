internal import ExpCore
internal import TrainerProtocol

/// How an attempt ended and what it used, as far as anybody counted.
struct AttemptEnd: Sendable, Hashable {
  /// The exit status; nil where a signal ended it or nobody saw it.
  var code: Int32?
  /// The signal that ended it.
  var signal: Int32?
  /// Peak resident memory, bytes.
  var peakMemoryBytes: Int?
  /// User and system CPU time, seconds.
  var cpuSeconds: Double?
  /// What happened where neither a status nor a signal tells, for people.
  var words: String?
  /// Whether the machine that ran it has written its end down already.
  var isRecorded = false
  /// What that machine took its end for.
  var outcome: RunState?
}

/// What is known of an attempt at a moment.
enum AttemptNews: Sendable, Hashable {
  /// It waits for a machine, for this reason.
  case queued(String)
  /// Its trainer runs.
  case running
  /// It left the queue before a trainer was started, for this reason.
  case leftQueue(String)
  /// The queue will not take it, now or later, for this reason; no attempt was made.
  case refused(String)
  /// Its trainer is gone, and nothing of it is left.
  case ended(AttemptEnd)
}

/// An attempt in the hands of an executor.
protocol Attempt: AnyObject {
  /// The trainer's process id where it runs on this machine.
  var pid: Int? { get }
  /// When it was started or submitted, UTC.
  var startedAt: String { get }
  /// Where it runs, for people; nil for this machine.
  var place: String? { get }

  /// Says what has become of it.
  func look() -> AttemptNews
  /// Asks the trainer to write a checkpoint and leave; one that waits leaves the queue.
  func terminate()
  /// Ends it at once, with all processes that it started.
  func kill()
}

/// Why an attempt was not started.
enum LaunchFailure: Error {
  /// What it needs is in use by others at the moment: what is missing, for people.
  case noRoom(String)
  /// It cannot be started, and whether that may change.
  case refused(reason: String, canRetry: Bool)
}

/// A place for one attempt, taken before its files are looked at.
final class Reservation {
  /// The share of this machine; nil where a cluster decides.
  private var lease: Lease?

  init(_ lease: consuming Lease?) { self.lease = lease }

  /// Hands the share over.
  func take() -> Lease? {
    var taken: Lease?
    swap(&taken, &lease)
    return taken
  }
}

/// Where trainers run: as children on this machine, or through a cluster's queue.
protocol Executor: AnyObject {
  /// Whether attempts wait in a queue before their trainers run.
  var queues: Bool { get }
  /// The longest that the loop may sleep while attempts live; nil where a signal tells of their ends.
  var pollInterval: Duration? { get }

  /// Takes a place for an attempt; let go with the last reference.
  func reserve(_ job: SweepJob) throws(LaunchFailure) -> Reservation
  /// Starts an attempt at its place, or puts it into a queue; the run's lock passes to whoever runs it.
  func start(
    _ job: SweepJob, _ request: RunRequest, in folder: RunFolder, lock: consuming RunLock,
    at place: Reservation
  ) throws(LaunchFailure) -> any Attempt
  /// Takes over an attempt that an earlier process of this sweep started and that still waits or runs.
  func adopt(_ job: SweepJob, in folder: RunFolder) -> (any Attempt)?
  /// Does what was gathered and what is due; called once per turn of the loop.
  func turn(_ message: (String) -> Void)
  /// No job waits for room any more.
  func stopWaiting()
  /// The sweep has ended or is left; nothing is launched any more.
  func conclude()
}

extension Executor {
  func conclude() {}
}
