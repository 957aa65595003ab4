internal import ExpCore
internal import Glibc
internal import TrainerProtocol

/// A trainer of an orchestrator that is gone, which this sweep waits for.
struct Leftover {
  let since: Duration
  /// The strongest signal that it was sent.
  var sent: Int32 = 0
  var isTold = false
}

// MARK: - Trainers of ours that hang, or take too much

extension SweepRunner {
  /// Time between two looks at what trainers use.
  private static let watchInterval: Duration = .seconds(1)
  /// Below so many free bytes of memory the machine is short of it.
  private static let memoryFloor = 256 << 20

  /// Stops what hangs and what takes more memory than it may.
  func watchOver() {
    guard !live.isEmpty, now >= nextWatch else { return }
    // A time in which this process did not run itself (it or the machine was suspended) is nobody's silence.
    let passed = min(now - lastWatch, SweepRunner.watchInterval * 3)
    lastWatch = now
    let hasLimits = launches.ids.contains { live[$0]?.job.memoryIsLimit == true }
    let sessions = hasLimits ? ProcessFacts.residentBytesBySession() : [:]
    for id in launches.ids {
      guard let job = live[id], job.hasBegun, job.attempt.place == nil else { continue }
      live[id]?.silentFor += passed
      watchSilence(job)
      watchMemory(job, sessions)
    }
    relieveMemory()
    // Counted from the end, so that a machine of very many processes is not looked at all the time.
    nextWatch = now + SweepRunner.watchInterval
  }

  private func watchSilence(_ job: LiveJob) {
    guard let limit = job.job.silence, job.silentFor > limit else { return }
    feed(
      .condemned(
        job.job.id,
        reason:
          "wrote no event for \(Scheduler.text(job.silentFor)); the limit (limits.silence) is "
          + Scheduler.text(limit), mayRetry: true))
  }

  private func watchMemory(_ job: LiveJob, _ sessions: [Int: Int]) {
    guard let pid = job.attempt.pid, let facts = ProcessFacts(of: pid) else { return }
    var used = facts.residentBytes
    // Helpers of a trainer count too, where a limit is set; what they share with it counts once.
    if job.job.memoryIsLimit, let limit = job.job.memoryBytes {
      used = max(used, sessions[pid] ?? 0)
      if used > limit { used = ProcessFacts.proportionalBytes(ofSession: pid) }
    }
    live[job.job.id]?.seenMemoryBytes = used
    guard job.job.memoryIsLimit, let limit = job.job.memoryBytes, used > limit else { return }
    feed(
      .condemned(
        job.job.id,
        reason: "used \(SweepRunner.mebibytes(used)) of memory; its limit (resources.memory) is "
          + SweepRunner.mebibytes(limit), mayRetry: false))
  }

  /// Where the machine runs short of memory, the trainer that is furthest beyond its share goes, before the kernel picks
  /// one, which could be another program's.
  private func relieveMemory() {
    guard let free = availableMemoryBytes(), free < SweepRunner.memoryFloor else { return }
    let worst = live.values.filter { $0.hasBegun && $0.attempt.place == nil }
      .map {
        (
          job: $0.job, used: $0.seenMemoryBytes,
          excess: $0.seenMemoryBytes - ($0.job.memoryBytes ?? 0)
        )
      }
      .max { $0.excess < $1.excess }
    guard let worst, worst.excess > 0 else { return }
    feed(
      .condemned(
        worst.job.id,
        reason: "the machine had \(SweepRunner.mebibytes(free)) of memory left, and it used "
          + "\(SweepRunner.mebibytes(worst.used)), \(SweepRunner.mebibytes(worst.excess)) more than its share",
        mayRetry: true))
  }

  private static func mebibytes(_ bytes: Int) -> String { "\(bytes >> 20) MiB" }
}

// MARK: - Trainers whose orchestrator is gone

extension SweepRunner {
  /// Helps a trainer to leave that outlived its orchestrator and does not go; nobody else is ever sent a signal.
  func lookAfterLeftover(_ job: SweepJob) {
    guard let holder = RunLock.holder(job.folder(in: paths).lock), holder.starter.isOfThisBoot,
      !holder.starter.isAlive
    else { return leftovers[job.id] = nil }
    var leftover = leftovers[job.id] ?? Leftover(since: now)
    defer { leftovers[job.id] = leftover }
    let waited = now - leftover.since
    let patience = settings.leftoverPatience
    if waited >= patience, !leftover.isTold {
      leftover.isTold = true
      let who =
        holder.trainer.isAlive
        ? "its trainer (process \(holder.trainer.pid)) outlived the process that started it; it is asked to leave"
        : "its trainer is gone, but a process that it left behind holds '\(job.folder(in: paths).lock)'; "
          + "'fuser' says which"
      observer?.message("\(job.label): \(who)")
    }
    if waited >= patience, leftover.sent == 0 {
      leftover.sent = SIGTERM
      holder.trainer.signalGroup(SIGTERM, holding: job.folder(in: paths).lock)
    } else if waited >= patience + settings.scheduling.stopGrace, leftover.sent == SIGTERM {
      leftover.sent = SIGKILL
      holder.trainer.signalGroup(SIGKILL, holding: job.folder(in: paths).lock)
    }
  }
}

/// Bytes of memory that new work can have without swapping; nil where the system does not say.
func availableMemoryBytes() -> Int? {
  // try?: no /proc, no answer.
  guard let bytes = try? SmallFile.read("/proc/meminfo", limit: 1 << 16) else { return nil }
  for line in bytes.split(separator: 0x0a) {
    let words = line.split(separator: 0x20)
    guard words.count > 1, String(decoding: words[0], as: UTF8.self) == "MemAvailable:" else {
      continue
    }
    return Int(String(decoding: words[1], as: UTF8.self)).map { $0 << 10 }
  }
  return nil
}
