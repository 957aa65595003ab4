public import ExpCore

/// The document of `exp prune-replay --json`.
public struct PruneReport: Sendable {
  private let replay: PruneReplay
  private let grid: [PruneReplay]
  private let notes: [String]

  /// Makes the document of a replay, of others over a grid of settings, and of what has to be said.
  public init(_ replay: PruneReplay, grid: [PruneReplay] = [], notes: [String] = []) {
    self.replay = replay
    self.grid = grid
    self.notes = notes
  }

  /// The document; numbers that do not exist are null.
  public var json: JSONValue {
    var members = replay.summary
    members["pruned"] = .array(replay.verdicts.map(\.json))
    members["grid"] = .array(grid.map { .object($0.summary) })
    members["notes"] = .array(notes.map(JSONValue.string))
    return .object(members)
  }
}

extension PruneReplay {
  fileprivate var summary: [String: JSONValue] {
    [
      "rule": .object([
        "level": .number(rule.level), "margin": .number(rule.margin),
        "after": .number(rule.after), "points": .number(Double(rule.points)),
      ]),
      "groups": .number(Double(groupCount)), "arms": .number(Double(armCount)),
      "unjudged_arms": .array(unjudged.map(JSONValue.string)),
      "pruned_arms": .number(Double(verdicts.count)),
      "steps": .number(Double(totalSteps)), "saved_steps": .number(Double(savedSteps)),
      "core_seconds": .optional(totalCoreSeconds),
      "saved_core_seconds": .optional(savedCoreSeconds),
      "judged": .number(Double(judgedCount)), "wrong": .number(Double(wrongCount)),
      "close": .number(Double(closeCount)),
      "wrong_interval": Interval.wilson(successes: wrongCount, trials: judgedCount)?.json ?? .null,
      "wrong_score": .number(Double(wrongScoreCount)),
      "ceiling_regret": .optional(ceilingRegret), "score_regret": .optional(scoreRegret),
    ]
  }
}

extension PruneReplay.Verdict {
  fileprivate var json: JSONValue {
    .object([
      "arm": .string(decision.arm), "model_params": .number(decision.modelParams),
      "step": .number(Double(decision.step)),
      "runs": .array(decision.runs.map(JSONValue.string)), "reason": .string(decision.reason),
      "predicted": decision.bounds.json, "rival": .string(decision.rival),
      "rival_predicted": decision.rivalBounds.json, "final_ceiling": .optional(final.ceiling),
      "best_kept_ceiling": .optional(bestKeptCeiling), "final_score": .optional(final.score),
      "best_kept_score": .optional(bestKeptScore), "saved_steps": .number(Double(savedSteps)),
      "saved_core_seconds": .optional(savedCoreSeconds),
    ])
  }
}

extension PruneBounds {
  fileprivate var json: JSONValue {
    .object([
      "ceiling": .optional(ceiling), "low": .optional(interval.low),
      "high": .optional(interval.high), "runs": .number(Double(runCount)),
      "knows_seed_spread": .bool(knowsSeedSpread),
    ])
  }
}
