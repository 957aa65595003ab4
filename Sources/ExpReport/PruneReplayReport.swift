public import ExpFit

/// What `exp prune-replay` tells people: what a rule would have stopped, saved, and got wrong.
public struct PruneReplayReport: Sendable, Hashable {
  /// The replay of the rule that was asked for.
  public var replay: PruneReplay
  /// Replays of other settings, for a table to choose from.
  public var grid: [PruneReplay]

  /// Makes a report.
  public init(_ replay: PruneReplay, grid: [PruneReplay] = []) {
    self.replay = replay
    self.grid = grid
  }

  /// Returns the whole report.
  public func rendered(_ style: Style = .plain) -> String {
    var blocks = [DisplayText.wrapped(heading, to: style.width).joined(separator: "\n")]
    if !replay.verdicts.isEmpty { blocks.append(table.rendered(style)) }
    blocks.append(
      verdict.flatMap { DisplayText.wrapped($0, to: style.width) }.joined(separator: "\n"))
    if !grid.isEmpty {
      let words =
        "level, margin, after: the rule's settings; wrong: stopped arms that proved to have the best ceiling "
        + "(best score) of all; close: no more than the margin below the best kept; regret: what the best "
        + "ceiling (score) would have lost"
      blocks.append(
        ([gridTable.rendered(style)] + DisplayText.wrapped(words, to: style.width))
          .joined(separator: "\n"))
    }
    return blocks.joined(separator: "\n\n")
  }

  private var heading: String {
    let rule = replay.rule
    return "\(PredictionText.count(replay.armCount, "arm")) in "
      + "\(PredictionText.count(replay.groupCount, "group")); a rule that stops an arm where the "
      + "\(PredictionText.percent(rule.level)) upper bound of its predicted ceiling is more than "
      + "\(NumberText.significant(rule.margin)) below the best lower bound, from "
      + "\(PredictionText.percent(rule.after)) of the steps and \(rule.points) evaluations on"
  }

  private var table: TextTable {
    TextTable(
      columns: [
        .init("arm"), .init("N", .right), .init("stopped at", .right),
        .init("predicted then", .right), .init("best other then", .right),
        .init("ceiling", .right), .init("best kept", .right), .init("score", .right),
        .init("best kept", .right), .init("steps saved", .right),
      ],
      rows: replay.verdicts.map { verdict in
        let isWrong = verdict.ceilingLead ?? -1 > 0
        return [
          .init(verdict.decision.arm), .init(NumberText.size(verdict.decision.modelParams)),
          .init(String(verdict.decision.step)),
          .init(PruneReplayReport.text(verdict.decision.bounds)),
          .init(PruneReplayReport.text(verdict.decision.rivalBounds)),
          .init(NumberText.fixed(verdict.final.ceiling, decimals: 3), isWrong ? .red : nil),
          .init(NumberText.fixed(verdict.bestKeptCeiling, decimals: 3)),
          .init(
            NumberText.fixed(verdict.final.score, decimals: 3), verdict.scoreLead > 0 ? .red : nil),
          .init(NumberText.fixed(verdict.bestKeptScore, decimals: 3)),
          .init(String(verdict.savedSteps)),
        ]
      })
  }

  private static func text(_ bounds: PruneBounds) -> String {
    PredictionText.interval(bounds.ceiling, bounds.interval)
  }

  private var verdict: [String] {
    guard replay.groupCount > 0 else {
      return [
        "nothing to compare: no two finished arms agree in model, task and definition of the metrics"
      ]
    }
    guard !replay.verdicts.isEmpty else {
      return [
        "it would have stopped nothing, so it would have saved nothing and been wrong nowhere"
      ] + unjudged
    }
    return [savings, errors, scoreErrors] + unjudged
      + [
        "an arm is judged by the ceiling that all evaluations of its runs give, and by the mean of their last "
          + "three scores; arms of one sweep share prompts and seeds, so they are not independent trials"
      ]
  }

  private var unjudged: [String] {
    guard !replay.unjudged.isEmpty else { return [] }
    let names = replay.unjudged.prefix(10).joined(separator: ", ")
    let more = replay.unjudged.count > 10 ? " and \(replay.unjudged.count - 10) more" : ""
    return [
      "never stopped and no reason to stop others, for in a run of theirs no law is found to hold: \(names)\(more)"
    ]
  }

  private var savings: String {
    var words =
      "stopped \(replay.verdicts.count) of \(PredictionText.count(replay.armCount, "arm")), saving "
      + "\(replay.savedSteps) of \(replay.totalSteps) steps"
    words += " (\(PruneReplayReport.share(replay.savedSteps, of: replay.totalSteps)))"
    if let saved = replay.savedCoreSeconds, let total = replay.totalCoreSeconds {
      words +=
        ", about \(NumberText.duration(seconds: saved)) of "
        + "\(NumberText.duration(seconds: total)) of one core"
    }
    return words
  }

  private var errors: String {
    let unknown = replay.verdicts.count - replay.judgedCount
    var words =
      "wrong about the ceiling: \(replay.wrongCount) of \(replay.judgedCount)"
      + PruneReplayReport.interval(replay.wrongCount, replay.judgedCount)
      + "; \(replay.closeCount) came within the margin of the best kept arm or above it; without the stopped "
      + "arms the best ceiling is lower by \(NumberText.fixed(replay.ceilingRegret, decimals: 3))"
    if unknown > 0 {
      words += "; \(unknown) cannot be judged, for the law does not hold in their whole runs"
    }
    return words
  }

  private var scoreErrors: String {
    "wrong about the score reached: \(replay.wrongScoreCount) of \(replay.verdicts.count)"
      + PruneReplayReport.interval(replay.wrongScoreCount, replay.verdicts.count)
      + "; without the stopped arms the best score is lower by "
      + NumberText.fixed(replay.scoreRegret, decimals: 3)
  }

  private static func interval(_ successes: Int, _ trials: Int) -> String {
    guard let range = Interval.wilson(successes: successes, trials: trials) else { return "" }
    func percent(_ value: Double) -> String {
      NumberText.fixed(value * 100, decimals: value > 0 && value < 0.01 ? 1 : 0)
    }
    return " (95 % interval of the rate: \(percent(range.low)) to \(percent(range.high)) %)"
  }

  private static func share(_ part: Int, of whole: Int) -> String {
    whole > 0 ? "\(NumberText.fixed(100 * Double(part) / Double(whole), decimals: 0)) %" : "–"
  }

  private var gridTable: TextTable {
    TextTable(
      columns: [
        .init("level", .right), .init("margin", .right), .init("after", .right),
        .init("stopped", .right), .init("steps saved", .right), .init("wrong", .right),
        .init("close", .right), .init("regret", .right), .init("wrong score", .right),
        .init("score regret", .right),
      ],
      rows: grid.map { replay in
        [
          .init(PredictionText.percent(replay.rule.level)),
          .init(NumberText.significant(replay.rule.margin)),
          .init(PredictionText.percent(replay.rule.after)),
          .init("\(replay.verdicts.count) of \(replay.armCount)"),
          .init(PruneReplayReport.share(replay.savedSteps, of: replay.totalSteps)),
          .init("\(replay.wrongCount) of \(replay.judgedCount)"), .init(String(replay.closeCount)),
          .init(NumberText.fixed(replay.ceilingRegret, decimals: 3)),
          .init("\(replay.wrongScoreCount) of \(replay.verdicts.count)"),
          .init(NumberText.fixed(replay.scoreRegret, decimals: 3)),
        ]
      })
  }
}
