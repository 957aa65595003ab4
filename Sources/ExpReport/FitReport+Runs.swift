internal import ExpFit

extension FitReport {
  /// Columns that a full row takes beside the run's name; where they do not fit one line, those that other sections
  /// show are left out.
  private static let wideColumns = 130

  /// One row per run, or per size where there are many; numbers carry their standard error or interval.
  func runTable(_ style: Style) -> TextTable {
    guard fit.runs.count <= FitReport.rowLimit else { return sizeTable }
    let longest = fit.runs.map { DisplayText.width(name($0.curve)) }.max() ?? 0
    let isWide = style.width.map { $0 >= longest + FitReport.wideColumns } ?? true
    let ceiling = TextTable.Column("ceiling [\(percent(fit.level))]", .right)
    let law: [TextTable.Column] = [
      .init("a", .right), .init("b", .right), ceiling, .init("R²", .right),
    ]
    let columns: [TextTable.Column] =
      isWide
      ? [.init("run"), .init("N", .right), .init("seed", .right)] + law + [
        .init("RMSE", .right), .init("RMSE ahead", .right), .init("best rival ahead", .right),
        .init("warnings", .right),
      ] : [.init("run")] + law + [.init("!", .right)]
    return TextTable(
      columns: columns, rows: fit.runs.map { isWide ? wideRow($0) : narrowRow($0) },
      emptyText: "no runs to fit")
  }

  private func wideRow(_ run: RunFit) -> [TextTable.Cell] {
    let place: [TextTable.Cell] = [
      .init(name(run.curve)), .init(NumberText.size(run.curve.modelParams)),
      .init(run.curve.seed.map(String.init) ?? NumberText.missing),
    ]
    guard case .success(let law) = run.law else {
      return place + dashes(7) + [.init("no fit", .red)]
    }
    return place + numbers(law) + [
      .init(NumberText.significant(law.rmse, digits: 2)),
      .init(NumberText.significant(run.rivals?.law.heldOut?.rmse, digits: 2)),
      .init(rival(run.rivals?.best)), warnings(of: run),
    ]
  }

  private func narrowRow(_ run: RunFit) -> [TextTable.Cell] {
    guard case .success(let law) = run.law else {
      return [.init(name(run.curve))] + dashes(4) + [.init("no fit", .red)]
    }
    return [.init(name(run.curve))] + numbers(law) + [warnings(of: run)]
  }

  private func numbers(_ law: LawFit) -> [TextTable.Cell] {
    [
      .init(NumberText.withError(law.a, law.aStandardError)),
      .init(NumberText.withError(law.b, law.bStandardError)),
      .init(PredictionText.interval(law.ceiling, law.ceilingInterval)),
      .init(NumberText.fixed(law.r2, decimals: 3)),
    ]
  }

  private func warnings(of run: RunFit) -> TextTable.Cell {
    let count = run.warnings.count
    let ink: Ink? = run.lawHolds ? (count > 0 ? .yellow : nil) : .red
    return .init(count == 0 ? "" : "\(count)", ink)
  }

  private func dashes(_ count: Int) -> [TextTable.Cell] {
    Array(repeating: .init(NumberText.missing), count: count)
  }

  private func rival(_ best: FormComparison?) -> String {
    guard let best, let error = best.heldOut?.rmse else { return NumberText.missing }
    return "\(NumberText.significant(error, digits: 2)) \(best.form.words)"
  }

  func runNotes(_ style: Style) -> [String] {
    guard !fit.runs.isEmpty else { return [] }
    var notes: [String] = []
    if fit.runs.count > FitReport.rowLimit {
      notes.append(
        "\(fit.runs.count) runs: medians with [smallest, largest]; --json has every run")
    } else {
      notes.append(
        "±: standard error; [ ]: \(percent(fit.level)) interval; "
          + "ahead: fitted on the first 60 % of a run's points, judged on the rest")
    }
    if fit.runs.contains(where: \.curve.isHeldOut) {
      notes.append("*: held out, so not in the lines across sizes")
    }
    if let pairing { notes.append("pairing \(pairing.rawValue): \(pairing.words)") }
    return notes.flatMap { DisplayText.wrapped($0, to: style.width) }
  }

  /// Medians and ranges of the runs of each size.
  private var sizeTable: TextTable {
    let bySize = Dictionary(grouping: fit.runs, by: \.curve.modelParams)
    return TextTable(
      columns: [
        .init("N"), .init("runs", .right), .init("a", .right), .init("b", .right),
        .init("ceiling", .right), .init("R²", .right), .init("no law", .right),
      ],
      rows: bySize.keys.sorted().map { size in
        let runs = bySize[size] ?? []
        // try?: a run without a law has no numbers.
        let laws = runs.compactMap { try? $0.law.get() }
        func spread(_ value: (LawFit) -> Double) -> TextTable.Cell {
          let spread = Spread(laws.map(value))
          return .init(NumberText.interval(spread?.median, spread?.low, spread?.high))
        }
        return [
          .init(NumberText.size(size)), .init("\(runs.count)"), spread(\.a), spread(\.b),
          spread(\.ceiling), .init(NumberText.fixed(Spread(laws.map(\.r2))?.median, decimals: 3)),
          .init("\(runs.count { !$0.lawHolds })"),
        ]
      })
  }

  func unfinishedSection(_ style: Style) -> String {
    let table = TextTable(
      columns: [
        .init("not finished"), .init("state", .right), .init("a", .right),
        .init("ceiling [\(percent(fit.level))]", .right), .init("R²", .right), .init("!", .right),
      ],
      rows: unfinished.map { partial in
        let planned = partial.plannedSteps.map { "/\($0)" } ?? ""
        let start: [TextTable.Cell] = [
          .init(name(partial.run.curve)), .init("\(partial.state) \(partial.step)\(planned)"),
        ]
        guard case .success(let law) = partial.run.law else {
          return start + dashes(3) + [.init("no fit", .red)]
        }
        return start + [
          .init(NumberText.withError(law.a, law.aStandardError)),
          .init(PredictionText.interval(law.ceiling, law.ceilingInterval)),
          .init(NumberText.fixed(law.r2, decimals: 3)), warnings(of: partial.run),
        ]
      })
    let note = "curves so far, with the steps done; these runs are in no fit across runs"
    return ([table.rendered(style)] + DisplayText.wrapped(note, to: style.width))
      .joined(separator: "\n")
  }

  func definitionSection(_ definitions: DefinitionGroups, _ style: Style) -> String {
    let count = definitions.groups.count
    let heading =
      "\(count) definitions of entropy and score, which no fit across runs may mix; "
      + "--definition 1 … \(count) keeps the runs of one"
    var lines = DisplayText.wrapped(heading, to: style.width).map { style.paint($0, .bold) }
    for (index, group) in definitions.groups.enumerated() {
      let names = group.runs.prefix(5).map { labels[$0] ?? $0 }.joined(separator: ", ")
      let more = group.runs.count > 5 ? " and \(group.runs.count - 5) more" : ""
      lines += DisplayText.wrapped(
        DisplayText.clean(
          "  \(index + 1): \(PredictionText.count(group.runs.count, "run")) "
            + "(\(names)\(more)): \(group.difference)"), to: style.width)
    }
    return lines.joined(separator: "\n")
  }
}
