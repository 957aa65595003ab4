/// How an algorithm spreads the rewards of whole answers over their tokens.
package protocol TokenCredit: AnyObject {
  /// Models that learn beside the policy.
  var companions: [NamedModel] { get }
  /// Floating-point operations of those models since it was last set to 0.
  var floatingPointOperations: Double { get set }
  /// Takes the run's state, in which whatever lasts from step to step lives.
  func attach(_ state: TrainableState)
  /// Returns an advantage for every token of a batch; `problems` are the step's, by group.
  func advantages(
    _ batch: PolicyBatch, problems: [Problem], step: Int, into record: inout StepRecord
  ) throws -> [Double]
  /// Lets its models learn from the batch, after it has been credited.
  func learn(from batch: PolicyBatch, step: Int, into record: inout StepRecord) throws
}

extension TokenCredit {
  package var companions: [NamedModel] { [] }
  package var floatingPointOperations: Double {
    get { 0 }
    set { precondition(newValue == 0, "a credit without a model has no operations") }
  }
  package func attach(_ state: TrainableState) {}
  package func learn(from batch: PolicyBatch, step: Int, into record: inout StepRecord) throws {}
}
