internal import ExpCore
internal import ExpSpec

/// What points share that differ in their seed alone: a resolution whose seed is still open.
final class PointFamily: Sendable {
  /// Its place among the families of an expansion.
  let number: Int
  /// What was set, with the seed of the first point.
  let assignment: [ExperimentSpec.Setting]
  let resolution: Resolution
  /// Whether its points can be run.
  let isValid: Bool
  let base: SectionTexts.Base
  let modelParams: Int
  let sizeLabel: String
  let cost: CostEstimate
  private let members: [String: JSONValue]
  private let beforeSeed: HashedBeginning
  private let behindSeed: String

  init(
    number: Int, assignment: [ExperimentSpec.Setting], _ resolution: Resolution,
    _ template: SectionTexts.Template
  ) {
    let config = resolution.config
    self.number = number
    self.assignment = assignment
    self.resolution = resolution
    isValid = resolution.isValid
    base = template.base
    modelParams = config[path: "model.params"]?.integer ?? 0
    sizeLabel = ModelShape.sizeLabel(of: config[path: "model"], params: modelParams)
    cost = isValid ? CostEstimate(run: config) : .zero
    members = template.members
    beforeSeed = HashedBeginning(template.before)
    behindSeed = template.behind
  }

  /// The seed of the first point.
  var firstSeed: JSONValue { resolution.config[path: "seed"] ?? 0 }

  /// The configuration with a seed.
  func config(seed: JSONValue) -> JSONValue {
    var members = members
    members["seed"] = seed
    return .object(members)
  }

  /// SHA-256 of the canonical text of the configuration with a seed.
  func configHash(seed: JSONValue) -> ContentHash {
    beforeSeed.hash(seed.canonicalJSON, behindSeed)
  }
}
