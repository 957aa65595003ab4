package import TrainerProtocol

/// Makes the task family that a configuration names.
package enum TaskCatalogue {
  /// Returns the family.
  ///
  /// - Throws: `TrainerError` for a setting that is missing or out of range.
  package static func family(_ config: TaskConfig) throws -> any TaskFamily {
    switch config.name {
    case .countdown:
      try CountdownTask(
        counts: TaskCheck.present(config.numbers, key: "task.numbers"),
        maxTarget: TaskCheck.present(config.maxTarget, key: "task.max_target"),
        slipProbability: config.slipProbability,
        working: TaskCheck.present(config.working, key: "task.working"))
    case .prog:
      try ProgramTask(
        maxDepth: TaskCheck.present(config.maxDepth, key: "task.max_depth"),
        lengths: TaskCheck.present(config.listLengths, key: "task.list_lengths"),
        slipProbability: config.slipProbability)
    case .code:
      try CodeTask(
        maxStatements: TaskCheck.present(config.maxStatements, key: "task.max_statements"),
        maxNesting: TaskCheck.present(config.maxNesting, key: "task.max_nesting"),
        examples: TaskCheck.present(config.examples, key: "task.examples"),
        stepBudget: TaskCheck.present(config.stepBudget, key: "task.step_budget"),
        slipProbability: config.slipProbability)
    case .phrases:
      try PhraseTask(
        domains: TaskCheck.present(config.domains, key: "task.domains"),
        slipProbability: config.slipProbability)
    }
  }
}

/// Checks of task settings; a request may come from anywhere, so they are made again here.
enum TaskCheck {
  /// The value, or an error that names its key.
  static func present<Value>(_ value: Value?, key: String) throws -> Value {
    guard let value else { throw TrainerError(.badRequest, "'config.\(key)' is missing") }
    return value
  }

  static func value(_ value: Int, in range: ClosedRange<Int>, key: String) throws {
    guard range.contains(value) else {
      throw TrainerError(
        .badRequest,
        "'config.\(key)' is \(value); it must be in \(range.lowerBound)...\(range.upperBound)")
    }
  }

  static func lengths(_ values: [Int], in range: ClosedRange<Int>, key: String) throws {
    guard !values.isEmpty, values.count <= 64 else {
      throw TrainerError(
        .badRequest, "'config.\(key)' has \(values.count) entries; it needs 1...64")
    }
    for value in values { try TaskCheck.value(value, in: range, key: key) }
  }

  static func probability(_ value: Double, key: String) throws {
    guard (0...1).contains(value) else {
      throw TrainerError(.badRequest, "'config.\(key)' is \(value); it must be in 0...1")
    }
  }
}
