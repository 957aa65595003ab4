internal import ExpCore
internal import ExpReport
internal import ExpSchedule
internal import ExpStore
internal import FoundationEssentials
internal import Glibc
internal import TrainerProtocol

/// Watches a sweep: shows its progress, writes down where runs come from, and keeps the store up to date.
final class SweepWatcher: SweepObserver {
  private let sweep: String
  private let store: Store
  private let provenance: (RunID) -> String?
  private let beforeHeldOut: () throws -> Void
  private let live: Bool
  private let style: Style
  private var drawnLines = 0
  private var said: Set<String> = []
  private var shown: ProgressSnapshot?
  private var lastPlain = ContinuousClock.now - .seconds(60)

  /// Makes a watcher; `provenance` is the text that tells where a run comes from, `beforeHeldOut` registers predictions when all that
  /// they may use is finished.
  init(
    sweep: String, store: Store, provenance: @escaping (RunID) -> String?,
    beforeHeldOut: @escaping () throws -> Void
  ) {
    self.sweep = sweep
    self.store = store
    self.provenance = provenance
    self.beforeHeldOut = beforeHeldOut
    live = Terminal.current.showsProgress
    style = Style(colour: Terminal.current.coloursAllowed, width: Terminal.current.width)
  }

  func jobChanged(_ snapshot: JobSnapshot) {
    // A run that succeeded has a reason where something else was to become of it.
    guard snapshot.state.isFinished, snapshot.state != .succeeded || snapshot.reason != nil
    else { return }
    let reason = snapshot.reason.map { ": \($0)" } ?? ""
    say("\(snapshot.label) (\(snapshot.id)) \(snapshot.state.rawValue)\(reason)")
  }

  func progress(_ snapshot: SweepSnapshot) {
    let trials = snapshot.running.map { job in
      ProgressSnapshot.Trial(
        label: job.label, kind: job.kind == .base ? .base : .rl, step: job.step ?? 0,
        total: job.totalSteps ?? 0, entropy: job.values[MetricName.entropy],
        valScore: job.values[MetricName.valScore],
        valScoreSE: job.values[MetricName.valScoreSE], etaSeconds: job.etaSeconds)
    }
    let now = ProgressSnapshot(
      sweep: sweep, counts: snapshot.counts, total: snapshot.total,
      elapsedSeconds: snapshot.elapsedSeconds, etaSeconds: snapshot.etaSeconds, running: trials)
    if live { redraw(now) } else { logLines(now) }
  }

  /// Says a thing once: what a trainer repeats at every step is in its events.
  func message(_ text: String) {
    if said.insert(text).inserted { say(text) }
  }

  func phaseWillStart(_ phase: Int) throws { try beforeHeldOut() }

  func runWillStart(_ id: RunID, folder: RunFolder) throws {
    guard let text = provenance(id) else { return }
    try writeOnce(text + "\n", to: folder.provenance)
  }

  func runFinished(_ id: RunID, folder: RunFolder) {
    // A run whose base policy failed never began: there is nothing to take in.
    guard access(folder.request, F_OK) == 0 else { return }
    do {
      for problem in try store.ingest(run: folder) { say("store: \(problem)") }
    } catch {
      say("store: \(error); 'exp db rebuild' takes it in again from \(folder.path)")
    }
  }

  /// Leaves the display's last state on the screen.
  func finish() {
    erase()
    shown = nil
  }

  private func say(_ text: String) {
    erase()
    Terminal.message(text)
    if live, let shown { redraw(shown) }
  }

  private func redraw(_ snapshot: ProgressSnapshot) {
    let lines = ProgressView.lines(snapshot, style)
    let up = drawnLines > 0 ? "\u{1b}[\(drawnLines)F\u{1b}[J" : ""
    Terminal.message(up + lines.joined(separator: "\n"))
    drawnLines = lines.count
    shown = snapshot
  }

  private func erase() {
    guard live, drawnLines > 0 else { return }
    Terminal.message("\u{1b}[\(drawnLines)F\u{1b}[J\r", newline: false)
    drawnLines = 0
  }

  /// A log gets a line where the counts changed, and the running trials every ten seconds.
  private func logLines(_ snapshot: ProgressSnapshot) {
    let due = ContinuousClock.now - lastPlain >= .seconds(10)
    var compared = snapshot
    if !due { compared.running = [] }
    var before = shown
    if !due { before?.running = [] }
    for line in ProgressView.plainLines(compared, since: before) { Terminal.message(line) }
    if due {
      lastPlain = .now
      shown = snapshot
    } else {
      shown?.counts = snapshot.counts
      shown?.total = snapshot.total
      if shown == nil { shown = snapshot }
    }
  }
}

/// Writes a small file whole under its final name, unless it is there already.
func writeOnce(_ text: String, to path: String) throws {
  guard !FileManager.default.fileExists(atPath: path) else { return }
  try Data(text.utf8).write(to: URL(filePath: path), options: .atomic)
}
