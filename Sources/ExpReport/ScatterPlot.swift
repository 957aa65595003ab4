/// Points of several series with their fitted lines: R against exp(H) per size.
///
/// A value without any drawing; `terminal` and `svg` render it.
public struct ScatterPlot: Sendable, Hashable {
  /// A point.
  public struct Point: Sendable, Hashable {
    /// Its place on the horizontal axis.
    public var x: Double
    /// Its place on the vertical axis.
    public var y: Double

    /// Makes a point.
    public init(x: Double, y: Double) {
      self.x = x
      self.y = y
    }
  }

  /// A straight line, `y = intercept + slope * x`.
  public struct Line: Sendable, Hashable {
    /// y at x = 0; the law's b.
    public var intercept: Double
    /// The law's -a.
    public var slope: Double

    /// Makes a line.
    public init(intercept: Double, slope: Double) {
      self.intercept = intercept
      self.slope = slope
    }

    func y(at x: Double) -> Double { intercept + slope * x }
  }

  /// Points that belong together.
  public struct Series: Sendable, Hashable {
    /// The name in the legend; usually a size.
    public var name: String
    /// The points; those that are not finite are left out and counted.
    public var points: [Point]
    /// The line fitted to them, or predicted for them.
    public var line: Line?
    /// Whether the line was predicted without these points; marked apart.
    public var isHeldOut: Bool
    /// Columns of the legend beside the name, such as a, b and R².
    public var notes: [String]

    /// Makes a series.
    public init(
      name: String, points: [Point], line: Line? = nil, isHeldOut: Bool = false,
      notes: [String] = []
    ) {
      self.name = name
      self.points = points
      self.line = line
      self.isHeldOut = isHeldOut
      self.notes = notes
    }
  }

  /// The heading; empty for none.
  public var title: String
  /// The name of the horizontal axis.
  public var xLabel: String
  /// The name of the vertical axis.
  public var yLabel: String
  /// The series, in the order of the legend.
  public var series: [Series]
  /// Where lines end beyond their points: exp(H) = 1, no entropy left, where they reach the ceiling; nil for no extension.
  public var lineEnd: Double?

  /// Makes a plot.
  public init(
    title: String, xLabel: String = "exp(H)", yLabel: String = "R", series: [Series],
    lineEnd: Double? = 1
  ) {
    self.title = title
    self.xLabel = xLabel
    self.yLabel = yLabel
    self.series = series
    self.lineEnd = lineEnd
  }
}

/// A plot's points and lines sorted out: what can be drawn, and the ranges that show it.
struct PlotFrame {
  /// Each series with only the points that can be drawn.
  let series: [ScatterPlot.Series]
  /// Points that cannot be drawn.
  let leftOut: Int
  let x: PlotAxis
  let y: PlotAxis
  let lineEnd: Double?

  /// Looks at a plot; nil where nothing can be drawn.
  init?(_ plot: ScatterPlot, xTicks: Int, yTicks: Int) {
    series = plot.series.map { series in
      var drawn = series
      drawn.points = series.points.filter {
        PlotFrame.isDrawable($0.x) && PlotFrame.isDrawable($0.y)
      }
      if let line = series.line, !line.slope.isFinite || !line.intercept.isFinite {
        drawn.line = nil
      }
      return drawn
    }
    let points = series.flatMap(\.points)
    leftOut = plot.series.reduce(0) { $0 + $1.points.count } - points.count
    guard !points.isEmpty else { return nil }
    lineEnd = plot.lineEnd.flatMap { PlotFrame.isDrawable($0) ? $0 : nil }
    var xs = points.map(\.x)
    var ys = points.map(\.y)
    if let lineEnd {
      xs.append(lineEnd)
      // A ceiling far outside the data must not squeeze the data into a corner.
      let low = ys.min() ?? 0
      let high = ys.max() ?? 0
      let reach = max(high - low, 0.1)
      ys += series.compactMap { $0.line?.y(at: lineEnd) }
        .filter { $0 >= low - reach && $0 <= high + reach }
    }
    x = PlotAxis(covering: xs, tickCount: xTicks)
    y = PlotAxis(covering: ys, tickCount: yTicks)
  }

  /// What is said of points that cannot be drawn.
  var leftOutWords: String {
    leftOut == 1
      ? "1 point that is not finite is not shown"
      : "\(leftOut) points that are not finite are not shown"
  }

  /// The part of a series' line over its points, and the part beyond them to the line end, both cut to the axes.
  func segments(of series: ScatterPlot.Series) -> (
    fitted: (ScatterPlot.Point, ScatterPlot.Point)?,
    extended: (ScatterPlot.Point, ScatterPlot.Point)?
  ) {
    guard let line = series.line, let low = series.points.map(\.x).min(),
      let high = series.points.map(\.x).max()
    else { return (nil, nil) }
    var extended: (ScatterPlot.Point, ScatterPlot.Point)?
    if let lineEnd, lineEnd < low { extended = clipped(line, lineEnd, low) }
    if let lineEnd, lineEnd > high { extended = clipped(line, high, lineEnd) }
    return (clipped(line, low, high), extended)
  }

  /// Cuts a line to a range of x and to the range of the y axis.
  private func clipped(
    _ line: ScatterPlot.Line, _ from: Double, _ to: Double
  ) -> (ScatterPlot.Point, ScatterPlot.Point)? {
    var low = from
    var high = to
    if line.slope == 0 {
      guard (y.low...y.high).contains(line.intercept) else { return nil }
    } else {
      let atLow = (y.low - line.intercept) / line.slope
      let atHigh = (y.high - line.intercept) / line.slope
      low = max(low, min(atLow, atHigh))
      high = min(high, max(atLow, atHigh))
    }
    guard low < high else { return nil }
    func point(_ x: Double) -> ScatterPlot.Point {
      ScatterPlot.Point(x: x, y: min(max(line.y(at: x), y.low), y.high))
    }
    return (point(low), point(high))
  }

  private static func isDrawable(_ value: Double) -> Bool {
    value.isFinite && value.magnitude <= PlotAxis.limit
  }
}
