/// What arms change in a, b and the ceiling of runs, beside what varies within arms and blocks.
///
/// Linear model y = arm + block + error at one size, both additive: residual sums of squares and
/// products with and without the arms, by orthogonal projection, so that missing runs are allowed.
/// With two arms its F is the square of the paired t.
package struct ArmVariance {
  /// A run's (or repeated runs' mean) numbers with its place.
  package struct Row {
    let arm: Int
    let block: Int
    let numbers: LawNumbers

    package init(arm: Int, block: Int, numbers: LawNumbers) {
      (self.arm, self.block, self.numbers) = (arm, block, numbers)
    }
  }

  /// Degrees of freedom of the arms and of the error.
  let arms: Double
  let error: Double
  /// Sums of squares and products of a, b and ceiling that arms explain, in this order.
  let explained: [[Double]]
  /// Those that are left.
  let residual: [[Double]]
  /// For each arm that has runs, its share of the ceiling's squares that are left, and of the runs.
  private let shares: [(arm: Int, squares: Double, runs: Double)]

  /// nil where blocks connect no two arms.
  package init?(_ rows: [Row]) {
    let y = [rows.map(\.numbers.a), rows.map(\.numbers.b), rows.map(\.numbers.ceiling)]
    var basis = OrthogonalBasis(count: rows.count)
    for block in Set(rows.map(\.block)).sorted() {
      basis.add(rows.map { $0.block == block ? 1 : 0 })
    }
    let reduced = y.map { basis.residual($0) }
    let blockRank = basis.rank
    for arm in Set(rows.map(\.arm)).sorted() { basis.add(rows.map { $0.arm == arm ? 1 : 0 }) }
    let full = reduced.map { basis.residual($0) }
    guard basis.rank > blockRank else { return nil }
    arms = Double(basis.rank - blockRank)
    error = Double(rows.count - basis.rank)
    let total = ArmVariance.products(reduced)
    let rest = ArmVariance.products(full)
    residual = rest
    shares = Set(rows.map(\.arm)).sorted().map { arm in
      let own = rows.indices.filter { rows[$0].arm == arm }
      let squares = own.reduce(0) { $0 + full[2][$1] * full[2][$1] }
      return (arm, squares / rest[2][2], Double(own.count) / Double(rows.count))
    }
    explained = total.indices.map { row in
      total.indices.map { total[row][$0] - rest[row][$0] }
    }
  }

  /// The F test of one number: 0 for a, 1 for b, 2 for the ceiling.
  package func test(of number: Int) -> EffectTest? {
    guard error >= 1, residual[number][number] > 0 else { return nil }
    let f = (max(0, explained[number][number]) / arms) / (residual[number][number] / error)
    return EffectTest(f: f, numerator: arms, denominator: error)
  }

  /// Wilks' test of a and b together (1932): Λ = |E| / |H + E|, whose F is exact for two numbers
  /// (Rao 1951); with two arms it is Hotelling's T².
  ///
  /// Computed from a and the ceiling, which span the same space and are less alike than a and b.
  package var joint: EffectTest? {
    guard let total = determinant(of: { explained[$0][$1] + residual[$0][$1] }),
      let rest = determinant(of: { residual[$0][$1] })
    else { return nil }
    let lambda = min(1, rest / total)
    if arms == 1 {
      return EffectTest(
        f: (1 - lambda) / lambda * (error - 1) / 2, numerator: 2, denominator: error - 1)
    }
    let root = lambda.squareRoot()
    return EffectTest(
      f: (1 - root) / root * (error - 1) / arms, numerator: 2 * arms, denominator: 2 * (error - 1))
  }

  /// Pillai's trace of a and b (1955): 0 where arms explain nothing, 1 for two arms and 2 for more
  /// where they explain everything.
  package var pillai: Double? {
    guard let total = determinant(of: { explained[$0][$1] + residual[$0][$1] }) else { return nil }
    func t(_ row: Int, _ column: Int) -> Double { explained[row][column] + residual[row][column] }
    let h = explained
    return (h[0][0] * t(2, 2) - 2 * h[0][2] * t(0, 2) + h[2][2] * t(0, 0)) / total
  }

  /// The determinant of a matrix of a and the ceiling; nil with an error of fewer than 2 degrees of
  /// freedom, and where the two move together.
  private func determinant(of entry: (Int, Int) -> Double) -> Double? {
    let determinant = entry(0, 0) * entry(2, 2) - entry(0, 2) * entry(0, 2)
    guard error >= 2, determinant > 1e-12 * entry(0, 0) * entry(2, 2) else { return nil }
    return determinant
  }

  /// Standard deviation of runs around arm and block.
  func runSpread(of number: Int) -> Double? {
    error >= 1 ? (max(0, residual[number][number]) / error).squareRoot() : nil
  }

  /// Standard deviation between arms beyond what the runs' spread makes of equal ones.
  func armSpread(of number: Int, runsPerArm: Double) -> Double? {
    guard error >= 1, runsPerArm > 0 else { return nil }
    let excess = explained[number][number] / arms - residual[number][number] / error
    return (max(0, excess) / runsPerArm).squareRoot()
  }

  /// The arm whose ceilings vary from run to run more than chance makes of equal spreads, and how
  /// many times the standard deviation of the others; nil for none, which 2 arms always have.
  ///
  /// F of its mean square over that of the others, Bonferroni over the arms; degrees of freedom by
  /// the share of runs.
  package func widestArm(alpha: Double) -> (arm: Int, ratio: Double)? {
    // Without degrees of freedom what is left is rounding.
    guard error >= 1, shares.count > 2,
      let widest = shares.max(by: { $0.squares < $1.squares })
    else { return nil }
    let own = widest.squares / widest.runs
    let others = (1 - widest.squares) / (1 - widest.runs)
    guard others > 0, own / others > 1 else { return nil }
    let p = FisherF.upperTail(own / others, error * widest.runs, error * (1 - widest.runs))
    guard p * Double(shares.count) <= alpha else { return nil }
    return (widest.arm, (own / others).squareRoot())
  }

  private static func products(_ columns: [[Double]]) -> [[Double]] {
    columns.map { left in columns.map { right in dot(left, right) } }
  }

  fileprivate static func dot(_ left: [Double], _ right: [Double]) -> Double {
    zip(left, right).reduce(0) { $0 + $1.0 * $1.1 }
  }
}

/// Orthonormal columns (modified Gram-Schmidt, each column projected twice).
private struct OrthogonalBasis {
  private let count: Int
  private var columns: [[Double]] = []
  var rank: Int { columns.count }

  init(count: Int) { self.count = count }

  /// Adds a column of ones and zeros unless the others span it.
  mutating func add(_ column: [Double]) {
    let before = ArmVariance.dot(column, column)
    let rest = residual(column)
    let after = ArmVariance.dot(rest, rest)
    guard after > 1e-12 * before else { return }
    let scale = 1 / after.squareRoot()
    columns.append(rest.map { $0 * scale })
  }

  func residual(_ values: [Double]) -> [Double] {
    var rest = values
    for _ in 0..<2 {
      for column in columns {
        let share = ArmVariance.dot(rest, column)
        for index in rest.indices { rest[index] -= share * column[index] }
      }
    }
    return rest
  }
}
