internal import Glibc

/// The variances of sizes, base policies and runs around two columns over sizes, by restricted
/// likelihood, none below 0.
///
/// Fisher scoring on the variances that are free: one at 0 stays there while the likelihood falls
/// in it, and every step is halved until the likelihood rises.
struct VarianceComponents: Sendable, Hashable {
  /// The variances; 0 for those that the design does not tell apart.
  let values: Components
  /// Covariance of the estimates that are above 0: twice the inverse of tr(P Di P Dj); 0 for others.
  let covariance: [[Double]]

  private static let iterationLimit = 200

  /// Estimates from values and known variances in order of the nesting.
  ///
  /// Without a start the search begins at equal shares of the values' spread.
  init(
    nesting: RunNesting, basis: SizeBasis, values: [Double], known: [Double],
    start: Components? = nil
  ) {
    let free = nesting.estimable
    func likelihood(_ at: Components) -> NestedLikelihood {
      NestedLikelihood(
        NestedCovariance(at, nesting: nesting, known: known), basis: basis, values: values)
    }
    var current = start ?? VarianceComponents.start(free, values: values)
    var state = likelihood(current)
    for _ in 0..<VarianceComponents.iterationLimit {
      let step = VarianceComponents.step(from: current, state, free: free)
      guard let next = VarianceComponents.search(from: current, state, step, likelihood) else {
        break
      }
      let change = zip(current.list, next.at.list).reduce(0) { max($0, abs($1.0 - $1.1)) }
      let size = next.at.list.reduce(0, max)
      (current, state) = (next.at, next.state)
      if change <= 1e-10 * size || change == 0 { break }
    }
    self.values = current
    covariance = VarianceComponents.covariance(of: current, state.information)
  }

  /// What estimates of these variances would be known to under a design.
  init(
    _ components: Components, nesting: RunNesting, basis: SizeBasis, known: [Double]
  ) {
    let state = NestedLikelihood(
      NestedCovariance(components, nesting: nesting, known: known), basis: basis, values: nil)
    values = components
    covariance = VarianceComponents.covariance(of: components, state.information)
  }

  private static func covariance(of components: Components, _ information: [[Double]]) -> [[Double]]
  {
    let list = components.list
    let active = list.indices.filter { list[$0] > 0 }
    var result = [[Double]](repeating: [0, 0, 0], count: 3)
    for column in active {
      let unit = active.map { $0 == column ? 2.0 : 0.0 }
      let block = active.map { row in active.map { information[row][$0] } }
      guard let solved = solve(block, unit) else { continue }
      for (index, row) in active.enumerated() { result[row][column] = solved[index] }
    }
    return result
  }

  private static func start(_ free: ComponentSet, values: [Double]) -> Components {
    let mean = values.reduce(0, +) / Double(max(values.count, 1))
    let spread =
      values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(max(values.count, 1))
    return free.map { $0 ? spread / 8 + 1e-12 : 0 }
  }

  /// The scoring step; variances at 0 that would go below stay out of it.
  private static func step(
    from current: Components, _ state: NestedLikelihood, free: ComponentSet
  ) -> [Double] {
    let (at, gradient, isFree) = (current.list, state.gradient.list, free.list)
    var active = (0..<3).filter { isFree[$0] && (at[$0] > 0 || gradient[$0] < 0) }
    while !active.isEmpty {
      let block = active.map { row in active.map { state.information[row][$0] } }
      let right = active.map { -gradient[$0] }
      let direct = active.indices.map { right[$0] / max(block[$0][$0], 1e-300) }
      let solved = solve(block, right) ?? direct
      let leaving = active.indices.first { at[active[$0]] == 0 && solved[$0] < 0 }
      if let leaving {
        active.remove(at: leaving)
        continue
      }
      var result = [0.0, 0, 0]
      for (index, place) in active.enumerated() { result[place] = solved[index] }
      return result
    }
    return [0, 0, 0]
  }

  /// The longest of a step and its halves, cut off at 0, that lowers the deviance; nil for none.
  private static func search(
    from current: Components, _ state: NestedLikelihood, _ step: [Double],
    _ likelihood: (Components) -> NestedLikelihood
  ) -> (at: Components, state: NestedLikelihood)? {
    guard step.contains(where: { $0 != 0 }) else { return nil }
    var share = 1.0
    for _ in 0..<40 {
      let at = Components(
        list: zip(current.list, step).map { max(0, $0 + share * $1) })
      let next = likelihood(at)
      if next.deviance <= state.deviance { return at == current ? nil : (at, next) }
      share /= 2
    }
    return nil
  }

  /// Solves a symmetric positive definite system of at most 3 rows; nil where it is singular.
  static func solve(_ matrix: [[Double]], _ right: [Double]) -> [Double]? {
    var (rows, result) = (matrix, right)
    let count = right.count
    for pivot in 0..<count {
      guard rows[pivot][pivot] > 1e-13 * matrix[pivot][pivot] else { return nil }
      for row in (pivot + 1)..<max(count, pivot + 1) {
        let factor = rows[row][pivot] / rows[pivot][pivot]
        for column in pivot..<count { rows[row][column] -= factor * rows[pivot][column] }
        result[row] -= factor * result[pivot]
      }
    }
    for row in (0..<count).reversed() {
      for column in (row + 1)..<max(count, row + 1) {
        result[row] -= rows[row][column] * result[column]
      }
      result[row] /= rows[row][row]
    }
    return result.allSatisfy(\.isFinite) ? result : nil
  }
}
