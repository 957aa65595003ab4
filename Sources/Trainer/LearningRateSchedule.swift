internal import Glibc
package import TrainerProtocol

/// Linear warm-up to a peak, then a cosine to a fraction of it at the last step.
package struct LearningRateSchedule: Sendable {
  private let config: BaseConfig

  /// Takes the base stage's settings.
  package init(_ config: BaseConfig) { self.config = config }

  /// Returns the learning rate of step 1...`steps`.
  package func value(at step: Int) -> Double {
    if step <= config.warmupSteps {
      return config.learningRate * Double(step) / Double(config.warmupSteps)
    }
    let progress =
      Double(step - config.warmupSteps) / Double(max(config.steps - config.warmupSteps, 1))
    let floor = config.finalLearningRateFraction
    return config.learningRate * (floor + (1 - floor) * (1 + cos(.pi * min(progress, 1))) / 2)
  }
}
