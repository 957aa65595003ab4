internal import ExpCore
internal import ExpSpec

/// An expansion in progress: walks the product, resolves, leaves out, and keeps each configuration once.
struct PlanExpansion {
  private typealias Setting = ExperimentSpec.Setting
  private typealias Predicate = ((String) -> JSONValue?) -> Bool

  /// Further problems are not collected: every point of a large grid may have its own.
  private static let mostProblems = 1000

  private let spec: ExperimentSpec
  /// For each axis, what each of its values sets.
  private let choices: [[[Setting]]]
  private let isExcluded: [Predicate]
  private let isHeldOut: [Predicate]

  private var arithmetic: PlanArithmetic
  private var points: [PlannedPoint] = []
  private var positions: [ContentHash: Int] = [:]
  private var sections = SectionTexts()
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
    var counter = [Int](repeating: 0, count: choices.count)
    for _ in 0..<arithmetic.product {
      var assignment: [Setting] = []
      for (axis, value) in counter.enumerated() { assignment += choices[axis][value] }
      consider(assignment, isIncluded: false)
      for axis in counter.indices.reversed() {
        counter[axis] += 1
        guard counter[axis] == choices[axis].count else { break }
        counter[axis] = 0
      }
    }
    for assignment in spec.include {
      arithmetic.included += 1
      consider(assignment, isIncluded: true)
    }
  }

  private mutating func consider(_ assignment: [Setting], isIncluded: Bool) {
    let resolution = spec.resolution(of: assignment)
    if !isIncluded, isExcluded.contains(where: { $0(resolution.lookup) }) {
      arithmetic.excluded += 1
      return
    }
    for problem in resolution.problems { note(problem) }
    guard resolution.isValid else { return }
    let heldOut = isHeldOut.contains { $0(resolution.lookup) }
    let document = sections.intern(resolution.config)
    if let known = positions[document.hash] {
      arithmetic.duplicates += 1
      points[known].heldOut = points[known].heldOut || heldOut
      return
    }
    positions[document.hash] = points.count
    points.append(point(assignment, document, heldOut: heldOut))
  }

  private mutating func note(_ problem: Diagnostic) {
    hasErrors = hasErrors || problem.severity == .error
    guard problems.count < PlanExpansion.mostProblems, seenProblems.insert(problem).inserted
    else { return }
    problems.append(problem)
  }

  private func point(
    _ assignment: [Setting], _ document: SectionTexts.Document, heldOut: Bool
  ) -> PlannedPoint {
    let config = document.config
    let params = config[path: "model.params"]?.integer ?? 0
    return PlannedPoint(
      index: points.count, label: "",
      assignment: assignment.map { .init(path: $0.path, value: $0.value) }, config: config,
      configHash: document.hash, baseConfig: document.base, baseHash: document.baseHash,
      heldOut: heldOut, modelParams: params,
      sizeLabel: ModelShape.sizeLabel(of: config[path: "model"], params: params),
      seed: config[path: "seed"]?.integer ?? 0)
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
    var ordered = points.filter { !$0.heldOut } + points.filter(\.heldOut)
    let paths = choices.compactMap(\.first).joined().map(\.path)
    let named = PointLabels(paths: paths + spec.include.joined().map(\.path))
    let labels = named.labels(of: ordered)
    for index in ordered.indices {
      ordered[index].index = index
      ordered[index].label = labels[index]
    }
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
