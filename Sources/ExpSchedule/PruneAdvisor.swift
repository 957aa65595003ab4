public import ExpCore

/// A run that should be stopped for good.
public struct PruneAdvice: Sendable, Hashable {
  /// The run.
  public var run: RunID
  /// Why, for people.
  public var reason: String

  /// Makes advice.
  public init(run: RunID, reason: String) {
    self.run = run
    self.reason = reason
  }
}

/// Whoever says which runs of a sweep cannot reach the best any more; called on the thread that runs the sweep, at
/// most once a second, so it must be quick.
public protocol PruneAdvisor: AnyObject {
  /// Returns the runs to stop, as far as is known now; the same ones may be named again.
  ///
  /// - Parameter state: the state of a run at this moment; nil for an id that is none of the sweep's.
  /// - Returns: the advice, in any order.
  func advice(state: (RunID) -> RunState?) -> [PruneAdvice]
}
