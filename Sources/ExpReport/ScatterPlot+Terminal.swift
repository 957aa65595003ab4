extension ScatterPlot {
  /// Returns the plot drawn with characters: marks for points, Braille dots for lines, a legend below.
  ///
  /// With colours each series has a colour and a shape; without them it has a letter. Predicted lines and
  /// extensions are dotted. `height` counts the rows between the axes; the width is the style's, 80 where it
  /// has none, and between 40 and 110.
  public func terminal(_ style: Style, height: Int = 18) -> String {
    let width = min(max(style.width ?? 80, 40), 110)
    let rows = min(max(height, 6), 60)
    guard let frame = PlotFrame(self, xTicks: width / 12, yTicks: rows / 3) else {
      return style.paint("no points to plot", .dim)
    }
    let labels = frame.y.ticks.map(frame.y.label)
    let margin = max(labels.map(DisplayText.width).max() ?? 0, 1)
    var canvas = TerminalCanvas(columns: width - margin - 3, rows: rows)
    for (index, series) in frame.series.enumerated() {
      canvas.draw(frame, series, mark: TerminalMark(index, series, style))
    }
    for (index, series) in frame.series.enumerated() {
      canvas.scatter(frame, series, mark: TerminalMark(index, series, style))
    }
    var lines = heading(margin: margin, style)
    lines += canvas.lines(frame, labels: labels, margin: margin, style)
    lines += canvas.foot(frame, xLabel: DisplayText.clean(xLabel), margin: margin)
    lines += [""] + legend(frame, width: width, style)
    if frame.leftOut > 0 {
      lines.append(style.paint(frame.leftOutWords, .yellow))
    }
    return lines.joined(separator: "\n")
  }

  private func heading(margin: Int, _ style: Style) -> [String] {
    let label = DisplayText.padded(DisplayText.clean(yLabel), to: margin, right: true)
    guard !title.isEmpty else { return [label] }
    let shown = DisplayText.truncated(DisplayText.clean(title), to: style.width ?? .max)
    return [style.paint(shown, .bold), label]
  }

  private func legend(_ frame: PlotFrame, width: Int, _ style: Style) -> [String] {
    let names = frame.series.map { series in
      DisplayText.truncated(DisplayText.clean(series.name), to: 32)
        + (series.isHeldOut ? " (held out)" : "")
    }
    let nameWidth = names.map(DisplayText.width).max() ?? 0
    let notes = frame.series.map { $0.notes.map(DisplayText.clean) }
    let noteWidths = (0..<(notes.map(\.count).max() ?? 0)).map { column in
      notes.map { $0.indices.contains(column) ? DisplayText.width($0[column]) : 0 }.max() ?? 0
    }
    return frame.series.enumerated().map { index, series in
      let mark = TerminalMark(index, series, style)
      var text = DisplayText.padded(names[index], to: nameWidth)
      for (column, note) in notes[index].enumerated() {
        text += "   " + DisplayText.padded(note, to: noteWidths[column])
      }
      while text.last == " " { text.removeLast() }
      return "  " + style.paint(String(mark.character), mark.ink) + "  "
        + DisplayText.truncated(text, to: width - 5)
    }
  }
}

/// How a series is drawn in a terminal.
private struct TerminalMark {
  let character: Character
  let ink: Ink?
  let isHeldOut: Bool

  init(_ index: Int, _ series: ScatterPlot.Series, _ style: Style) {
    isHeldOut = series.isHeldOut
    if style.colour {
      let inks: [Ink] = [.blue, .yellow, .green, .magenta, .cyan, .red]
      let filled: [Character] = ["●", "▲", "■", "◆", "▼"]
      let hollow: [Character] = ["○", "△", "□", "◇", "▽"]
      ink = inks[index % inks.count]
      character = (series.isHeldOut ? hollow : filled)[index % filled.count]
    } else {
      let letters = Array("abcdefghijklmnopqrstuvwxyz")
      let letter = letters[index % letters.count]
      ink = nil
      character = series.isHeldOut ? Character(letter.uppercased()) : letter
    }
  }
}

/// A grid of character cells; in each a mark, or 2 by 4 Braille dots.
private struct TerminalCanvas {
  private struct Cell {
    var dots: UInt8 = 0
    var mark: Character?
    var ink: Ink?
  }

  let columns: Int
  let rows: Int
  private var cells: [Cell]

  init(columns: Int, rows: Int) {
    self.columns = columns
    self.rows = rows
    cells = Array(repeating: Cell(), count: columns * rows)
  }

  /// The dot of a Braille character at column 0...1 and row 0...3, as Unicode numbers them.
  private static let dotBits: [[UInt8]] = [
    [0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80],
  ]

  /// Draws a series' line.
  mutating func draw(_ frame: PlotFrame, _ series: ScatterPlot.Series, mark: TerminalMark) {
    let segments = frame.segments(of: series)
    if let (from, to) = segments.fitted {
      stroke(frame, from, to, every: mark.isHeldOut ? 2 : 1, mark.ink)
    }
    if let (from, to) = segments.extended { stroke(frame, from, to, every: 3, mark.ink) }
  }

  private mutating func stroke(
    _ frame: PlotFrame, _ from: ScatterPlot.Point, _ to: ScatterPlot.Point, every: Int, _ ink: Ink?
  ) {
    let start = (frame.x.position(of: from.x), frame.y.position(of: from.y))
    let end = (frame.x.position(of: to.x), frame.y.position(of: to.y))
    let steps = max(columns * 2, rows * 4)
    var last: (Int, Int)?
    var count = 0
    for step in 0...steps {
      let share = Double(step) / Double(steps)
      let dotX = index(start.0 + (end.0 - start.0) * share, columns * 2)
      let dotY = rows * 4 - 1 - index(start.1 + (end.1 - start.1) * share, rows * 4)
      if let last, last == (dotX, dotY) { continue }
      last = (dotX, dotY)
      if count % every == 0 { dot(dotX, dotY, ink) }
      count += 1
    }
  }

  private mutating func dot(_ x: Int, _ y: Int, _ ink: Ink?) {
    let place = y / 4 * columns + x / 2
    cells[place].dots |= TerminalCanvas.dotBits[y % 4][x % 2]
    cells[place].ink = ink
  }

  /// Sets a series' marks.
  mutating func scatter(_ frame: PlotFrame, _ series: ScatterPlot.Series, mark: TerminalMark) {
    for point in series.points {
      let column = index(frame.x.position(of: point.x), columns)
      let row = rows - 1 - index(frame.y.position(of: point.y), rows)
      cells[row * columns + column].mark = mark.character
      cells[row * columns + column].ink = mark.ink
    }
  }

  /// The index of a share 0...1 among `count` places.
  private func index(_ share: Double, _ count: Int) -> Int {
    guard share > 0 else { return 0 }
    return share >= 1 ? count - 1 : min(Int(share * Double(count)), count - 1)
  }

  /// The rows with the vertical axis and its labels.
  func lines(_ frame: PlotFrame, labels: [String], margin: Int, _ style: Style) -> [String] {
    var labelOfRow: [Int: String] = [:]
    for (tick, label) in zip(frame.y.ticks, labels) {
      labelOfRow[rows - 1 - index(frame.y.position(of: tick), rows)] = label
    }
    return (0..<rows).map { row in
      let label = labelOfRow[row]
      var line = DisplayText.padded(label ?? "", to: margin, right: true)
      line += label == nil ? " │" : " ┤"
      var inked = InkedLine(line, style)
      let cells = cells[(row * columns)..<((row + 1) * columns)]
      let end = cells.lastIndex { $0.mark != nil || $0.dots != 0 } ?? cells.startIndex - 1
      for cell in cells[..<(end + 1)] {
        let braille = Unicode.Scalar(0x2800 + UInt32(cell.dots)).map(Character.init)
        let isBlank = cell.mark == nil && cell.dots == 0
        inked.append(cell.mark ?? (isBlank ? " " : braille ?? " "), isBlank ? nil : cell.ink)
      }
      inked.flush()
      return inked.text
    }
  }

  /// The horizontal axis: its line with ticks, their labels, and its name below the middle.
  func foot(_ frame: PlotFrame, xLabel: String, margin: Int) -> [String] {
    var axis = Array(repeating: Character("─"), count: columns)
    var labels = ""
    for tick in frame.x.ticks {
      let column = index(frame.x.position(of: tick), columns)
      axis[column] = "┬"
      let text = frame.x.label(tick)
      let start = max(0, column - text.count / 2)
      // A label that would touch its neighbour is left out; its tick stays.
      guard labels.isEmpty || start >= labels.count + 2 else { continue }
      labels += String(repeating: " ", count: start - labels.count) + text
    }
    let indent = String(repeating: " ", count: margin + 1)
    let name =
      String(repeating: " ", count: max(0, (columns - DisplayText.width(xLabel)) / 2)) + xLabel
    return [indent + "└" + String(axis), indent + " " + labels, indent + " " + name]
  }
}

/// A line of cells in the making; neighbours of one colour share its escape codes.
private struct InkedLine {
  private(set) var text: String
  private let style: Style
  private var run = ""
  private var runInk: Ink?

  init(_ start: String, _ style: Style) {
    text = start
    self.style = style
  }

  mutating func append(_ character: Character, _ ink: Ink?) {
    if ink != runInk { flush() }
    runInk = ink
    run.append(character)
  }

  mutating func flush() {
    text += style.paint(run, runInk)
    run = ""
  }
}
