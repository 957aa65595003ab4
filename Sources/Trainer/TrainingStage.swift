package import TrainerProtocol

/// A stage of training as the loop sees it: numbered steps, each a pure function of its number and the state before it.
package protocol TrainingStage: AnyObject {
  /// Steps in all.
  var totalSteps: Int { get }
  /// What steps change.
  var state: TrainableState { get }
  /// What each recorded series is an average of, and over what.
  var definitions: [String: String] { get }
  /// Whether a step has values to record; step 0 is the state before any step.
  func isRecorded(_ step: Int) -> Bool
  /// Sets the state that step 1 starts from.
  func start() throws
  /// Returns what is measured before any step; called only where step 0 is recorded.
  func measureStart() throws -> StepRecord
  /// Does a step.
  ///
  /// - Throws: `StopRequested` with the state as it was before the step.
  func advance(to step: Int) throws -> StepRecord
}

/// What a step leaves behind.
package struct StepRecord: Sendable {
  /// Values by name; empty where the step is not recorded.
  package var values: [String: Double] = [:]
  /// Answers of an evaluation that are kept.
  package var samples: [SampleRecord] = []
  /// Something for people to read.
  package var messages: [String] = []

  /// Makes an empty record.
  package init() {}
}
