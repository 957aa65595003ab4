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
  /// What an earlier process submitted, the cluster still has, and this sweep wants, until its run is launched.
  var inherited: [RunID: SlurmTaskID] = [:]
  /// All that an earlier process submitted and no launch has taken over: beside `inherited`, what the sweep does not want.
  var unowned: [SlurmTaskID: SlurmNotice] = [:]
  /// Tasks of an earlier plan of which nothing has been said.
  var unwantedCount = 0
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
  /// - Parameters:
  ///   - sweep: what its tasks have in common.
  ///   - wanted: the runs and base policies of its plan; tasks of others are told to leave.
  ///   - options: what is asked of the cluster.
  ///   - environment: where Slurm's programs and configuration are.
  /// - Throws: `ScheduleError` where Slurm does not answer, or the records of earlier arrays cannot be read.
  public init(
    _ sweep: Sweep, wanted: Set<RunID>, options: SlurmOptions, environment: [String: String]
  ) throws(ScheduleError) {
    self.sweep = sweep
    self.options = options
    client = SlurmClient(environment: environment)
    folder = SlurmFolder(sweep: sweep.name, paths: sweep.paths)
    site = try client.site()
    try inherit(wanted)
  }

  /// How many tasks of an earlier process the cluster still has for this sweep.
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
    task.notice = unowned.removeValue(forKey: id) ?? SlurmNotice()
    task.news = .queued("it is in Slurm's queue as \(id)")
    tasks[id] = task
    return task
  }

  func turn(_ message: (String) -> Void) {
    dropGathered()
    sayUnwanted(message)
    let isWatching = !tasks.isEmpty || !unsure.isEmpty || !unowned.isEmpty
    if isWatching, monotonicNow() >= nextLook { look(message) }
    if monotonicNow() >= nextTelling { tell() }
    if monotonicNow() >= nextSubmission, !gathered.isEmpty { submit(message) }
  }

  func stopWaiting() {}

  /// Has what nobody took over leave; where Slurm does not answer, the next start takes it over.
  func conclude() {
    for id in unowned.keys { unowned[id]?.wish = .leave }
    if trouble?.hasPrefix("squeue") != true { tell() }
  }

  /// What was to leave before it was submitted has left.
  private func dropGathered() {
    for task in gathered where task.wish != .none {
      task.news = .leftQueue("it was not submitted")
    }
    gathered.removeAll { $0.wish != .none }
  }

  /// Sends the wishes that tasks have not been told, as far as their states allow it.
  private func tell() {
    var calls: [SlurmNotice.Call: [SlurmTaskID]] = [:]
    for (id, task) in tasks {
      if let call = task.notice.call { calls[call, default: []].append(id) }
    }
    for (id, notice) in unowned {
      if let call = notice.call { calls[call, default: []].append(id) }
    }
    for call in SlurmNotice.Call.allCases {
      guard let ids = calls[call] else { continue }
      let isTaken = client.tell(ids, call)
      let now = monotonicNow()
      guard isTaken else { return nextTelling = now + .seconds(1) }
      for id in ids {
        tasks[id]?.notice.wasTold()
        unowned[id]?.wasTold()
      }
      nextLook = min(nextLook, now + .milliseconds(500))
    }
  }
}
