/// A run's numbers with its size and base policy: what the second stage takes.
package struct RunNumbers: Sendable, Hashable {
  /// Non-embedding parameters N.
  package var size: Double
  /// Seed of the base policy; runs of one size without one share a base.
  package var baseSeed: Int?
  package var a: Double
  package var b: Double
  package var ceiling: Double
  package var aStandardError: Double
  package var bStandardError: Double
  package var ceilingStandardError: Double

  package init(
    size: Double, baseSeed: Int? = nil, a: Double, b: Double, ceiling: Double,
    aStandardError: Double, bStandardError: Double, ceilingStandardError: Double
  ) {
    (self.size, self.baseSeed) = (size, baseSeed)
    (self.a, self.b, self.ceiling) = (a, b, ceiling)
    self.aStandardError = aStandardError
    self.bStandardError = bStandardError
    self.ceilingStandardError = ceilingStandardError
  }
}

/// A run's fit with its size.
struct RunLaw {
  let size: Double
  let law: LawFit

  var numbers: LawNumbers { LawNumbers(a: law.a, b: law.b, ceiling: law.ceiling) }
}

extension RunFit {
  /// What the second stage takes of the run; nil where it has no law.
  var numbers: RunNumbers? {
    guard let run = runLaw else { return nil }
    return RunNumbers(
      size: run.size, baseSeed: curve.baseSeed, a: run.law.a, b: run.law.b,
      ceiling: run.law.ceiling, aStandardError: run.law.aStandardError,
      bStandardError: run.law.bStandardError,
      ceilingStandardError: run.law.ceilingStandardError)
  }
}
