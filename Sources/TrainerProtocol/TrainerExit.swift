/// The exit codes of a trainer; the scheduler decides by them what may be tried again.
public enum TrainerExit: Int32, Sendable {
  /// All steps done, `result.json` written.
  case succeeded = 0
  /// The work failed for a reason a second attempt may not meet (out of memory, disk).
  case failed = 1
  /// The request or its inputs are wrong; trying again would fail alike.
  case badRequest = 64
  /// A bug of ours.
  case internalError = 70
  /// Stopped on request or because the parent vanished; a checkpoint is written and it can go on.
  case stopped = 75
}
