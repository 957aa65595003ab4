import ExpCore
import ExpSchedule
import FoundationEssentials
import Glibc
import TestSupport
import Testing
import TrainerProtocol

/// Sweeps of real processes; serialised because signal handlers belong to the process.
@Suite("Real processes", .serialized, .timeLimit(.minutes(1)))
enum RealProcesses {}

/// A folder of runs with a fake trainer, and a watcher that remembers.
struct SweepBench {
  let folder: String
  var paths: RunPaths { RunPaths(root: "\(folder)/runs") }

  /// Makes the folder and says how trainers behave.
  init(_ folder: String, _ behaviour: [String: [String]]) throws {
    self.folder = folder
    var table = behaviour
    table["*", default: ["ok"]] += []
    try JSONEncoder().encode(table).write(to: URL(filePath: "\(folder)/behaviour.json"))
  }

  /// Takes a folder whose trainers have been told how to behave.
  init(again folder: String) { self.folder = folder }

  static var trainer: String {
    URL(filePath: #filePath).deletingLastPathComponent().path + "/Fixtures/fake_trainer.py"
  }

  static var quick: SweepSettings {
    var options = Scheduler.Options(cores: 2)
    options.grace = .milliseconds(300)
    options.stopGrace = .seconds(5)
    options.retryDelay = .milliseconds(20)
    var settings = SweepSettings(scheduling: options)
    settings.handlesSignals = false
    settings.diskFloorBytes = 0
    return settings
  }

  func runner(
    _ jobs: [SweepJob], _ settings: SweepSettings = quick, watcher: Watcher? = nil,
    advisor: (any PruneAdvisor)? = nil
  ) throws -> SweepRunner {
    let runner = try SweepRunner(
      jobs: jobs, paths: paths, trainerCommand: [SweepBench.trainer],
      compute: .init(blasCoreType: "SkylakeX", kernelSet: "avx512", threads: 1),
      sourceFingerprint: ContentHash(of: "sources"),
      environment: ["PATH": "/usr/bin:/bin", "GREETING": "hello"], settings: settings,
      observer: watcher, advisor: advisor)
    watcher?.runner = runner
    return runner
  }

  func run(
    _ jobs: [SweepJob], _ settings: SweepSettings = quick, watcher: Watcher? = nil,
    advisor: (any PruneAdvisor)? = nil
  ) throws -> SweepOutcome {
    try runner(jobs, settings, watcher: watcher, advisor: advisor).run()
  }

  func folder(_ job: SweepJob) -> RunFolder { job.folder(in: paths) }

  func attempts(_ job: SweepJob) throws -> [AttemptRecord] { try AttemptLog.read(folder(job)) }

  func events(_ job: SweepJob) -> [TrainEvent] {
    var events: [TrainEvent] = []
    var tail = EventTail(path: folder(job).events, from: 0)
    while !tail.read({ events.append($0) }) {}
    return events
  }

  /// What a trainer saw of itself.
  func facts(_ job: SweepJob) throws -> JSONValue {
    try JSONValue(
      parsing: Data(contentsOf: URL(filePath: "\(folder(job).path)/facts.json")))
  }
}

/// Remembers all that a sweep says, and lets a test do something at a moment.
final class Watcher: SweepObserver {
  var changes: [JobSnapshot] = []
  var snapshots: [SweepSnapshot] = []
  var messages: [String] = []
  var phases: [Int] = []
  var willStart: [RunID] = []
  var finished: [RunID] = []
  var phaseError: (any Error)?
  var mostRunning = 0
  var onChange: (JobSnapshot) -> Void = { _ in }
  var onProgress: (SweepSnapshot) -> Void = { _ in }
  weak var runner: SweepRunner?

  func jobChanged(_ snapshot: JobSnapshot) {
    changes.append(snapshot)
    onChange(snapshot)
  }
  func progress(_ snapshot: SweepSnapshot) {
    snapshots.append(snapshot)
    mostRunning = max(mostRunning, snapshot.running.count)
    onProgress(snapshot)
  }
  func message(_ text: String) { messages.append(text) }
  func phaseWillStart(_ phase: Int) throws {
    phases.append(phase)
    if let phaseError { throw phaseError }
  }
  func runWillStart(_ id: RunID, folder: RunFolder) throws { willStart.append(id) }
  func runFinished(_ id: RunID, folder: RunFolder) { finished.append(id) }
}

/// Whether a process exists and is not a zombie.
func isAlive(_ pid: Int) -> Bool {
  // try?: no such file, no such process.
  guard let stat = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8) else {
    return false
  }
  return !stat.contains(") Z ")
}

/// Waits until something holds; false after the time is over.
func eventually(_ seconds: Double = 5, _ condition: () -> Bool) -> Bool {
  let end = Date().addingTimeInterval(seconds)
  while Date() < end {
    if condition() { return true }
    usleep(5000)
  }
  return condition()
}
