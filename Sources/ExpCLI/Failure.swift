internal import ArgumentParser
internal import ExpCore

/// The exit codes of `exp`, all in one place.
enum ExitStatus {
  /// The work failed.
  static let failed = ExitCode(1)
  /// Some runs of a sweep failed.
  static let someRunsFailed = ExitCode(3)
  /// The command or the spec is wrong.
  static let usage = ExitCode(64)
  /// Stopped, and can go on; or held by another sweep.
  static let canGoOn = ExitCode(75)
}

/// Ends a command with words for people and an exit code.
struct Failure: Error {
  /// What happened, what was expected, how to mend it.
  let message: String
  /// The code to leave with.
  let code: ExitCode

  init(_ message: String, code: ExitCode = ExitStatus.failed) {
    self.message = message
    self.code = code
  }
}

/// Runs a command's body; whatever it throws becomes one message on standard error and an exit code.
func reportingFailures(_ body: () throws -> Void) throws {
  do {
    try body()
  } catch let failure as Failure {
    Terminal.message("exp: \(failure.message)")
    throw failure.code
  } catch let code as ExitCode {
    throw code
  } catch {
    Terminal.message("exp: \(error)")
    throw ExitStatus.failed
  }
}

/// Shows problems of an input; with more than 50 the rest is counted.
func show(_ diagnostics: [Diagnostic]) {
  // The 51st is a count of those that a reader of files has left out.
  let shown = diagnostics.prefix(diagnostics.count == 51 ? 51 : 50)
  for diagnostic in shown { Terminal.message(diagnostic.rendered) }
  if diagnostics.count > shown.count {
    Terminal.message("… and \(diagnostics.count - shown.count) more problems")
  }
}
