import ExpCore
import ExpReport
import Testing

@Suite("Progress")
struct ProgressViewTests {
  static let snapshot = ProgressSnapshot(
    sweep: "entropy-law",
    counts: [.succeeded: 11, .running: 2, .failed: 1, .timedOut: 1, .pending: 25], total: 40,
    elapsedSeconds: 72, etaSeconds: 184,
    running: [
      .init(label: "83k grpo none s0", kind: .base, step: 120, total: 1200, etaSeconds: 12),
      .init(
        label: "303k grpo clip_cov s1", kind: .rl, step: 44, total: 160, entropy: 0.4123,
        valScore: 0.31234, valScoreSE: 0.0052, etaSeconds: 72),
    ])

  static func lines(_ width: Int?) -> String {
    ProgressView.lines(snapshot, Style(colour: false, width: width)).joined(separator: "\n")
  }

  @Test("A bar for the sweep and a line per running trial")
  func wide() {
    #expect(
      ProgressViewTests.lines(100) == """
        entropy-law  █████████████░░░░░░░░░░░░░░░░░░░░░░░░░░░  13/40  32%
          2 running · 1 failed · 1 timed out · 1m 12s elapsed · ETA 3m 04s
          83k grpo none s0       █░░░░░░░░░  base 120/1200                            ETA 12s
          303k grpo clip_cov s1  ██▊░░░░░░░  rl 44/160      H 0.412  R 0.312 ± 0.005  ETA 1m 12s
        """)
  }

  @Test("80 columns hold step, entropy, score and ETA; the label gives way")
  func usual() {
    #expect(
      ProgressViewTests.lines(80) == """
        entropy-law  █████████████░░░░░░░░░░░░░░░░░░░░░░░░░░░  13/40  32%
          2 running · 1 failed · 1 timed out · 1m 12s elapsed · ETA 3m 04s
          83k grpo none s0       base 120/1200                            ETA 12s
          303k grpo clip_cov s1  rl 44/160      H 0.412  R 0.312 ± 0.005  ETA 1m 12s
        """)
  }

  @Test("No line is wider than the terminal", arguments: [20, 21, 30, 39, 40, 57, 60, 79, 200])
  func fits(width: Int) {
    let style = Style(colour: false, width: width)
    for line in ProgressView.lines(ProgressViewTests.snapshot, style) {
      #expect(DisplayText.width(line) <= width)
    }
  }

  @Test("Trials beyond the limit are counted")
  func limit() {
    let lines = ProgressView.lines(
      ProgressViewTests.snapshot, Style(colour: false, width: 60), limit: 1)
    #expect(lines.last == "  … and 1 more")
    #expect(lines.count == 4)
  }

  @Test("For logs: every changed trial once, and the counts when they change")
  func plain() {
    let first = ProgressViewTests.snapshot
    #expect(
      ProgressView.plainLines(first, since: nil) == [
        "83k grpo none s0 (base): step 120/1200, ETA 12s",
        "303k grpo clip_cov s1: step 44/160, entropy 0.412, val_score 0.312 ± 0.005, ETA 1m 12s",
        "entropy-law: 13 of 40 done, 2 running, 1 failed, 1 timed out, 1m 12s elapsed, ETA 3m 04s",
      ])
    var later = first
    later.elapsedSeconds = 80
    #expect(ProgressView.plainLines(later, since: first) == [])
    later.running[0].step = 121
    later.running[0].etaSeconds = nil
    #expect(
      ProgressView.plainLines(later, since: first) == [
        "83k grpo none s0 (base): step 121/1200"
      ])
    later.counts[.succeeded] = 12
    #expect(ProgressView.plainLines(later, since: first).count == 2)
  }

  @Test("Nothing to do, nonsense numbers and hostile names do no harm")
  func odd() {
    let stopped = ProgressSnapshot(
      sweep: "s", counts: [.succeeded: 1, .cancelled: 2, .pending: 1], total: 4, elapsedSeconds: 1)
    #expect(
      ProgressView.lines(stopped, Style(colour: false, width: 40))[0].contains("1/4"),
      "cancelled jobs go on later, so they are not done")
    let empty = ProgressSnapshot(sweep: "s", counts: [:], total: 0, elapsedSeconds: .nan)
    #expect(
      ProgressView.lines(empty, Style(colour: false, width: 40)) == [
        "s  ░░░░░░░░░░░░░░░░░░░░░░░░░░░░  0/0  0%", "  – elapsed",
      ])
    let wild = ProgressSnapshot(
      sweep: "\u{1b}[2Jx", counts: [.failed: 9, .lost: -3], total: 2, elapsedSeconds: 1e300,
      etaSeconds: .infinity,
      running: [
        .init(
          label: "a\nb", kind: .rl, step: .max, total: 1, entropy: .nan, valScore: .infinity,
          valScoreSE: .nan, etaSeconds: -1)
      ])
    let text = ProgressView.lines(wild, Style(colour: false, width: 80)).joined(separator: "\n")
    #expect(!text.contains("\u{1b}"))
    #expect(text.contains("2/2  100%"))
    #expect(text.contains("a b"))
  }
}
