internal import ExpCore

extension RivalComparison {
  /// Every form with its errors, and the best rival by held-out error.
  var json: JSONValue {
    .object([
      "forms": .array(
        forms.map {
          .object([
            "form": .string($0.form.rawValue), "r2": .optional($0.r2), "aicc": .optional($0.aicc),
            "asymptote": .optional($0.asymptote), "held_out": $0.heldOut?.json ?? .null,
            "early_15_percent": $0.earlyShare?.json ?? .null,
            "early_36_steps": $0.earlySteps?.json ?? .null,
          ])
        }),
      "step_as_compute": .bool(stepIsCompute),
      "best": best.map {
        .object([
          "form": .string($0.form.rawValue), "held_out_rmse": .optional($0.heldOut?.rmse),
          "law_held_out_rmse": .optional(law.heldOut?.rmse),
        ])
      } ?? .null,
    ])
  }
}

extension HoldOutErrors {
  /// The errors and the counts behind them.
  var json: JSONValue {
    .object([
      "training_points": .number(Double(trainingCount)), "points": .number(Double(testCount)),
      "rmse": .optional(rmse), "final_error": .optional(finalError),
    ])
  }
}

extension Spread {
  /// Median, ends and count.
  var json: JSONValue {
    .object([
      "median": .number(median), "low": .number(low), "high": .number(high),
      "runs": .number(Double(count)),
    ])
  }
}

extension RivalSummary {
  /// Every form over the runs.
  var json: JSONValue {
    .object([
      "forms": .array(
        rows.map {
          .object([
            "form": .string($0.form.rawValue), "held_out_rmse": $0.heldOut?.json ?? .null,
            "best_runs": .number(Double($0.bestRuns)), "delta_aicc": $0.deltaAICc?.json ?? .null,
            "asymptote": $0.asymptote?.json ?? .null,
            "asymptote_less_ceiling": $0.asymptoteLessCeiling?.json ?? .null,
          ])
        }),
      "runs": .number(Double(runCount)),
      "runs_with_step_as_compute": .number(Double(stepAsComputeCount)),
    ])
  }
}

extension EarlyPrediction {
  /// Every run's windows, and their medians and ranges over all runs and by size.
  var json: JSONValue {
    .object([
      "kind": .string(EarlyPrediction.kind),
      "runs": .array(
        runs.map {
          .object(["id": .string($0.id), "windows": .array($0.windows.map(\.json))])
        }),
      "all": .array(all.map(\.json)),
      "sizes": .array(
        bySize.map {
          .object([
            "model_params": .optional($0.modelParams), "windows": .array($0.windows.map(\.json)),
          ])
        }),
    ])
  }
}

extension EarlyPrediction.Window {
  fileprivate var json: JSONValue {
    var members = split.members
    members["last_step"] = .number(Double(lastStep))
    members["points"] = .number(Double(trainingCount))
    members["ceiling_change"] = .optional(ceilingChange)
    for (form, errors) in zip(LawForm.allCases, errors) {
      members[form.rawValue] = errors?.json ?? .null
    }
    return .object(members)
  }
}

extension EarlyPrediction.Summary {
  fileprivate var json: JSONValue {
    var members = split.members
    members["last_step"] = lastStep.json
    members["final_error"] = finalError?.json ?? .null
    members["ceiling_change"] = ceilingChange?.json ?? .null
    members["rmse"] = .object(
      Dictionary(
        uniqueKeysWithValues: zip(LawForm.allCases, forms).map { form, spread in
          (form.rawValue, spread?.json ?? .null)
        }))
    return .object(members)
  }
}

extension HoldOutSplit {
  fileprivate var members: [String: JSONValue] {
    switch self {
    case .firstShare(let share): ["share": .number(share), "through_step": .null]
    case .throughStep(let step): ["share": .null, "through_step": .number(Double(step))]
    }
  }
}
