public import ExpCore
public import TrainerProtocol

/// Runs trainers through a Slurm cluster: launches are gathered into arrays, the queue is asked now and then, and how a
/// run ended is read from what its node wrote.
///
/// What has been submitted is in `runs/sweeps/NAME/slurm`, so that a process that comes later takes over what the
/// cluster still has.
public final class SlurmExecutor: Executor {
  /// What every task of a sweep has in common.
  public struct Sweep: Sendable {
    /// The sweep's name.
    public var name: String
    /// The folder of runs.
    public var paths: RunPaths
    /// The trainer's program, absolute, and its leading arguments.
    public var trainer: [String]
    /// The arithmetic that new runs are pinned to.
    public var compute: RunRequest.Compute
    /// Hash of the trainer's sources.
    public var sourceFingerprint: ContentHash
    /// Whether runs that were pruned stay so.
    public var keepsPruned: Bool
    /// The absolute path of `exp`, which the nodes must see too.
    public var program: String

    /// Takes all that the nodes must know.
    public init(
      name: String, paths: RunPaths, trainer: [String], compute: RunRequest.Compute,
      sourceFingerprint: ContentHash, keepsPruned: Bool, program: String
    ) {
      self.name = name
      self.paths = paths
      self.trainer = trainer
      self.compute = compute
      self.sourceFingerprint = sourceFingerprint
      self.keepsPruned = keepsPruned
      self.program = program
    }
  }

  /// An array that has tasks left.
  struct LiveArray {
    var record: SlurmArray
    /// Tasks that have not left.
    var left: Int
  }

  let sweep: Sweep
  let options: SlurmOptions
  let site: SlurmSite
  let client: SlurmClient
  let folder: SlurmFolder

  /// Launches that no array holds yet.
  var gathered: [SlurmTask] = []
  /// Tasks of arrays whose submission Slurm has not confirmed, by the job's name.
  var unsure: [String: (array: SlurmArray, tasks: [SlurmTask], looks: Int)] = [:]
  var tasks: [SlurmTaskID: SlurmTask] = [:]
  var arrays: [Int: LiveArray] = [:]
  /// What an earlier process submitted and the cluster still has.
  var inherited: [RunID: SlurmTaskID] = [:]
  var health = SlurmNodeHealth()
  /// The largest array that Slurm took when it refused a larger one.
  var sizeLimit: Int?
  var nextLook: Duration = .zero
  var nextSubmission: Duration = .zero
  var submissionPause: Duration = .seconds(2)
  var nextTelling: Duration = .zero
  /// What was said last of a trouble, so that it is said once.
  var trouble: String?

  let pollInterval: Duration? = .milliseconds(500)
  let queues = true

  /// Asks the cluster how it is configured and takes over what an earlier process left in its queue.
  ///
  /// - Throws: `ScheduleError` where Slurm does not answer, or the records of earlier arrays cannot be read.
  public init(
    _ sweep: Sweep, options: SlurmOptions, environment: [String: String]
  ) throws(ScheduleError) {
    self.sweep = sweep
    self.options = options
    client = SlurmClient(environment: environment)
    folder = SlurmFolder(sweep: sweep.name, paths: sweep.paths)
    site = try client.site()
    try inherit()
  }

  /// How many tasks of an earlier process the cluster still has.
  public var inheritedCount: Int { inherited.count }

  /// The most tasks of one array.
  var arraySize: Int {
    // MaxArraySize bounds the largest index too, which is one less than the count.
    max(1, min(site.maxArraySize, options.maxArraySize ?? Int.max, sizeLimit ?? Int.max))
  }

  // MARK: What the sweep asks for

  func reserve(_ job: SweepJob) throws(LaunchFailure) -> Reservation { Reservation(nil) }

  func start(
    _ job: SweepJob, _ request: RunRequest, in folder: RunFolder, lock: consuming RunLock,
    at place: Reservation
  ) throws(LaunchFailure) -> any Attempt {
    // The lock is let go here: the node takes it.
    if let attempt = adopt(job, in: folder) { return attempt }
    let task = SlurmTask(job: job, folder: folder)
    gathered.append(task)
    return task
  }

  func adopt(_ job: SweepJob, in folder: RunFolder) -> (any Attempt)? {
    guard let id = inherited.removeValue(forKey: job.id) else { return nil }
    let task = SlurmTask(job: job, folder: folder)
    task.task = id
    task.news = .queued("it is in Slurm's queue as \(id)")
    tasks[id] = task
    return task
  }

  func turn(_ message: (String) -> Void) {
    dropGathered()
    if monotonicNow() >= nextLook, !tasks.isEmpty || !unsure.isEmpty { look(message) }
    tell()
    if monotonicNow() >= nextSubmission, !gathered.isEmpty { submit(message) }
  }

  func stopWaiting() {}

  /// What was to leave before it was submitted has left.
  private func dropGathered() {
    for task in gathered where task.wish != .none {
      task.news = .leftQueue("it was not submitted")
    }
    gathered.removeAll { $0.wish != .none }
  }

  /// Sends the wishes that tasks have not been told.
  private func tell() {
    let waiting = tasks.values.filter { $0.wish > $0.sent }
    guard !waiting.isEmpty, monotonicNow() >= nextTelling else { return }
    let leave = waiting.filter { $0.wish == .leave }.compactMap(\.task)
    let die = waiting.filter { $0.wish == .die }.compactMap(\.task)
    // Each call passes over what is in the other state, so a task that starts in between is told at the next look.
    let isTaken =
      client.cancel(leave, ["--state=PENDING"])
      && client.cancel(leave, ["--state=RUNNING", "--batch", "--signal=TERM"])
      && client.cancel(die, ["--full", "--signal=KILL"]) && client.cancel(die, [])
    let now = monotonicNow()
    guard isTaken else { return nextTelling = now + .seconds(1) }
    for task in waiting { task.sent = task.wish }
    nextLook = min(nextLook, now + .milliseconds(500))
  }
}
