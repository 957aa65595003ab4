internal import ExpCore
internal import ExpFit
internal import ExpReport
internal import ExpStore
internal import FoundationEssentials
internal import TrainerProtocol

/// The sizes that runs could be added to, with measured costs, and the rows that a spec needs for them.
struct SuggestionPlan {
  /// Sizes of the sweep and named sizes, below the target.
  let candidates: [CandidateSize]
  /// How costs were found, in sentences.
  let costNotes: [String]

  /// What a row of `include:` says of a size.
  private var sizeKeys: [Double: String] = [:]
  private var nextSeeds: [Double: Int] = [:]

  private struct Costs {
    let run: CostCurve
    let base: CostCurve?

    /// Core-seconds of one run and of one base policy.
    func cost(of size: Double) -> (run: Double, base: Double) {
      (run.cost(at: size), base?.cost(at: size) ?? 0)
    }
  }

  /// Reads what the finished runs and bases of a sweep took: wall-clock seconds times the cores of their request.
  ///
  /// - Throws: `Failure` where no run of the sweep has finished.
  init(sweep: String, paths: RunPaths, fit: ScalingFit, target: Double) throws {
    let record = try SweepRecord.read(sweep, below: paths)
    let points = record.points.filter { !$0.heldOut }
    let costs = try SuggestionPlan.costs(of: record.points, paths: paths)
    var bases: [Double: Set<Int?>] = [:]
    for point in points {
      guard let size = point.config[path: "model.params"]?.number else { continue }
      bases[size, default: []].insert(point.config[path: "base.seed"]?.integer)
      sizeKeys[size] = SuggestionPlan.sizeKeys(of: point)
      let seed = point.config[path: "seed"]?.integer ?? 0
      let next = seed.addingReportingOverflow(1).partialValue
      nextSeeds[size] = max(nextSeeds[size] ?? 0, next)
    }
    let smallest = fit.sizes[0]
    for (name, shape) in ModelShape.named {
      let size = Double(shape.nonEmbeddingParameterCount)
      guard size >= smallest, size < target, sizeKeys[size] == nil else { continue }
      sizeKeys[size] = "model.size: \(name)"
    }
    let fitted = Set(fit.sizes)
    let heldOut = SuggestionPlan.finishedHeldOut(record, paths: paths)
    let sizes = sizeKeys.keys.filter {
      $0 != target && ($0 < target || fitted.contains($0)) && heldOut[$0] == nil
    }
    candidates = sizes.sorted().map { size in
      let known = (bases[size] ?? []).sorted { ($0 ?? .min) < ($1 ?? .min) }
      let cost = costs.cost(of: size)
      let newest = known.compactMap { $0 }.max()
      return CandidateSize(
        size: size, bases: known,
        newBase: newest.map { $0.addingReportingOverflow(1).partialValue }
          ?? (known.isEmpty ? 0 : 1),
        runCost: cost.run, baseCost: cost.base)
    }
    costNotes =
      SuggestionPlan.notes(costs, sizes: candidates.map(\.size), target: target)
      + SuggestionPlan.notes(onHeldOut: heldOut, fit: fit, target: target)
  }

  /// Held-out runs that are done, by size: as additions they cost nothing.
  private static func finishedHeldOut(
    _ record: SweepRecord, paths: RunPaths
  ) -> [Double: [RunAddition]] {
    var additions: [Double: [RunAddition]] = [:]
    for point in record.points where point.heldOut {
      guard let size = point.config[path: "model.params"]?.number,
        RunStatus.read(paths.run(point.run)).state == .succeeded
      else { continue }
      let base = point.config[path: "base.seed"]?.integer
      additions[size, default: []].append(RunAddition(size: size, base: base))
    }
    return additions
  }

  private static func notes(
    onHeldOut heldOut: [Double: [RunAddition]], fit: ScalingFit, target: Double
  ) -> [String] {
    heldOut.keys.sorted().filter { $0 != target }.compactMap { size in
      let additions = heldOut[size] ?? []
      guard let forecast = fit.expectedForecast(at: target, adding: additions) else { return nil }
      return "\(NumberText.size(size)) has \(SpecArguments.count(additions.count, "finished run")) "
        + "held out of the fit: once their prediction is settled, a spec without that 'hold_out' takes them in "
        + "at no cost; expected width then "
        + NumberText.significant(forecast.width, digits: 2)
    }
  }

  /// The rows of `include:` for the steps of a suggestion, one a run.
  func rows(for steps: [RunSuggestion.Step]) -> [String] {
    var seeds = nextSeeds
    return steps.flatMap { step in
      (0..<step.count).map { _ in
        let seed = seeds[step.size] ?? 0
        seeds[step.size] = seed.addingReportingOverflow(1).partialValue
        let base = step.base.map { ", base.seed: \($0)" } ?? ""
        return "{\(sizeKeys[step.size] ?? "")\(base), seed: \(seed)}"
      }
    }
  }

  private static func sizeKeys(of point: SweepRecord.Point) -> String {
    if let name = point.modelSize { return "model.size: \(name)" }
    return ["width", "layers", "heads", "kv_heads", "hidden"].compactMap { key in
      point.config[path: "model.\(key)"]?.integer.map { "model.\(key): \($0)" }
    }.joined(separator: ", ")
  }

  private static func costs(of points: [SweepRecord.Point], paths: RunPaths) throws -> Costs {
    var runs: [(size: Double, cost: Double)] = []
    var bases: [RunID: (size: Double, cost: Double)] = [:]
    for point in points {
      guard let size = point.config[path: "model.params"]?.number else { continue }
      if let cost = coreSeconds(paths.run(point.run)) { runs.append((size, cost)) }
      if bases[point.base] == nil, let cost = coreSeconds(paths.base(point.base)) {
        bases[point.base] = (size, cost)
      }
    }
    guard let run = CostCurve(runs) else {
      throw Failure("no run of the sweep has finished, so nobody knows what further ones cost")
    }
    return Costs(run: run, base: CostCurve(Array(bases.values)))
  }

  /// Wall-clock seconds times cores of a finished run; nil for others.
  private static func coreSeconds(_ folder: RunFolder) -> Double? {
    let status = RunStatus.read(folder)
    guard status.state == .succeeded, let result = status.result else { return nil }
    let bytes = FileManager.default.contents(atPath: folder.request) ?? Data()
    // try?: a request that cannot be read leaves the one core that is usual.
    let request = try? JSONValue(parsing: bytes)
    return result.wallSeconds * (request?[path: "compute.threads"]?.number ?? 1)
  }

  private static func notes(_ costs: Costs, sizes: [Double], target: Double) -> [String] {
    let guessed = sizes.filter { !costs.run.isMeasured($0) }
    var notes = [
      "costs: wall-clock time times cores, the median of the sweep's finished runs and base policies"
        + (guessed.isEmpty
          ? ""
          : "; for \(guessed.map { NumberText.size($0) }.joined(separator: ", ")) not measured but "
            + "taken along straight lines in log cost over log size")
    ]
    let own = costs.cost(of: target)
    notes.append(
      "running \(NumberText.size(target)) itself once would take "
        + NumberText.duration(seconds: own.run + own.base)
        + " of one core, its base policy included"
        + (costs.run.isMeasured(target) ? "" : " (not measured)"))
    return notes
  }
}
