internal import ExpCore
internal import FoundationEssentials
internal import TrainerProtocol

extension SlurmExecutor {
  /// The longest pause between two tries to submit.
  private static let longestPause: Duration = .seconds(60)

  /// Hands what was gathered to Slurm, as far as the limits on jobs allow; the rest waits where Slurm does not answer.
  func submit(_ message: (String) -> Void) {
    var batches = SlurmBatches.split(gathered, size: arraySize) { SlurmResources($0.job) }[...]
    while monotonicNow() >= nextSubmission, let batch = batches.popFirst() {
      if let room, room <= 0 { return }
      guard submit(batch, message) else { return }
      let taken = Set(batch.map(ObjectIdentifier.init))
      gathered.removeAll { taken.contains(ObjectIdentifier($0)) }
    }
  }

  /// Tasks that may run beside those that may run already; nil for any number.
  var room: Int? {
    guard let limit = options.jobLimit else { return nil }
    let live = arrays.values.reduce(0) { $0 + min($1.record.throttle ?? $1.left, $1.left) }
    let open = unsure.values.reduce(0) { $0 + ($1.array.throttle ?? $1.tasks.count) }
    return limit - live - open
  }

  /// Submits one array; whether it is off our hands.
  private func submit(_ batch: [SlurmTask], _ message: (String) -> Void) -> Bool {
    let nonce = String(UUID().uuidString.lowercased().filter { $0 != "-" }.prefix(12))
    var array = SlurmArray(sweep, nonce: nonce, jobs: batch.map(\.job))
    array.throttle = room.map { min($0, batch.count) }
    let submission: SlurmClient.Submission
    do throws(ScheduleError) {
      let text = try SlurmScript(
        array: array, options: options, resources: SlurmResources(batch[0].job),
        badNodes: health.bad, program: sweep.program, folder: folder
      ).text()
      // On disk before Slurm hears of it: a crash in between leaves a record that is looked up by its name.
      try folder.write(array)
      submission = try client.submit(script: folder.write(script: text, of: array))
    } catch {
      folder.remove(array)
      fail(batch, "it could not be submitted: \(error)")
      return true
    }
    switch submission {
    case .taken(let job):
      enter(array, job: job, batch, message)
      (trouble, submissionPause) = (nil, .seconds(2))
      return true
    case .unsure(let words):
      say("sbatch: \(words); looking whether it was taken", message)
      unsure[array.jobName] = (array, batch, 0)
      pause()
      nextLook = min(nextLook, monotonicNow() + .seconds(2))
      return true
    case .limited(let words):
      folder.remove(array)
      return holdBack(batch, words, message)
    case .refused(let words):
      folder.remove(array)
      message("sbatch refused \(Self.count(batch.count)): \(words)")
      fail(batch, "sbatch refused it: \(words)")
      return true
    }
  }

  /// A limit on submitted jobs is met with smaller arrays, and then by waiting for what runs.
  private func holdBack(
    _ batch: [SlurmTask], _ words: String, _ message: (String) -> Void
  ) -> Bool {
    if batch.count > 1 {
      sizeLimit = batch.count / 2
      nextSubmission = monotonicNow()
      return false
    }
    if tasks.isEmpty {
      message("sbatch refused a single task while none of this sweep is queued: \(words)")
      fail(batch, "sbatch refused it: \(words)")
      sizeLimit = nil
      return true
    }
    say("Slurm takes no more jobs for now (\(words)); the rest waits here", message)
    for task in gathered { task.news = .queued("Slurm takes no more jobs: \(words)") }
    sizeLimit = nil
    nextSubmission = monotonicNow() + .seconds(30)
    return false
  }

  private func fail(_ batch: [SlurmTask], _ words: String) {
    for task in batch { task.news = .refused(words) }
  }

  private func pause() {
    nextSubmission = monotonicNow() + submissionPause
    submissionPause = min(Self.longestPause, submissionPause * 2)
  }

  /// Takes an array into the books under the number that Slurm gave it.
  func enter(
    _ array: SlurmArray, job: Int, _ batch: [SlurmTask], _ message: (String) -> Void
  ) {
    var array = array
    array.job = job
    do throws(ScheduleError) {
      try folder.write(array)
    } catch {
      // Found again by its name.
      message("the number of Slurm's array \(job) could not be written down: \(error)")
    }
    arrays[job] = LiveArray(record: array, left: batch.count)
    for (index, task) in batch.enumerated() {
      let id = SlurmTaskID(job: job, index: index)
      task.task = id
      task.news = .queued("it is in Slurm's queue as \(id)")
      tasks[id] = task
    }
    message("submitted \(Self.count(batch.count)) to Slurm as array \(job)")
    nextLook = min(nextLook, monotonicNow() + .seconds(1))
  }

  /// Lets more tasks run where arrays that are nearly done leave room for them.
  func raiseThrottles() {
    for (job, array) in arrays.sorted(by: { $0.key < $1.key }) {
      guard let throttle = array.record.throttle, array.left > throttle, let room, room > 0 else {
        continue
      }
      let wanted = min(array.left, throttle + room)
      guard client.setThrottle(job, wanted) else { continue }
      arrays[job]?.record.throttle = wanted
      // try?: a throttle that a later process takes for smaller is raised again.
      if let record = arrays[job]?.record { try? folder.write(record) }
    }
  }

  static func count(_ number: Int) -> String {
    number == 1 ? "1 task" : "\(number) tasks"
  }

  /// Says a trouble once.
  func say(_ words: String, _ message: (String) -> Void) {
    if trouble != words { message(words) }
    trouble = words
  }
}

extension SlurmArray {
  /// Makes the record of jobs that go into one array.
  init(_ sweep: SlurmExecutor.Sweep, nonce: String, jobs: [SweepJob]) {
    self.init(
      nonce: nonce, sweep: sweep.name, createdAt: utcNow(), trainer: sweep.trainer,
      runs: sweep.paths.root, compute: sweep.compute, sourceFingerprint: sweep.sourceFingerprint,
      keepsPruned: sweep.keepsPruned, tasks: jobs.map { Task($0) })
  }
}

extension SlurmArray.Task {
  /// Takes what a node must know of a job beside its request.
  init(_ job: SweepJob) {
    self.init(
      id: job.id, kind: job.kind, label: job.label, base: job.base, cores: max(1, job.cores),
      memoryBytes: job.memoryBytes, memoryIsLimit: job.memoryIsLimit,
      timeoutSeconds: job.timeout.map(\.inSeconds), checkpointSeconds: job.checkpointSeconds,
      silenceSeconds: job.silence.map(\.inSeconds))
  }
}
