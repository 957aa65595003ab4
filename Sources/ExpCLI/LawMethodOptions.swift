internal import ArgumentParser
internal import ExpFit

/// How each run's law is fitted, as options.
struct LawMethodOptions: ParsableArguments {
  @Option(help: "What chooses a and b: least_squares, gls, huber or binomial.")
  var estimator = LawMethod.standard.estimator.rawValue
  @Option(help: "What their errors allow for: autoregressive, hac, bootstrap or independent.")
  var errors = LawMethod.standard.errors.rawValue

  func method() throws -> LawMethod {
    do {
      return try LawMethod(estimator: estimator, errors: errors)
    } catch {
      throw Failure(error.reason, code: ExitStatus.usage)
    }
  }
}
