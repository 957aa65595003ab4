public import ExpFit
internal import Glibc

extension ScatterPlot {
  /// Draws R against exp(H), a series per size, and per value of a label where its runs differ in one.
  ///
  /// A fitted series has the mean line of its runs, a held-out one the line that was predicted for its size. In the
  /// legend, a and b of several runs are means, with the larger of their standard errors by the runs' own errors and
  /// by their spread.
  /// - Parameters:
  ///   - title: the heading.
  ///   - fit: the fits.
  ///   - key: the label that tells series of one size apart; nil for the first that varies, methods before settings.
  ///   - heldOut: the settled predictions; nil for the fit's own.
  public init(title: String, fit: SweepFit, by key: String? = nil, heldOut: [SizeTest]? = nil) {
    let tests = heldOut ?? fit.heldOut
    let label = key ?? ScatterPlot.varyingLabels(of: fit).first
    let groups = Dictionary(grouping: fit.runs) { run in
      SeriesKey(
        size: run.curve.modelParams, isHeldOut: run.curve.isHeldOut,
        label: label.flatMap { run.curve.labels[$0] } ?? "")
    }
    let series = groups.sorted { $0.key < $1.key }.map { key, runs in
      let name = [NumberText.size(key.size), key.label].filter { !$0.isEmpty }.joined(
        separator: " ")
      return key.isHeldOut
        ? Series(heldOut: runs, name: name, test: tests.first { $0.forecast.size == key.size })
        : Series(fitted: runs, name: name)
    }
    self.init(title: title, series: series)
  }

  /// The labels in which runs of one size differ, methods before settings.
  public static func varyingLabels(of fit: SweepFit) -> [String] {
    let first = ["train.algorithm", "train.entropy_control", "algorithm", "entropy_control"]
    let bySize = Dictionary(grouping: fit.runs, by: \.curve.modelParams)
    let keys = Set(fit.runs.flatMap(\.curve.labels.keys)).sorted()
    let varying = keys.filter { key in
      bySize.values.contains { runs in Set(runs.map { $0.curve.labels[key] }).count > 1 }
    }
    return first.filter(varying.contains) + varying.filter { !first.contains($0) }
  }
}

private struct SeriesKey: Hashable, Comparable {
  var size: Double
  var isHeldOut: Bool
  var label: String

  static func < (left: SeriesKey, right: SeriesKey) -> Bool {
    (left.size, left.isHeldOut ? 1 : 0, left.label)
      < (right.size, right.isHeldOut ? 1 : 0, right.label)
  }
}

extension ScatterPlot.Series {
  fileprivate init(fitted runs: [RunFit], name: String) {
    let laws = runs.compactMap { try? $0.law.get() }  // try?: a run without a law has points only
    self.init(name: name, points: Self.points(of: runs))
    guard !laws.isEmpty else {
      notes = ["no fit"]
      return
    }
    let a = Self.mean(laws.map { ($0.a, $0.aStandardError) })
    let b = Self.mean(laws.map { ($0.b, $0.bStandardError) })
    line = ScatterPlot.Line(intercept: b.value, slope: -a.value)
    notes = [
      "a \(NumberText.withError(a.value, a.error))", "b \(NumberText.withError(b.value, b.error))",
      "R² \(Self.range(laws.map(\.r2)))", PredictionText.count(laws.count, "run"),
    ]
  }

  fileprivate init(heldOut runs: [RunFit], name: String, test: SizeTest?) {
    self.init(name: name, points: Self.points(of: runs), isHeldOut: true)
    guard let test else {
      notes = ["no prediction"]
      return
    }
    let (a, b) = (test.forecast.a, test.forecast.b)
    line = ScatterPlot.Line(intercept: b.value, slope: -a.value)
    notes = [
      "a \(PredictionText.interval(a.value, a.interval))",
      "b \(PredictionText.interval(b.value, b.interval))",
      "RMSE \(NumberText.significant(test.curveRMSE, digits: 2))", "predicted",
    ]
  }

  private static func points(of runs: [RunFit]) -> [ScatterPlot.Point] {
    runs.flatMap { $0.curve.points.map { ScatterPlot.Point(x: exp($0.entropy), y: $0.score) } }
  }

  /// The mean with its standard error: of the runs' own errors or of their spread, whichever is larger.
  private static func mean(_ values: [(value: Double, error: Double)]) -> (
    value: Double, error: Double
  ) {
    let count = Double(values.count)
    let mean = values.reduce(0) { $0 + $1.value } / count
    let own = values.reduce(0) { $0 + $1.error * $1.error }.squareRoot() / count
    let squares = values.reduce(0) { $0 + ($1.value - mean) * ($1.value - mean) }
    let spread = values.count > 1 ? (squares / (count - 1) / count).squareRoot() : 0
    return (mean, max(own, spread))
  }

  private static func range(_ values: [Double]) -> String {
    let low = NumberText.fixed(values.min(), decimals: 3)
    let high = NumberText.fixed(values.max(), decimals: 3)
    return low == high ? low : "\(low)–\(high)"
  }
}
