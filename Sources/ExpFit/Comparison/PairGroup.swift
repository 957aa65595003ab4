/// The pairs of one size.
package struct PairGroup {
  let size: Double
  /// Value of the arm less that of the baseline, for each pair.
  private(set) var differences: [Double] = []
  private(set) var armValues: [Double] = []
  private(set) var baselineValues: [Double] = []
  /// Squared standard errors of the differences by the evaluation of the curves alone.
  private(set) var variances: [Double?] = []

  package init(size: Double) { self.size = size }

  package mutating func add(arm: Double, baseline: Double, variance: Double? = nil) {
    differences.append(arm - baseline)
    armValues.append(arm)
    baselineValues.append(baseline)
    variances.append(variance)
  }

  var mean: Double { differences.reduce(0, +) / Double(differences.count) }

  /// Squares of the differences around their mean.
  var sumSquares: Double { PairGroup.squares(differences) }

  static func squares(_ values: [Double]) -> Double {
    let mean = values.reduce(0, +) / Double(max(1, values.count))
    return values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
  }
}
