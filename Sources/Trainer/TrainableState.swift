internal import TrainerProtocol

/// All that a step changes: parameters, the optimiser's moments, and the few numbers carried from step to step.
package final class TrainableState {
  /// The policy.
  package let model: PolicyModel
  /// Its optimiser.
  package let optimizer: AdamW
  /// `entropy_train` of the last step that had one.
  package var previousEntropy: Double?

  private var saved: [[Float]] = []
  private var savedOptimizerSteps = 0
  private var savedEntropy: Double?

  /// Takes a policy and its optimiser.
  package init(model: PolicyModel, optimizer: AdamW) {
    self.model = model
    self.optimizer = optimizer
  }

  /// The arrays, as checkpoints name them.
  package var sections: [(name: String, values: UnsafeMutableBufferPointer<Float>)] {
    [
      ("parameters", model.parameters), ("first_moments", optimizer.firstMoments),
      ("second_moments", optimizer.secondMoments),
    ]
  }

  /// Remembers everything, for a step that is stopped halfway.
  package func save() {
    let sections = sections
    if saved.isEmpty { saved = sections.map { Array($0.values) } }
    for (index, section) in sections.enumerated() {
      saved[index].withUnsafeMutableBufferPointer { copy in
        _ = copy.update(fromContentsOf: section.values)
      }
    }
    savedOptimizerSteps = optimizer.stepCount
    savedEntropy = previousEntropy
  }

  /// Goes back to what was remembered.
  package func restore() {
    for (section, copy) in zip(sections, saved) { _ = section.values.update(fromContentsOf: copy) }
    optimizer.stepCount = savedOptimizerSteps
    previousEntropy = savedEntropy
  }

  /// Writes everything a later attempt needs.
  package func write(_ header: CheckpointHeader, to path: String) throws {
    var header = header
    header.optimizerSteps = optimizer.stepCount
    header.previousEntropy = previousEntropy
    try CheckpointFile.write(
      header, sections: sections.map { ($0.name, UnsafeBufferPointer($0.values)) }, to: path)
  }

  /// Writes the policy alone.
  package func writePolicy(_ header: CheckpointHeader, to path: String) throws {
    try CheckpointFile.write(
      header, sections: [("parameters", UnsafeBufferPointer(model.parameters))], to: path)
  }

  /// Takes everything from a checkpoint, or nothing and throws.
  package func read(_ checkpoint: borrowing CheckpointFile) throws {
    let counts = Dictionary(
      checkpoint.header.sections.map { ($0.name, $0.count) },
      uniquingKeysWith: { first, _ in first })
    // All or nothing: half of a checkpoint over the state would be worse than none.
    for section in sections where counts[section.name] != section.values.count {
      throw TrainerError(
        .badRequest,
        "section '\(section.name)' has \(counts[section.name] ?? 0) numbers, the model needs "
          + "\(section.values.count)")
    }
    for section in sections { try checkpoint.copy(section.name, into: section.values) }
    optimizer.stepCount = checkpoint.header.optimizerSteps
    previousEntropy = checkpoint.header.previousEntropy
  }
}
