internal import ExpCore

/// Resolves points to find what is wrong between keys, and settings that no point reads.
struct PointCheck {
  /// Products up to this many points are resolved whole; of larger ones, each value of each axis once.
  static let mostPoints = 2048
  /// Once so many different problems are found, no more points are resolved.
  static let mostProblems = 200

  let spec: ExperimentSpec

  /// The problems of the points.
  func problems() -> [Diagnostic] {
    var found: [Diagnostic] = []
    var seen: Set<Diagnostic> = []
    var used: Set<String> = []
    var reach = PruneReach()
    var isExcluded = [Bool](repeating: false, count: spec.exclude.count)
    var isHeldOut = [Bool](repeating: false, count: spec.holdOut.count)
    var isFirst = [Bool](repeating: false, count: spec.first.count)
    let excludes = spec.exclude.map { $0.predicate() }
    let holdOuts = spec.holdOut.map { $0.predicate() }
    let firsts = spec.first.map { $0.predicate() }
    let (assignments, isWhole) = assignments()
    for (assignment, isRow) in assignments + spec.include.map({ ($0, true) }) {
      let point = spec.resolution(of: assignment)
      let hits = isRow ? [] : excludes.indices.filter { excludes[$0](point.lookup) }
      for hit in hits { isExcluded[hit] = true }
      guard hits.isEmpty else { continue }
      let holders = holdOuts.indices.filter { holdOuts[$0](point.lookup) }
      for index in holders { isHeldOut[index] = true }
      for index in firsts.indices where firsts[index](point.lookup) { isFirst[index] = true }
      if let prune = spec.prune, holders.isEmpty { reach.add(point, prune) }
      used.formUnion(point.usedPaths)
      for problem in point.problems where seen.insert(problem).inserted { found.append(problem) }
      if found.count >= PointCheck.mostProblems { break }
    }
    let hasErrors = found.contains { $0.severity == .error }
    guard isWhole, !hasErrors else { return found }
    return found + unused(used) + unmet(isExcluded, spec.excludePlaces, "exclude")
      + unmet(isHeldOut, spec.holdOutPlaces, "hold_out")
      + unmet(isFirst, spec.firstPlaces, "first") + idlePruning(reach)
  }

  /// The product where it is small, else every value of every axis beside the first values of the others.
  private func assignments() -> (list: [([ExperimentSpec.Setting], Bool)], isWhole: Bool) {
    let dimensions = spec.dimensions
    var points = 1
    for dimension in dimensions {
      let (product, overflow) = points.multipliedReportingOverflow(by: dimension.count)
      points = overflow ? Int.max : product
      if points > PointCheck.mostPoints { break }
    }
    var indices: [[Int]] = []
    if points <= PointCheck.mostPoints {
      for point in 0..<points {
        var rest = point
        indices.append(
          dimensions.map { dimension in
            defer { rest /= dimension.count }
            return rest % dimension.count
          })
      }
    } else {
      let first = [Int](repeating: 0, count: dimensions.count)
      indices.append(first)
      for (dimension, axes) in dimensions.enumerated() {
        for value in 1..<max(2, min(axes.count, PointCheck.mostPoints)) where value < axes.count {
          var point = first
          point[dimension] = value
          indices.append(point)
        }
      }
    }
    let list = indices.map { indices in
      zip(dimensions, indices).flatMap { dimension, index in
        dimension.axes.map { (path: $0.path, value: $0.values[index]) }
      }
    }
    return (list.map { ($0, false) }, points <= PointCheck.mostPoints)
  }

  /// Warnings for what was written and is read by no point.
  private func unused(_ used: Set<String>) -> [Diagnostic] {
    Resolver.conditionalPaths.filter { !used.contains($0) }.flatMap { path in
      places(of: path).map { place in
        spec.excerpted(
          Diagnostic(
            .warning, at: place,
            "'\(path)' has no effect: \(reader(of: path))",
            help: "remove it"))
      }
    }
  }

  private func reader(of path: String) -> String {
    if let family = SpecSchema.taskFamily(of: path) {
      return spec.tasks.contains(family)
        ? SpecSchema.ignoredTaskKeys[path] ?? "no point reads it"
        : "only the task \(family) reads it"
    }
    guard let setting = AlgorithmSettings.setting(path) else { return "nothing reads it" }
    let owners = setting.owners
    let isOwned = spec.algorithms.contains { setting.defaults[$0] != nil }
    guard isOwned else {
      return "only \(owners.joined(separator: ", ")) \(owners.count == 1 ? "reads" : "read") it"
    }
    let switched = AlgorithmSettings.switches.first { $0.keys.contains(setting.key.name) }
    return switched?.reason ?? EntropyControl.replacement(of: setting.key.name)
      ?? "no point reads it"
  }

  private func places(of path: String) -> [SourceLocation] {
    let axes = (spec.grid + spec.zips.flatMap { $0 }).filter { $0.path == path }
    let rows = spec.includePlaces.compactMap { $0[path] }
    let rules = spec.when.compactMap { $0.settingPlaces[path] }
    return [spec.places[path]].compactMap { $0 } + axes.map(\.place) + rows + rules
  }

  /// A warning where no point could ever be pruned.
  private func idlePruning(_ reach: PruneReach) -> [Diagnostic] {
    guard let prune = spec.prune, let place = spec.prunePlace,
      let words = reach.reasonForNone(prune)
    else { return [] }
    return [
      spec.excerpted(
        Diagnostic(.warning, at: place, "'prune' never stops anything: \(words.0)", help: words.1))
    ]
  }

  private func unmet(
    _ met: [Bool], _ places: [SourceLocation], _ key: String
  ) -> [Diagnostic] {
    zip(met, places).filter { !$0.0 }.map { _, place in
      spec.excerpted(Diagnostic(.warning, at: place, "this '\(key)' matches no point"))
    }
  }
}

extension ExperimentSpec {
  /// What is counted on its own in the product: an axis of the grid, or a group that moves together.
  struct Dimension {
    var axes: [Axis]
    var count: Int { axes.first?.values.count ?? 1 }
  }

  /// Every algorithm that the document, an axis, a rule or a row names.
  fileprivate var algorithms: Set<String> { names(at: "train.algorithm") }

  /// Every task family that the document, an axis, a rule or a row names.
  fileprivate var tasks: Set<String> { names(at: "task.name") }

  private func names(at path: String) -> Set<String> {
    let axes = (grid + zips.flatMap { $0 }).filter { $0.path == path }.flatMap(\.values)
    let rows = (include + when.map(\.settings)).flatMap { $0 }.filter { $0.path == path }
    let values = [document[path: path]].compactMap { $0 } + axes + rows.map(\.value)
    return Set(values.compactMap(\.string))
  }

  /// The product's dimensions.
  var dimensions: [Dimension] {
    grid.map { Dimension(axes: [$0]) } + zips.filter { !$0.isEmpty }.map { Dimension(axes: $0) }
  }

  /// A problem with the notes and the excerpt of its place.
  func excerpted(_ diagnostic: Diagnostic) -> Diagnostic {
    var problems = origin
    problems.add(diagnostic)
    return problems.sorted().first ?? diagnostic
  }
}
