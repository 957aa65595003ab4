import ExpCore
import ExpPlan
import ExpSpec
import Testing

/// The part that every spec of these tests has.
let commonSpec = """
  experiment: planned
  task: {name: countdown}
  model: {size: 83k}
  train: {algorithm: grpo}

  """

/// Loads a spec text that is without errors.
func spec(_ text: String, overrides: [String] = []) throws -> ExperimentSpec {
  let (spec, diagnostics) = SpecLoader.load(
    text: commonSpec + text, path: "planned.yaml", overrides: overrides)
  return try #require(spec, "\(diagnostics.map(\.rendered))")
}

/// Loads and writes out a spec text.
func plan(_ text: String, overrides: [String] = []) throws -> Plan {
  let expansion = Plan.expand(try spec(text, overrides: overrides))
  return try #require(expansion.plan, "\(expansion.diagnostics.map(\.rendered))")
}
