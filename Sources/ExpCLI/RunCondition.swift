internal import ArgumentParser
internal import ExpCore
internal import ExpFit
internal import ExpStore

/// Which runs a command about the law looks at.
struct RunConditionOptions: ParsableArguments {
  @Option(
    name: .customLong("where"),
    help: "Only runs for which this holds, such as 'train.algorithm = grpo and model.params < 1e6'."
  )
  var text: String?

  /// The condition, read before any data; nil where none was given.
  func condition() throws -> RunCondition? {
    guard let text else { return nil }
    do {
      return RunCondition(text: text, expression: try Expression.parse(text))
    } catch {
      throw Failure(
        "--where '\(text)', \(error)" + (error.help.map { "; \($0)" } ?? ""),
        code: ExitStatus.usage)
    }
  }
}

/// A condition on the settings of a run.
struct RunCondition {
  let text: String
  let expression: Expression

  /// The points of a plan for which it holds; their keys are those of a spec.
  func select(_ points: [SweepRecord.Point]) throws -> [SweepRecord.Point] {
    try select(points) { point in
      { key in
        key == "model.size" ? point.modelSize.map(JSONValue.string) : point.config[path: key]
      }
    }
  }

  /// The runs of a log for which it holds; their keys are its columns.
  func select(_ curves: [Curve]) throws -> [Curve] {
    try select(curves) { curve in
      { key in
        switch key {
        case "run": .string(curve.id)
        case "model_params", "model.params": .number(curve.modelParams)
        case "seed": curve.seed.map { .number(Double($0)) }
        case "base_seed", "base.seed": curve.baseSeed.map { .number(Double($0)) }
        case "held_out": .bool(curve.isHeldOut)
        default:
          // A label that is written as a number can be compared as one.
          curve.labels[key].map { text in Double(text).map(JSONValue.number) ?? .string(text) }
        }
      }
    }
  }

  private func select<Item>(
    _ items: [Item], lookup: (Item) -> (String) -> JSONValue?
  ) throws -> [Item] {
    for key in expression.keys where !items.contains(where: { lookup($0)(key) != nil }) {
      throw Failure("--where '\(text)': no run has '\(key)'", code: ExitStatus.usage)
    }
    let predicate = expression.predicate()
    let chosen = items.filter { predicate(lookup($0)) }
    guard !chosen.isEmpty else {
      throw Failure("--where '\(text)' holds for none of \(items.count) runs")
    }
    return chosen
  }
}
