/// What a reader has to know of a design before looking at its numbers.
struct ComparisonWarnings {
  let design: ComparisonDesign
  let runs: [MeasuredRun]
  /// What the runs are called, by id.
  let names: [String: String]

  /// Every warning, the gravest first.
  func all(_ pairs: [ArmPair]) -> [String] {
    [separated, confounded, ownSettings, definitions, repeats, sharedSeeds, bases, unknownSeeds]
      .compactMap(
        \.self)
      + plateaus(pairs)
  }

  private func name(_ id: String) -> String { names[id] ?? id }

  private var confounded: String? {
    let names = design.following + design.followingInPart
    guard !names.isEmpty else { return nil }
    return
      "arms of \(design.key) also differ in \(listText(names, limit: 40)): a difference may come "
      + "from any of these"
  }

  private var ownSettings: String? {
    guard !design.ownSettings.isEmpty else { return nil }
    return "settings that only some arms have: \(listText(design.ownSettings, limit: 8))"
  }

  private var separated: String? {
    guard !design.separations.isEmpty else { return nil }
    let words = design.separations.map { "\($0.arm) (\($0.label))" }
    return
      "without pairs, for no other arm has the same value of the key in brackets: "
      + listText(words, limit: 12)
  }

  /// Pairs of one seed that differ in another key.
  private var sharedSeeds: String? {
    guard !design.blocking.isEmpty else { return nil }
    return
      "effects are means over \(listText(design.blocking)); pairs that differ in that and share a "
      + "seed count as independent"
  }

  private var definitions: String? {
    guard design.mixesDefinitions else { return nil }
    return
      "the runs measure entropy or score in different ways; only runs that agree in this are pairs"
  }

  private var repeats: String? {
    guard !design.repeated.isEmpty else { return nil }
    let groups = design.repeated.map { $0.map(name).joined(separator: " = ") }
    return
      "runs of one arm agree in size, seed and all else, and count as one with their mean: "
      + "\(listText(groups, limit: 5)); where they differ in the seed, say so in a column 'seed'"
  }

  /// Pairs over one base policy say nothing about others.
  private var bases: String? {
    let used = design.blocks.flatMap { $0.runs.joined() }.map { runs[$0].curve }
    guard used.contains(where: { $0.baseSeed != nil }) else { return nil }
    var bases: [UInt64: Set<Int>] = [:]
    var seeds: [UInt64: Set<String>] = [:]
    for curve in used {
      let size = curve.modelParams.bitPattern
      bases[size, default: []].insert(curve.baseSeed ?? -1)
      seeds[size, default: []].insert("\(curve.baseSeed ?? -1) \(curve.seed ?? -1)")
    }
    guard bases.values.contains(where: { $0.count > 1 }) else {
      return
        "all runs of a size start from one base policy: the intervals say what another seed of the "
        + "run would change, not what another base policy would"
    }
    let nested = bases.contains { size, own in (seeds[size]?.count ?? 0) > own.count }
    return nested
      ? "pairs that start from the same base policy count as independent, so the intervals are "
        + "narrow where base policies differ" : nil
  }

  private var unknownSeeds: String? {
    let used = design.blocks.flatMap { $0.runs.joined() }.map { runs[$0].curve }
    guard !used.isEmpty, used.allSatisfy({ $0.seed == nil }) else { return nil }
    return "the data name no seeds, so runs are paired by size and the other keys alone"
  }

  /// Baselines whose entropy has not come to rest where it is taken for a plateau.
  private func plateaus(_ pairs: [ArmPair]) -> [String] {
    var moving: [String] = []
    for base in Set(pairs.map(\.baseline)).sorted() {
      for run in design.blocks.flatMap({ $0.runs[base] }) {
        guard let window = ComparisonMeasure.plateau(of: [runs[run]]) else { continue }
        let points = runs[run].curve.points.filter { $0.entropy.isFinite }
        let late = points.filter { window.contains($0.step) }
        guard let first = points.first, let start = late.first, let end = late.last,
          abs(end.entropy - start.entropy) > 0.1 * abs(end.entropy - first.entropy)
        else { continue }
        moving.append(name(runs[run].curve.id))
      }
    }
    guard !moving.isEmpty else { return [] }
    return [
      "entropy is not yet at rest over the last fifth of the steps in \(moving.count) of the "
        + "baseline's runs (it moves by more than a tenth of its whole change), so 'plateau' is "
        + "only a name there: \(listText(moving, limit: 6))"
    ]
  }
}
