public import ExpFit

extension ScatterPlot {
  /// Draws the error of early fits on the rest over the share of the points they had, a series a form.
  ///
  /// Medians over the runs; errors above three times the law's largest, as curves with many numbers have in short
  /// windows, lie beyond the plot and are counted in the legend.
  public init(title: String, early: EarlyPrediction) {
    let windows = early.all.compactMap { window -> (Double, EarlyPrediction.Summary)? in
      guard case .firstShare(let share) = window.split else { return nil }
      return (share * 100, window)
    }
    let limit = 3 * (windows.compactMap { $0.1.rmse?.median }.max() ?? .infinity)
    // The mean is far off everywhere and would only push the others together.
    let series = LawForm.allCases.indices.filter { LawForm.allCases[$0] != .mean }.map { form in
      let points = windows.compactMap { share, window in
        window.forms[form].map { Point(x: share, y: $0.median) }
      }
      let shown = points.filter { $0.y <= limit }
      let hidden = points.count - shown.count
      return Series(
        name: LawForm.allCases[form].words, points: shown,
        notes: hidden > 0 ? ["\(PredictionText.count(hidden, "window")) beyond the plot"] : [])
    }
    self.init(
      title: title, xLabel: "% of the points fitted", yLabel: "RMSE on the rest", series: series,
      lineEnd: nil)
  }
}
