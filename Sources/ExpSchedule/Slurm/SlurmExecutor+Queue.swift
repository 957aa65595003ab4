internal import ExpCore
internal import TrainerProtocol

extension SlurmExecutor {
  /// Looks in which an array whose submission is unsure may be missing before it is submitted again.
  private static let looksForUnsure = 3

  /// Asks for the queue and takes in what it says of our tasks; no answer is no news.
  func look(_ message: (String) -> Void) {
    let began = monotonicNow()
    let entries: [SlurmQueueEntry]
    do {
      entries = try client.queue()
    } catch {
      say("\(error); asking again, what runs goes on", message)
      nextLook = monotonicNow() + .seconds(5)
      return
    }
    if trouble?.hasPrefix("squeue") == true {
      message("Slurm answers again")
      trouble = nil
    }
    settleUnsure(entries, message)
    takeUnowned(entries)
    take(entries, message)
    raiseThrottles()
    // A controller with much to do is asked less often: asking takes a twentieth of the time at most.
    let now = monotonicNow()
    let isLeaving =
      tasks.values.contains { $0.wish != .none || $0.missedAt != nil }
      || unowned.values.contains { $0.wish != .none }
    nextLook = now + max(isLeaving ? .milliseconds(500) : .seconds(2), (now - began) * 20)
  }

  /// Lets go of what nobody took over once it has left the queue: it makes room.
  private func takeUnowned(_ entries: [SlurmQueueEntry]) {
    guard !unowned.isEmpty else { return }
    var gone = Set(unowned.keys)
    for entry in entries where entry.phase != .over {
      gone.remove(entry.task)
      unowned[entry.task]?.take(entry.state)
    }
    for id in gone {
      unowned[id] = nil
      leave(id)
    }
    if !gone.isEmpty { inherited = inherited.filter { !gone.contains($0.value) } }
  }

  /// Says once how many tasks of an earlier plan are told to leave.
  func sayUnwanted(_ message: (String) -> Void) {
    guard unwantedCount > 0 else { return }
    message(
      "Slurm has \(Self.count(unwantedCount)) of an earlier plan that this one does not have; told to leave"
    )
    unwantedCount = 0
  }

  private func take(_ entries: [SlurmQueueEntry], _ message: (String) -> Void) {
    var seen: Set<SlurmTaskID> = []
    for entry in entries {
      guard let task = tasks[entry.task] else { continue }
      task.take(entry)
      if entry.phase != .over { seen.insert(entry.task) }
    }
    let now = monotonicNow()
    var missed: [SlurmTask] = []
    for (id, task) in tasks where !seen.contains(id) {
      if task.missedAt == nil { task.missedAt = now }
      missed.append(task)
    }
    askAccounting(missed)
    for task in missed { judge(task, now, message) }
  }

  /// Where the queue has forgotten how tasks ended, the accounting may know.
  private func askAccounting(_ missed: [SlurmTask]) {
    let silent = missed.filter {
      $0.state == "RUNNING" || $0.state == "PENDING" || $0.state.isEmpty
    }
    guard site.hasAccounting, !silent.isEmpty else { return }
    let found = client.accounting(Array(Set(silent.compactMap(\.task?.job))).sorted())
    for task in silent {
      guard let id = task.task, let (state, node) = found[id] else { continue }
      task.notice.take(state.split(separator: " ").first.map(String.init) ?? state)
      if !node.isEmpty, node != "None assigned" { (task.node, task.hasRun) = (node, true) }
    }
  }

  private func judge(_ task: SlurmTask, _ now: Duration, _ message: (String) -> Void) {
    guard let id = task.task else { return }
    let words = arrays[id.job].map {
      lastMessage(in: folder.output($0.record.nonce, index: id.index), from: 0)
    }
    let waited = now - (task.missedAt ?? now)
    guard
      let news = task.judge(waited: waited, fileDelay: options.fileDelay, lastWords: words ?? nil)
    else { return }
    task.news = news
    tasks[id] = nil
    leave(id)
    guard case .ended(let end) = news, task.wish == .none else { return }
    // A run that is told to leave, or whose request is wrong, says nothing about its node.
    let isGood = end.code == 0
    let isBad = end.outcome == .failed || end.outcome == nil
    guard isGood || (isBad && end.code != TrainerExit.badRequest.rawValue) else { return }
    if let node = health.note(task.node, run: task.job.id, isGood: isGood) {
      message(
        "node \(node) failed \(SlurmNodeHealth.limit) runs in a row; later arrays leave it out")
    }
  }

  private func leave(_ id: SlurmTaskID) {
    guard var array = arrays[id.job] else { return }
    array.left -= 1
    arrays[id.job] = array.left > 0 ? array : nil
    guard array.left <= 0 else { return }
    array.record.isClosed = true
    // try?: a record that stays open is found over by whoever reads it next.
    try? folder.write(array.record)
  }

  /// Finds out whether Slurm took what it did not confirm; what is missing for several looks goes back.
  private func settleUnsure(_ entries: [SlurmQueueEntry], _ message: (String) -> Void) {
    for (name, waiting) in unsure {
      if let job = entries.first(where: { $0.name == name })?.task.job {
        unsure[name] = nil
        enter(waiting.array, job: job, waiting.tasks, message)
      } else if waiting.looks + 1 >= Self.looksForUnsure {
        unsure[name] = nil
        folder.remove(waiting.array)
        gathered = waiting.tasks + gathered
      } else {
        unsure[name]?.looks += 1
      }
    }
  }

  /// Takes over what an earlier process submitted: arrays whose tasks are queued or running, found by their number, or
  /// by their name where the process died before it knew the number.
  ///
  /// Tasks of runs that are not wanted any more are told to leave.
  func inherit(_ wanted: Set<RunID>) throws(ScheduleError) {
    let records = try folder.openArrays()
    guard !records.isEmpty else { return }
    let entries = try client.queue()
    let jobs = Dictionary(
      entries.map { ($0.name, $0.task.job) }, uniquingKeysWith: { first, _ in first })
    let live = Dictionary(grouping: entries.filter { $0.phase != .over }, by: \.task.job)
    for var array in records {
      guard let job = array.job ?? jobs[array.jobName] else {
        folder.remove(array)
        continue
      }
      array.job = job
      let left = live[job, default: []].filter { array.tasks.indices.contains($0.task.index) }
      for entry in left {
        let run = array.tasks[entry.task.index].id
        let isWanted = wanted.contains(run)
        unowned[entry.task] = SlurmNotice(state: entry.state, wish: isWanted ? .none : .leave)
        if !isWanted { unwantedCount += 1 }
        // An earlier task of the same run may still be on its way out.
        guard isWanted, inherited[run] == nil || entry.state != "COMPLETING" else { continue }
        inherited[run] = entry.task
      }
      array.isClosed = left.isEmpty
      try folder.write(array)
      if !left.isEmpty { arrays[job] = LiveArray(record: array, left: left.count) }
    }
  }
}
