internal import ExpCore
internal import ExpSpec

/// An expansion in progress: walks the product, resolves, leaves out, and keeps each configuration once.
///
/// There is one of it, so that its points, of which there may be very many, are put in order and named in place.
struct PlanExpansion: ~Copyable {
  private typealias Setting = ExperimentSpec.Setting
  private typealias Predicate = ((String) -> JSONValue?) -> Bool

  /// Further problems are not collected: every point of a large grid may have its own.
  private static let mostProblems = 1000

  private let spec: ExperimentSpec
  /// For each axis, what each of its values sets.
  private let choices: [[[Setting]]]
  private let isExcluded: [Predicate]
  private let isHeldOut: [Predicate]
  private let isFirst: [Predicate]

  private var arithmetic: PlanArithmetic
  private var points: [PlannedPoint] = []
  private var positions: [ContentHash: Int] = [:]
  private var sections = SectionTexts()
  /// For each family, whether its problems were noted.
  private var isNoted: [Bool] = []
  /// Families by their place in the product of all axes but the seed's; empty where the seed has no axis of its own.
  private var families: [PointFamily?] = []
  /// The axis of the seed, where nothing but the seed itself depends on it.
  private let seedAxis: Int?
  private var problems: [Diagnostic] = []
  private var seenProblems: Set<Diagnostic>
  private var hasErrors = false

  /// Counts the combinations; too many are a problem that leaves nothing to walk through.
  init(_ spec: ExperimentSpec, reported: [Diagnostic]) {
    self.spec = spec
    seenProblems = Set(reported)
    choices =
      spec.grid.map { axis in axis.values.map { [(axis.path, $0)] } }
      + spec.zips.map(PlanExpansion.rows)
    let factors =
      spec.grid.map { PlanArithmetic.Factor(paths: [$0.path], count: $0.values.count) }
      + zip(spec.zips, choices.suffix(spec.zips.count)).map { group, rows in
        PlanArithmetic.Factor(paths: group.map(\.path), count: rows.count)
      }
    var product = 1
    for factor in factors {
      let (next, overflows) = product.multipliedReportingOverflow(by: factor.count)
      product = overflows ? .max : next
      if product > Plan.largestProduct { break }
    }
    arithmetic = PlanArithmetic(factors: factors, product: product)
    isExcluded = spec.exclude.map { $0.predicate() }
    isHeldOut = spec.holdOut.map { $0.predicate() }
    isFirst = spec.first.map { $0.predicate() }
    let isSeedRead = spec.when.contains { rule in
      rule.condition.keys.contains("seed") || rule.settings.contains { $0.path == "seed" }
    }
    seedAxis = isSeedRead ? nil : spec.grid.firstIndex { $0.path == "seed" }
    if product > Plan.largestProduct { refuseSize() }
  }

  /// What each row of a group of axes that move together sets.
  private static func rows(of group: [ExperimentSpec.Axis]) -> [[Setting]] {
    let count = group.map(\.values.count).min() ?? 0
    return (0..<count).map { row in group.map { ($0.path, $0.values[row]) } }
  }

  private mutating func refuseSize() {
    let sizes = arithmetic.factors.map { "\($0.count) \($0.paths.joined(separator: " with "))" }
    note(
      Diagnostic(
        .error,
        "the grid has more than \(Plan.largestProduct) combinations: "
          + sizes.joined(separator: " × "),
        help: "split the experiment, or give fewer values"))
  }

  /// Walks through all combinations, then the inclusions.
  mutating func run() {
    guard arithmetic.product <= Plan.largestProduct else { return }
    points.reserveCapacity(arithmetic.product)
    positions.reserveCapacity(arithmetic.product)
    if let seedAxis {
      families = Array(repeating: nil, count: arithmetic.product / choices[seedAxis].count)
    }
    var counter = [Int](repeating: 0, count: choices.count)
    for _ in 0..<arithmetic.product {
      consider(counter)
      for axis in counter.indices.reversed() {
        counter[axis] += 1
        guard counter[axis] == choices[axis].count else { break }
        counter[axis] = 0
      }
    }
    for assignment in spec.include {
      arithmetic.included += 1
      let family = family(of: assignment)
      take(family, seed: family.firstSeed, isIncluded: true)
    }
  }

  /// Takes one combination of the axes' values; those that differ in the seed alone are resolved once.
  private mutating func consider(_ counter: [Int]) {
    guard let seedAxis else {
      let family = family(of: assignment(counter))
      return take(family, seed: family.firstSeed)
    }
    var place = 0
    for (axis, value) in counter.enumerated() where axis != seedAxis {
      place = place * choices[axis].count + value
    }
    if let known = families[place] {
      return take(known, seed: choices[seedAxis][counter[seedAxis]][0].value)
    }
    let family = family(of: assignment(counter))
    families[place] = family
    take(family, seed: family.firstSeed)
  }

  private func assignment(_ counter: [Int]) -> [Setting] {
    counter.enumerated().flatMap { axis, value in choices[axis][value] }
  }

  private mutating func family(of assignment: [Setting]) -> PointFamily {
    let resolution = spec.resolution(of: assignment)
    let family = PointFamily(
      number: isNoted.count, assignment: assignment, resolution,
      sections.template(of: resolution.config))
    isNoted.append(false)
    return family
  }

  /// Makes a point, unless it is left out, wrong, or there already.
  private mutating func take(_ family: PointFamily, seed: JSONValue, isIncluded: Bool = false) {
    func lookup(_ key: String) -> JSONValue? {
      key == "seed" ? seed : family.resolution.lookup(key)
    }
    if !isIncluded, isExcluded.contains(where: { $0(lookup) }) {
      arithmetic.excluded += 1
      return
    }
    if !isNoted[family.number] {
      isNoted[family.number] = true
      for problem in family.resolution.problems { note(problem) }
    }
    guard family.isValid else { return }
    let heldOut = isHeldOut.contains { $0(lookup) }
    let hash = family.configHash(seed: seed)
    if let known = positions[hash] {
      arithmetic.duplicates += 1
      points[known].heldOut = points[known].heldOut || heldOut
      return
    }
    positions[hash] = points.count
    points.append(
      PlannedPoint(
        family, seed: seed, configHash: hash, index: points.count, heldOut: heldOut,
        priority: isFirst.firstIndex { $0(lookup) }.map { isFirst.count - $0 } ?? 0))
  }

  private mutating func note(_ problem: Diagnostic) {
    hasErrors = hasErrors || problem.severity == .error
    guard problems.count < PlanExpansion.mostProblems, seenProblems.insert(problem).inserted
    else { return }
    problems.append(problem)
  }

  /// Puts the points in order, names them, and gathers their base policies.
  consuming func finish() -> Plan.Expansion {
    if !hasErrors, points.isEmpty {
      note(
        Diagnostic(
          .error, "no point is left: \(arithmetic.sentence)", help: "see what 'exclude' leaves out")
      )
    }
    guard !hasErrors else { return Plan.Expansion(plan: nil, diagnostics: problems) }
    arithmetic.heldOut = points.count { $0.heldOut }
    var ordered = points
    points = []
    if arithmetic.heldOut > 0 {
      ordered = ordered.filter { !$0.heldOut } + ordered.filter(\.heldOut)
    }
    for index in ordered.indices { ordered[index].index = index }
    let paths = choices.compactMap(\.first).joined().map(\.path)
    let named = PointLabels(paths: paths + spec.include.joined().map(\.path))
    let labels = named.labels(of: ordered)
    for index in ordered.indices { ordered[index].label = labels[index] }
    let plan = Plan(
      experiment: spec.name, points: ordered, arithmetic: arithmetic,
      bases: PlanExpansion.bases(of: ordered, named))
    return Plan.Expansion(plan: plan, diagnostics: problems)
  }

  private static func bases(of points: [PlannedPoint], _ names: PointLabels) -> [PlannedBase] {
    var bases: [PlannedBase] = []
    var positions: [ContentHash: Int] = [:]
    for point in points {
      if let known = positions[point.baseHash] {
        bases[known].points.append(point.index)
        continue
      }
      positions[point.baseHash] = bases.count
      bases.append(
        PlannedBase(
          label: "", config: point.baseConfig, configHash: point.baseHash,
          modelParams: point.modelParams, sizeLabel: point.sizeLabel, points: [point.index]))
    }
    let labels = names.labels(of: bases)
    for index in bases.indices { bases[index].label = labels[index] }
    return bases
  }
}
