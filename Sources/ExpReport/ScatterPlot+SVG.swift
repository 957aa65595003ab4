extension ScatterPlot {
  /// Returns the plot as one self-contained SVG document: no scripts, no fonts or files from elsewhere.
  ///
  /// Lines are solid over their points and dashed beyond; held-out series have hollow marks and dashed lines.
  /// Colours follow the reader's light or dark preference. The same plot gives the same bytes.
  public func svg() -> String {
    guard let frame = PlotFrame(self, xTicks: 8, yTicks: 7) else {
      return SVGPage(width: 760, height: 80, label: title).document([
        SVG.text("no points to plot", 24, 46, "exp-text")
      ])
    }
    let hasTitle = !title.isEmpty
    let area = SVGArea(left: 72, top: hasTitle ? 52 : 24, width: 660, height: 380)
    let legend = SVGLegend(frame, top: area.bottom + 66)
    var body: [String] = []
    if hasTitle {
      body.append(SVG.text(title, area.left, 30, "exp-text exp-title", limit: 80))
    }
    body += axes(frame, area)
    for (index, series) in frame.series.enumerated() {
      body += SVGSeries(index, series).group(frame, area)
    }
    body += legend.elements(frame)
    var bottom = legend.bottom
    if frame.leftOut > 0 {
      body.append(SVG.text(frame.leftOutWords, area.left, bottom + 14, "exp-text exp-quiet"))
      bottom += 22
    }
    return SVGPage(width: max(760, legend.right + 24), height: bottom + 12, label: title)
      .document(body)
  }

  private func axes(_ frame: PlotFrame, _ area: SVGArea) -> [String] {
    var parts: [String] = []
    for tick in frame.y.ticks {
      let y = area.y(frame, tick)
      parts.append(SVG.line(area.left, y, area.right, y, "exp-grid"))
      parts.append(
        SVG.text(frame.y.label(tick), area.left - 8, y + 4, "exp-text exp-end exp-number"))
    }
    for tick in frame.x.ticks {
      let x = area.x(frame, tick)
      parts.append(SVG.line(x, area.top, x, area.bottom, "exp-grid"))
      parts.append(
        SVG.text(frame.x.label(tick), x, area.bottom + 18, "exp-text exp-middle exp-number"))
    }
    parts.append(SVG.line(area.left, area.bottom, area.right, area.bottom, "exp-axis"))
    parts.append(SVG.line(area.left, area.top, area.left, area.bottom, "exp-axis"))
    parts.append(
      SVG.text(xLabel, area.left + area.width / 2, area.bottom + 40, "exp-text exp-middle"))
    let middle = area.top + area.height / 2
    parts.append(
      "<g transform=\"rotate(-90 20 \(SVG.number(middle)))\">"
        + SVG.text(yLabel, 20, middle, "exp-text exp-middle") + "</g>")
    return parts
  }
}

/// The rectangle that the axes span.
private struct SVGArea {
  var left: Double
  var top: Double
  var width: Double
  var height: Double

  var right: Double { left + width }
  var bottom: Double { top + height }

  func x(_ frame: PlotFrame, _ value: Double) -> Double {
    left + width * frame.x.position(of: value)
  }

  func y(_ frame: PlotFrame, _ value: Double) -> Double {
    bottom - height * frame.y.position(of: value)
  }
}

/// One series' look and its elements.
private struct SVGSeries {
  let series: ScatterPlot.Series
  let colour: String
  let shape: Int

  /// Colours of a contrast of at least 3 against the white and the dark page alike.
  static let colours = [
    "#3b7dd8", "#d2691e", "#2e9960", "#b956a0", "#8a6fd6", "#a8802a", "#d64550", "#1f94a6",
  ]
  /// Not a divisor of the number of colours, so that a repeated colour comes with another shape.
  static let shapeCount = 5

  init(_ index: Int, _ series: ScatterPlot.Series) {
    self.series = series
    colour = SVGSeries.colours[index % SVGSeries.colours.count]
    shape = index % SVGSeries.shapeCount
  }

  func group(_ frame: PlotFrame, _ area: SVGArea) -> [String] {
    let look = series.isHeldOut ? "exp-series exp-held" : "exp-series"
    var parts = ["<g class=\"\(look)\" stroke=\"\(colour)\" fill=\"\(colour)\">"]
    let segments = frame.segments(of: series)
    for (segment, look) in [
      (segments.extended, "exp-beyond"),
      (segments.fitted, series.isHeldOut ? "exp-predicted" : "exp-fit"),
    ] {
      guard let (from, to) = segment else { continue }
      parts.append(
        SVG.line(
          area.x(frame, from.x), area.y(frame, from.y), area.x(frame, to.x),
          area.y(frame, to.y), look))
    }
    for point in series.points {
      parts.append(mark(area.x(frame, point.x), area.y(frame, point.y)))
    }
    return parts + ["</g>"]
  }

  /// A mark of about 7 by 7 around a place.
  func mark(_ x: Double, _ y: Double) -> String {
    let outlines: [[(Double, Double)]] = [
      [], [(0, -4.2), (4, 3.2), (-4, 3.2)], [(-3.2, -3.2), (3.2, -3.2), (3.2, 3.2), (-3.2, 3.2)],
      [(0, -4.4), (4.4, 0), (0, 4.4), (-4.4, 0)], [(0, 4.2), (4, -3.2), (-4, -3.2)],
    ]
    if shape == 0 {
      return "<circle cx=\"\(SVG.number(x))\" cy=\"\(SVG.number(y))\" r=\"3.6\"/>"
    }
    let corners = outlines[shape].map { "\(SVG.number(x + $0.0)),\(SVG.number(y + $0.1))" }
    return "<polygon points=\"\(corners.joined(separator: " "))\"/>"
  }

  func legendEntry(_ x: Double, _ y: Double) -> [String] {
    let look = series.isHeldOut ? "exp-series exp-held" : "exp-series"
    var parts = ["<g class=\"\(look)\" stroke=\"\(colour)\" fill=\"\(colour)\">"]
    if series.line != nil {
      parts.append(SVG.line(x, y, x + 26, y, series.isHeldOut ? "exp-predicted" : "exp-fit"))
    }
    return parts + [mark(x + 13, y), "</g>"]
  }
}

/// A row a series below the axes: mark, name, notes in columns.
private struct SVGLegend {
  private static let rowHeight = 22.0
  private static let left = 72.0
  private static let textLeft = 108.0

  private let names: [String]
  private let notes: [[String]]
  private let columns: [Double]
  private let top: Double
  let right: Double
  var bottom: Double { top + SVGLegend.rowHeight * Double(names.count) }

  init(_ frame: PlotFrame, top: Double) {
    self.top = top
    names = frame.series.map { series in
      DisplayText.truncated(DisplayText.clean(series.name), to: 40)
        + (series.isHeldOut ? " (held out)" : "")
    }
    notes = frame.series.map { series in
      series.notes.map { DisplayText.truncated(DisplayText.clean($0), to: 48) }
    }
    var columns: [Double] = []
    var next = SVGLegend.textLeft + SVGLegend.extent(of: names)
    for column in 0..<(notes.map(\.count).max() ?? 0) {
      columns.append(next)
      next += SVGLegend.extent(
        of: notes.compactMap { $0.indices.contains(column) ? $0[column] : nil })
    }
    self.columns = columns
    right = next
  }

  /// The width that a column of texts needs at most, with the space after it: 7.5 units a column of text at 13 units.
  private static func extent(of texts: [String]) -> Double {
    Double(texts.map(DisplayText.width).max() ?? 0) * 7.5 + 24
  }

  func elements(_ frame: PlotFrame) -> [String] {
    var parts: [String] = []
    for (index, series) in frame.series.enumerated() {
      let y = top + SVGLegend.rowHeight * Double(index)
      parts += SVGSeries(index, series).legendEntry(SVGLegend.left, y)
      parts.append(SVG.text(names[index], SVGLegend.textLeft, y + 4, "exp-text"))
      for (x, note) in zip(columns, notes[index]) {
        parts.append(SVG.text(note, x, y + 4, "exp-text exp-number"))
      }
    }
    return parts
  }
}
