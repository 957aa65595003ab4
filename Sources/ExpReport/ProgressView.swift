internal import ExpCore

/// A sweep's progress as lines: a bar and a line per running trial on a terminal, plain lines for logs.
public enum ProgressView {
  /// Returns the lines of a live display: the sweep's bar, then one line per running trial.
  ///
  /// No line is wider than the style's width, 80 where it has none, so that the display can be redrawn in
  /// place. At most `limit` trials have a line; the rest are counted.
  public static func lines(
    _ snapshot: ProgressSnapshot, _ style: Style, limit: Int = 16
  ) -> [String] {
    let width = max(style.width ?? 80, 20)
    var lines = sweepLines(snapshot, width: width, style)
    let shown = snapshot.running.prefix(max(0, limit))
    lines += trialLines(Array(shown), width: width, style)
    if shown.count < snapshot.running.count {
      let words = "  … and \(snapshot.running.count - shown.count) more"
      lines.append(style.paint(DisplayText.truncated(words, to: width), .dim))
    }
    return lines
  }

  /// Returns what has changed since the previous snapshot, for logs: one line per changed trial, then one for the sweep
  /// where its counts changed.
  public static func plainLines(
    _ snapshot: ProgressSnapshot, since previous: ProgressSnapshot?
  ) -> [String] {
    let before = previous?.running ?? []
    var lines = snapshot.running.compactMap { trial -> String? in
      let last = before.first { $0.label == trial.label && $0.kind == trial.kind }
      guard last?.step != trial.step || last?.valScore != trial.valScore else { return nil }
      return plainLine(trial)
    }
    if previous?.counts != snapshot.counts || previous?.total != snapshot.total {
      var parts = ["\(snapshot.finished) of \(max(0, snapshot.total)) done"]
      parts += snapshot.notable.map { "\($0.count) \(words($0.state.rawValue))" }
      parts.append("\(NumberText.duration(seconds: snapshot.elapsedSeconds)) elapsed")
      if let eta = snapshot.etaSeconds { parts.append("ETA \(NumberText.duration(seconds: eta))") }
      lines.append("\(DisplayText.clean(snapshot.sweep)): \(parts.joined(separator: ", "))")
    }
    return lines
  }

  private static func plainLine(_ trial: ProgressSnapshot.Trial) -> String {
    var parts = ["step \(steps(trial))"]
    if let entropy = trial.entropy { parts.append("entropy \(number(entropy))") }
    if trial.valScore != nil { parts.append("val_score \(score(trial))") }
    if let eta = trial.etaSeconds { parts.append("ETA \(NumberText.duration(seconds: eta))") }
    let kind = trial.kind == .base ? " (base)" : ""
    return "\(DisplayText.clean(trial.label))\(kind): \(parts.joined(separator: ", "))"
  }

  // MARK: The sweep

  private static func sweepLines(
    _ snapshot: ProgressSnapshot, width: Int, _ style: Style
  ) -> [String] {
    let total = max(snapshot.total, 0)
    let done = min(snapshot.finished, total)
    let share = total == 0 ? 0 : Double(done) / Double(total)
    let name = DisplayText.truncated(DisplayText.clean(snapshot.sweep), to: max(8, width / 4))
    let count = "\(done)/\(total)"
    let percent = "\(NumberText.fixed((share * 100).rounded(.down), decimals: 0))%"
    let taken = DisplayText.width(name) + count.count + percent.count + 6
    let cells = min(40, width - taken)
    var head = style.paint(name, .bold)
    if cells >= 5 { head += "  " + style.paint(bar(share, cells: cells), .green) }
    head += "  \(count)  \(percent)"
    guard taken <= width || cells >= 5 else {
      return [DisplayText.truncated("\(name) \(count)", to: width)]
    }
    return [head] + facts(snapshot, width: width, style)
  }

  /// Time and notable states below the bar, as many as the width takes.
  private static func facts(
    _ snapshot: ProgressSnapshot, width: Int, _ style: Style
  ) -> [String] {
    var facts: [(text: String, ink: Ink?)] = snapshot.notable.map { state, count in
      let bad = state != .running
      return ("\(count) \(words(state.rawValue))", bad ? .red : nil)
    }
    facts.append(("\(NumberText.duration(seconds: snapshot.elapsedSeconds)) elapsed", nil))
    if let eta = snapshot.etaSeconds {
      facts.append(("ETA \(NumberText.duration(seconds: eta))", nil))
    }
    var line = " "
    var used = 1
    for (index, fact) in facts.enumerated() {
      let separator = index == 0 ? " " : " · "
      guard used + separator.count + fact.text.count <= width else { break }
      line += separator + style.paint(fact.text, fact.ink)
      used += separator.count + fact.text.count
    }
    return used > 1 ? [line] : []
  }

  // MARK: The trials

  private static func trialLines(
    _ trials: [ProgressSnapshot.Trial], width: Int, _ style: Style
  ) -> [String] {
    // In order of importance: a narrow terminal loses the last ones first.
    let columns = [
      trials.map { "\($0.kind.rawValue) \(steps($0))" },
      trials.map { $0.entropy.map { "H \(number($0))" } ?? "" },
      trials.map { $0.valScore == nil ? "" : "R \(score($0))" },
      trials.map { $0.etaSeconds.map { "ETA \(NumberText.duration(seconds: $0))" } ?? "" },
      trials.map { bar(share($0), cells: 10) },
    ]
    let labels = trials.map { DisplayText.clean($0.label) }
    let longest = labels.map(DisplayText.width).max() ?? 0
    var room = width - 2 - min(longest, max(10, width / 4))
    var kept: [(texts: [String], width: Int, isBar: Bool)] = []
    for (index, texts) in columns.enumerated() {
      let needed = texts.map(DisplayText.width).max() ?? 0
      guard needed > 0, needed + 2 <= room else { continue }
      kept.append((texts, needed, index == columns.count - 1))
      room -= needed + 2
    }
    let labelWidth = min(longest, width - 2 - kept.reduce(0) { $0 + $1.width + 2 })
    // The bar reads best beside the label, whatever its rank.
    kept = kept.filter(\.isBar) + kept.filter { !$0.isBar }
    return trials.indices.map { row in
      let label = DisplayText.truncatedInside(labels[row], to: labelWidth)
      var line = "  " + DisplayText.padded(label, to: labelWidth)
      for column in kept {
        let text = DisplayText.padded(column.texts[row], to: column.width)
        line += "  " + style.paint(text, column.isBar ? .cyan : nil)
      }
      while line.last == " " { line.removeLast() }
      return line
    }
  }

  private static func share(_ trial: ProgressSnapshot.Trial) -> Double {
    trial.total > 0 ? Double(trial.step) / Double(trial.total) : 0
  }

  private static func steps(_ trial: ProgressSnapshot.Trial) -> String {
    trial.total > 0 ? "\(trial.step)/\(trial.total)" : "\(trial.step)"
  }

  private static func score(_ trial: ProgressSnapshot.Trial) -> String {
    guard let error = trial.valScoreSE else { return number(trial.valScore) }
    return NumberText.withError(trial.valScore, error)
  }

  /// Three decimals: the digits stay in place from one redraw to the next.
  private static func number(_ value: Double?) -> String { NumberText.fixed(value, decimals: 3) }

  private static func words(_ state: String) -> String {
    String(state.map { $0 == "_" ? " " : $0 })
  }

  /// A bar with eighths of a cell.
  private static func bar(_ share: Double, cells: Int) -> String {
    let eighths: [Character] = ["▏", "▎", "▍", "▌", "▋", "▊", "▉"]
    let clamped = share.isFinite ? min(max(share, 0), 1) : 0
    let filled = Int(clamped * Double(cells * 8))
    var text = String(repeating: "█", count: filled / 8)
    if filled % 8 > 0 { text.append(eighths[filled % 8 - 1]) }
    return text + String(repeating: "░", count: cells - text.count)
  }
}
