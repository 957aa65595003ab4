internal import ExpFit

/// How often the intervals of one method held the truth.
struct Tally {
  private(set) var sets = 0
  /// Of a, b and the ceiling.
  private(set) var covered = [0, 0, 0]
  private(set) var ceilingWidth = 0.0
  /// Sets with a warning of few degrees of freedom.
  private(set) var warned = 0
  /// Sets with a warning that the first points are off the law, which here they never are.
  private(set) var firstPoints = 0

  /// Sets with a warning of correlation over longer distances.
  private(set) var slow = 0

  mutating func add(_ fit: LawFit) {
    add(fit.aInterval, fit.bInterval, fit.ceilingInterval)
    if fit.warnings.contains(where: { $0.kind == .fewDegreesOfFreedom }) { warned += 1 }
    if fit.warnings.contains(where: { $0.kind == .firstPoints }) { firstPoints += 1 }
    if fit.warnings.contains(where: { $0.kind == .slowCorrelation }) { slow += 1 }
  }

  mutating func add(_ bootstrap: LawBootstrap) {
    add(bootstrap.aInterval, bootstrap.bInterval, bootstrap.ceilingInterval)
  }

  private mutating func add(_ a: Interval, _ b: Interval, _ ceiling: Interval) {
    sets += 1
    if a.contains(Simulation.a) { covered[0] += 1 }
    if b.contains(Simulation.b) { covered[1] += 1 }
    if ceiling.contains(Simulation.ceiling) { covered[2] += 1 }
    ceilingWidth += ceiling.width
  }

  func share(_ count: Int) -> Double { 100 * Double(count) / Double(max(1, sets)) }
}

/// One row of the tables: a length and a correlation, with every method's tally.
struct CoverageRow {
  static let setCount = 2000
  static let bootstrapSetCount = 200
  static let resampleCount = 399

  let simulation: Simulation
  let tallies: [Tally]
  let bootstrap: Tally

  init(_ simulation: Simulation, methods: [LawMethod], seed: UInt64) {
    self.simulation = simulation
    var noise = Noise(seed: seed)
    var tallies = methods.map { _ in Tally() }
    var bootstrap = Tally()
    for set in 0..<CoverageRow.setCount {
      let points = simulation.points(&noise)
      for (index, method) in methods.enumerated() {
        // try?: a set without a fit is not counted, and the table says how many were.
        guard
          let fit = try? LawFit(points, method: method, promptCount: Variant.promptCount)
        else { continue }
        tallies[index].add(fit)
      }
      if set < CoverageRow.bootstrapSetCount,
        // try?: as above.
        let found = try? LawFit.bootstrapped(points, count: CoverageRow.resampleCount)
      {
        bootstrap.add(found)
      }
    }
    self.tallies = tallies
    self.bootstrap = bootstrap
  }
}
