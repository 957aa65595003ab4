/// How much of a run's ceiling rests on its first evaluations, which lie furthest from H = 0 and
/// pull a line the most.
public struct LawInfluence: Sendable, Hashable {
  /// The ceiling of the fit without some first points.
  public struct Deletion: Sendable, Hashable {
    /// Points left out.
    public let count: Int
    /// The ceiling without them less the ceiling with them.
    public let change: Double
    /// The change over the standard error of the whole fit's ceiling.
    public let inStandardErrors: Double
  }

  /// Without the first point; nil where the rest has no line, and where all points lie on one.
  public let first: Deletion?
  /// Without the first tenth of the points, rounded up; nil as for `first`.
  public let firstTenth: Deletion?

  /// Changes of more than this many standard errors, and of more than the ceiling's own interval,
  /// are warned about.
  ///
  /// On the law 1 run in 50 has such a change, and fewer where residuals are correlated (the last
  /// column of the first table in docs/law/run.md).
  static let limit = 2.0

  /// The deletion of the larger change.
  public var largest: Deletion? {
    [first, firstTenth].compactMap { $0 }.max { abs($0.change) < abs($1.change) }
  }

  /// Deletes from a line fitted with fixed weights, in closed form.
  init(_ line: LineDesign, standardError: Double) {
    self.init(count: line.count, standardError: line.isExact ? 0 : standardError) { count in
      line.ceilingChange(withoutFirst: count)
    }
  }

  /// Deletes by fitting the rest again with an estimator that has no closed form.
  init(
    x: [Double], y: [Double], method: LawMethod, promptCount: Int?, ceiling: Double,
    standardError: Double
  ) {
    self.init(count: x.count, standardError: standardError) { count in
      let (restX, restY) = (Array(x.dropFirst(count)), Array(y.dropFirst(count)))
      // try?: where the rest has no line there is no change to state, and the property says so.
      guard restX.count >= 3, let plain = LineDesign(x: restX, y: restY),
        let line = try? LawEstimate.line(
          plain, x: restX, y: restY, estimator: method.estimator, promptCount: promptCount)
      else { return nil }
      return line.value(at: 0) - ceiling
    }
  }

  private init(count: Int, standardError: Double, _ change: (Int) -> Double?) {
    func deletion(_ deleted: Int) -> Deletion? {
      guard count - deleted >= 3, standardError > 0, let change = change(deleted),
        change.isFinite, (change / standardError).isFinite
      else { return nil }
      return Deletion(
        count: deleted, change: change, inStandardErrors: change / standardError)
    }
    first = deletion(1)
    firstTenth = deletion((count + 9) / 10)
  }
}

extension LineDesign {
  /// What the line's value at x = 0 changes by when the first points are left out, from sums over
  /// those alone; nil where x does not move in the rest.
  fileprivate func ceilingChange(withoutFirst deleted: Int) -> Double? {
    var (w, wx, wxx, we, wxe) = (0.0, 0.0, 0.0, 0.0, 0.0)
    for index in 0..<deleted {
      let (one, x, e) = (ones[index], slopes[index], residuals[index])
      w += one * one
      wx += one * x
      wxx += x * x
      we += one * e
      wxe += x * e
    }
    // Over all points the residuals are orthogonal to both columns, so the rest has minus these.
    let rest = sumOnes - w
    let spread = sumSlopes - wxx - wx * wx / rest
    guard spread > 1e-10 * sumSlopes else { return nil }
    let turn = (-wxe - wx * we / rest) / spread
    return -we / rest + turn * (-center + wx / rest)
  }
}
