public import ExpCore

/// The document of `exp predict --suggest --json`: which runs would narrow the interval, and what
/// they cost.
public struct SuggestionReport: Sendable {
  private let suggestion: RunSuggestion
  private let include: [String]
  private let notes: [String]

  /// Makes the report; `include` are rows for a spec, `notes` sentences about the costs.
  public init(_ suggestion: RunSuggestion, include: [String] = [], notes: [String] = []) {
    self.suggestion = suggestion
    self.include = include
    self.notes = notes
  }

  /// The document; costs are core-seconds, widths those of the ceiling's whole interval.
  public var json: JSONValue {
    .object([
      "target": .number(suggestion.target),
      "budget_core_seconds": .optional(suggestion.budget),
      "width_today": .optional(suggestion.today?.width),
      "width_limit_at_known_sizes": .optional(suggestion.limitAtKnownSizes?.width),
      "steps": .array(suggestion.steps.map(\.json)),
      "include": .array(include.map(JSONValue.string)),
      "notes": .array(notes.map(JSONValue.string)),
      "ending": .string(suggestion.ending),
    ])
  }
}

extension RunSuggestion.Step {
  fileprivate var json: JSONValue {
    .object([
      "size": .number(size), "base_seed": .optional(base.map(Double.init)),
      "new_base": .bool(isNewBase), "new_size": .bool(isNewSize), "runs": .number(Double(count)),
      "core_seconds": .optional(cost), "total_core_seconds": .optional(totalCost),
      "width_after": .optional(expected.width),
      "width_after_by_the_line": .optional(2 * expected.line.halfWidth),
      "degrees_of_freedom_after": .optional(expected.line.degreesOfFreedom),
    ])
  }
}
