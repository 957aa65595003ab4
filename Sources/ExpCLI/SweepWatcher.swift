internal import ExpCore
internal import ExpSchedule
internal import ExpStore
internal import FoundationEssentials
internal import Glibc
internal import TrainerProtocol

/// Watches a sweep: shows its progress, writes down where runs come from, and keeps the store up to date.
///
/// Runs that finish soon after each other go into the store together; one that is not there yet when the sweep dies is
/// found by the next refresh.
final class SweepWatcher: SweepObserver {
  /// Time between two transactions while runs finish.
  private static let ingestInterval: Duration = .milliseconds(200)
  private static let ingestCount = 64

  private let sweep: String
  private let store: Store
  private let provenance: (RunID) -> String?
  private let beforeHeldOut: () throws -> Void
  private let messages: SweepMessages
  private let display = SweepDisplay()
  private var said: Set<String> = []
  private var hasBegun = false
  private var finished: [RunFolder] = []
  private var lastIngest: ContinuousClock.Instant?

  /// Makes a watcher; `provenance` is the text that tells where a run comes from, `beforeHeldOut` registers predictions when all that
  /// they may use is finished.
  init(
    sweep: String, paths: RunPaths, store: Store, provenance: @escaping (RunID) -> String?,
    beforeHeldOut: @escaping () throws -> Void
  ) {
    self.sweep = sweep
    self.store = store
    self.provenance = provenance
    self.beforeHeldOut = beforeHeldOut
    messages = SweepMessages(of: sweep, paths)
  }

  func jobChanged(_ snapshot: JobSnapshot) {
    // A run that succeeded has a reason where something else was to become of it.
    guard snapshot.state.isFinished, snapshot.state != .succeeded || snapshot.reason != nil
    else { return }
    let reason = snapshot.reason.map { ": \($0)" } ?? ""
    // What is told before anything has begun is how an earlier start ended.
    let earlier = hasBegun || snapshot.state == .pruned ? "" : " earlier"
    say("\(snapshot.label) (\(snapshot.id)) \(snapshot.state.rawValue)\(earlier)\(reason)")
  }

  func progress(_ snapshot: SweepSnapshot) {
    hasBegun = true
    display.show(snapshot, of: sweep)
    ingestFinished()
  }

  /// Says a thing once: what a trainer repeats at every step is in its events.
  func message(_ text: String) {
    if said.count > 10_000 { said.removeAll() }
    if said.insert(text).inserted { say(text) }
  }

  func phaseWillStart(_ phase: Int) throws {
    ingestFinished()
    try beforeHeldOut()
  }

  func runWillStart(_ id: RunID, folder: RunFolder) throws {
    guard let text = provenance(id) else { return }
    try writeOnce(text + "\n", to: folder.provenance)
  }

  func runFinished(_ id: RunID, folder: RunFolder) {
    // A run whose base policy failed never began: there is nothing to take in.
    guard access(folder.request, F_OK) == 0 else { return }
    finished.append(folder)
    let isDue = lastIngest.map { ContinuousClock.now - $0 >= SweepWatcher.ingestInterval } ?? true
    if isDue || finished.count >= SweepWatcher.ingestCount { ingestFinished() }
  }

  private func ingestFinished() {
    guard let last = finished.last else { return }
    let count = finished.count
    lastIngest = .now
    do {
      defer { finished.removeAll(keepingCapacity: true) }
      for problem in try store.ingest(runs: finished) { say("store: \(problem)") }
    } catch {
      let others = count > 1 ? " and \(count - 1) others" : ""
      say("store: \(error); 'exp db rebuild' takes it in again from \(last.path)\(others)")
    }
  }

  /// Writes down the last runs and takes the moving lines away.
  func finish() {
    ingestFinished()
    display.finish()
  }

  private func say(_ text: String) {
    display.say(text)
    messages.append(text)
  }
}

/// Writes a small file whole under its final name, unless it is there already.
func writeOnce(_ text: String, to path: String) throws {
  guard !FileManager.default.fileExists(atPath: path) else { return }
  try Data(text.utf8).write(to: URL(filePath: path), options: .atomic)
}
