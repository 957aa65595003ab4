package import TrainerProtocol

/// Why a trainer cannot go on: where and what, how to mend it, and the exit code that follows.
package struct TrainerError: Error, Sendable, CustomStringConvertible {
  /// What the process exits with; the scheduler decides by it whether another attempt makes sense.
  package let exit: TrainerExit
  /// What is wrong, in one clause, names quoted, the place first.
  package let message: String
  /// How to mend it.
  package let mend: String?

  /// Makes an error.
  package init(_ exit: TrainerExit, _ message: String, mend: String? = nil) {
    self.exit = exit
    self.message = message
    self.mend = mend
  }

  /// The words for a terminal.
  package var description: String {
    mend.map { "\(message)\n  help: \($0)" } ?? message
  }
}
