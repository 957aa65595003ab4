internal import ExpFit

extension FitReport {
  func scalingSection(_ style: Style) -> String {
    switch fit.scaling {
    case .failure(let reason):
      if DefinitionGroups(fit.runs.map(\.curve)).areMixed {
        return "no lines across sizes: no fit may mix the definitions above"
      }
      return DisplayText.wrapped(
        "no lines across sizes: \(DisplayText.clean(reason.reason))", to: style.width
      ).joined(separator: "\n")
    case .success(let scaling):
      let heading =
        "across \(scaling.sizes.count) sizes, \(scaling.runCount) runs: value = intercept + slope ln N"
      var lines = [style.paint(heading, .bold), scalingTable(scaling).rendered(style)]
      if scaling.a.slopeInterval == nil {
        lines.append("no intervals: a line over fewer than 3 sizes has none")
      }
      return lines.joined(separator: "\n")
    }
  }

  private func scalingTable(_ scaling: ScalingFit) -> TextTable {
    let level = percent(fit.level)
    return TextTable(
      columns: [
        .init("of"), .init("intercept [\(level)]", .right),
        .init("slope per ln N [\(level)]", .right),
        .init("R²", .right), .init("RMSE", .right),
      ],
      rows: [("a", scaling.a), ("b", scaling.b), ("ceiling", scaling.ceiling)].map { name, line in
        [
          .init(name), .init(PredictionText.interval(line.intercept, line.interceptInterval)),
          .init(PredictionText.interval(line.slope, line.slopeInterval)),
          .init(NumberText.fixed(line.r2, decimals: 3)),
          .init(NumberText.significant(line.rmse, digits: 2)),
        ]
      })
  }

  func heldOutSection(_ settled: HeldOut, _ style: Style) -> String {
    let test = settled.test
    let when =
      settled.registeredAt.map { "registered \(DisplayText.clean($0)), before it ran" }
      ?? "predicted after the fact"
    let heading =
      "held out: \(NumberText.size(test.forecast.size)), "
      + "\(PredictionText.count(test.runCount, "run")), \(when)"
    var lines = [style.paint(heading, .bold), PredictionText.table(of: test).rendered(style)]
    var ceilings: Interval?
    if case .success(let scaling) = fit.scaling { ceilings = scaling.ceilingRange }
    lines += PredictionText.verdict(on: test, ceilings: ceilings)
      .flatMap { DisplayText.wrapped($0, to: style.width) }
    return lines.joined(separator: "\n")
  }

}
