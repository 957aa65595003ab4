internal import Glibc
package import TrainerProtocol

/// The policy that KL terms and preference losses compare with: the base policy, or one that slowly follows the policy.
package final class ReferencePolicy {
  /// The reference as part of the run's state, where it moves.
  package let companions: [NamedModel]

  private let model: PolicyModel
  private let pass: TrainingPass
  /// Rewards and controls may both ask for the numbers of one step's batch.
  private var latest: (step: Int, logProbs: [Double])?
  private let config: TrainConfig

  /// Takes a model with the base policy's parameters.
  package init(_ model: PolicyModel, config: TrainConfig, contextLength: Int) {
    self.model = model
    self.config = config
    companions = config.referenceRate > 0 ? [NamedModel(name: "reference", model: model)] : []
    pass = TrainingPass(
      model: model,
      tokenCapacity: PolicyBatch.tokenCapacity(config, contextLength: contextLength))
  }

  /// Floating-point operations since it was last set to 0.
  package var floatingPointOperations: Double {
    get { pass.floatingPointOperations }
    set { pass.floatingPointOperations = newValue }
  }

  /// Returns the log-probability of each token of the batch, at the training temperature.
  package func logProbs(
    _ batch: PolicyBatch, step: Int, _ shouldStop: () -> Bool
  ) throws -> [Double] {
    if let latest, latest.step == step { return latest.logProbs }
    let pieces = batch.microBatches(0..<batch.rows.count, sequences: config.microBatchSize)
    let result = try pass.scores(
      batch, pieces, temperature: config.temperature, shouldStop
    ).logProbs
    latest = (step, result)
    return result
  }

  /// Moves the reference towards the policy: `ref = (1 - rate) ref + rate policy`; algorithms.md section 4.4.
  package func follow(_ policy: PolicyModel) {
    guard config.referenceRate > 0 else { return }
    latest = nil
    model.follow(policy, rate: Float(config.referenceRate))
  }
}
