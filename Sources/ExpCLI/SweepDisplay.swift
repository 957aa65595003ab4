internal import ExpCore
internal import ExpReport
internal import ExpSchedule
internal import TrainerProtocol

/// Shows how far a sweep is: lines that are redrawn on a terminal, plain lines in a log.
final class SweepDisplay {
  private let live: Bool
  private let style: Style
  private var drawnLines = 0
  private var shown: ProgressSnapshot?
  private var lastPlain = ContinuousClock.now - .seconds(60)

  init() {
    live = Terminal.current.showsProgress
    style = Style(colour: Terminal.current.coloursAllowed, width: Terminal.current.width)
  }

  /// Shows a sweep as it is now.
  func show(_ snapshot: SweepSnapshot, of sweep: String) {
    let now = SweepDisplay.progress(snapshot, of: sweep)
    if live { redraw(now) } else { logLines(now) }
  }

  /// Says something between the moving lines.
  func say(_ text: String) {
    erase()
    Terminal.message(text)
    if live, let shown { redraw(shown) }
  }

  /// Takes the moving lines away.
  func finish() {
    erase()
    shown = nil
  }

  /// A sweep as the report module shows it.
  static func progress(_ snapshot: SweepSnapshot, of sweep: String) -> ProgressSnapshot {
    let trials = snapshot.running.map { job in
      ProgressSnapshot.Trial(
        label: job.label, kind: job.kind == .base ? .base : .rl, step: job.step ?? 0,
        total: job.totalSteps ?? 0, entropy: job.values[MetricName.entropy],
        valScore: job.values[MetricName.valScore],
        valScoreSE: job.values[MetricName.valScoreSE], etaSeconds: job.etaSeconds)
    }
    return ProgressSnapshot(
      sweep: sweep, counts: snapshot.counts, total: snapshot.total,
      elapsedSeconds: snapshot.elapsedSeconds, etaSeconds: snapshot.etaSeconds, running: trials)
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
