internal import TrainerProtocol

/// The frozen policy that a KL term pulls towards: the base policy.
final class ReferencePolicy {
  private let pass: TrainingPass
  private let config: TrainConfig

  init(_ model: PolicyModel, config: TrainConfig, contextLength: Int) throws {
    self.config = config
    let sequences = min(config.microBatchSize, config.promptsPerStep * config.samplesPerPrompt)
    pass = TrainingPass(model: model, tokenCapacity: sequences * contextLength)
  }

  /// Floating-point operations since it was last set to 0.
  var floatingPointOperations: Double {
    get { pass.floatingPointOperations }
    set { pass.floatingPointOperations = newValue }
  }

  /// Log-probability of each token of the batch, at the training temperature.
  func logProbs(_ batch: PolicyBatch, _ shouldStop: () -> Bool) throws -> [Double] {
    var result: [Double] = []
    for start in stride(from: 0, to: batch.rows.count, by: config.microBatchSize) {
      if shouldStop() { throw StopRequested() }
      let rows = start..<min(start + config.microBatchSize, batch.rows.count)
      pass.forward(batch.packed(rows), temperature: config.temperature)
      result.append(contentsOf: pass.logProbs.map(Double.init))
    }
    return result
  }
}
