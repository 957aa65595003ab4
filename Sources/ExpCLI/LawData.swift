internal import ExpCore
internal import ExpFit
internal import ExpReport
internal import ExpStore
internal import Glibc
internal import TrainerProtocol

/// The curves of a sweep, taken from its run folders, with what people call them.
struct LawData {
  /// A curve for every finished run that has measured anything.
  let curves: [Curve]
  /// Runs that have not ended well, with their curves so far; empty where nobody asked for them.
  let unfinished: [UnfinishedCurve]
  /// Labels by run id.
  let labels: [String: String]
  /// Points of the plan without a finished run, in words, held-out ones aside.
  let notes: [String]
  /// The same of held-out points.
  let heldOutNotes: [String]
  /// When the first run of each held-out size began, UTC, by parameter count.
  let heldOutStarts: [Double: String]

  /// A run that has not ended well.
  struct UnfinishedCurve {
    let curve: Curve
    let state: String
    let step: Int
    let plannedSteps: Int?
  }

  /// Reads the curves of a sweep.
  ///
  /// Points for which `condition` does not hold are not looked at. Only finished runs are in `curves`; every other one is named in `notes` with its state and the steps it reached,
  /// so that nothing is dropped in silence.
  init(
    sweep name: String, paths: RunPaths, pairing: LawPairing = .validation,
    includingUnfinished: Bool = false, where condition: RunCondition? = nil
  ) throws {
    try self.init(
      of: LawData.record(of: name, paths: paths), paths: paths, pairing: pairing,
      includingUnfinished: includingUnfinished, where: condition)
  }

  /// Reads the curves of a plan that is in memory already.
  init(
    of record: SweepRecord, paths: RunPaths, pairing: LawPairing = .validation,
    includingUnfinished: Bool = false, where condition: RunCondition? = nil
  ) throws {
    let points = try condition?.select(record.points) ?? record.points
    var curves: [Curve] = []
    var unfinished: [UnfinishedCurve] = []
    var labels: [String: String] = [:]
    var notes: [Bool: [String]] = [:]
    var starts: [Double: String] = [:]
    var kernels: [String: Int] = [:]
    let keys = LawData.labelKeys(of: points.map(\.config))
    for point in points {
      let folder = paths.run(point.run)
      let status = RunStatus.read(folder)
      labels[point.run.text] = point.label
      let log = access(folder.events, F_OK) == 0 ? try RunLog.read(folder.events) : nil
      if point.heldOut, let start = log?.attempts.first?.startedAt,
        let size = point.config[path: "model.params"]?.number
      {
        starts[size] = min(starts[size] ?? start, start)
      }
      let builder = LawCurve(point: point, pairing: pairing, labelKeys: keys)
      guard status.state == .succeeded, let result = status.result else {
        let partial = UnfinishedCurve(
          curve: builder.curve(log?.table, definitions: [:]), state: status.state.rawValue,
          step: log?.table.steps.last ?? 0,
          plannedSteps: point.config[path: "train.steps"]?.integer)
        let isShown = includingUnfinished && !partial.curve.points.isEmpty
        if isShown { unfinished.append(partial) }
        notes[point.heldOut, default: []].append(
          LawData.words(on: point, partial, reason: status.reason, isShown: isShown))
        continue
      }
      if let compute = log?.attempts.last?.compute {
        kernels[compute.usesGPU ? compute.kernelSet : "the processor", default: 0] += 1
      }
      let table = log?.table ?? MetricTable(steps: [], columns: [])
      curves.append(builder.curve(table, definitions: result.definitions))
      if let words = LawData.idleness(table, of: result.steps) {
        notes[point.heldOut, default: []].append("\(point.label) (\(point.run)) \(words)")
      }
    }
    self.curves = curves
    self.unfinished = unfinished
    self.labels = labels
    let chosen = condition.map {
      "--where '\($0.text)' holds for \(points.count) of \(record.points.count) points; only these are read"
    }
    self.notes = [chosen, LawData.mixture(kernels)].compactMap { $0 } + (notes[false] ?? [])
    heldOutNotes = notes[true] ?? []
    heldOutStarts = starts
  }

  /// What is said where some runs were computed by a GPU, or by other kernels of one, than others.
  private static func mixture(_ kernels: [String: Int]) -> String? {
    guard kernels.count > 1 else { return nil }
    let counts = kernels.sorted { $0.key < $1.key }.map { "\($0.value) by \($0.key)" }
    return "these runs were computed by different kernels, which round differently: "
      + counts.joined(separator: ", ")
  }

  private static func record(of name: String, paths: RunPaths) throws -> SweepRecord {
    do {
      return try SweepRecord.read(name, below: paths)
    } catch {
      guard error.code == .notFound else { throw error }
      throw Failure(
        "there is no sweep '\(name)' below '\(paths.root)'; 'exp runs' shows what is there",
        code: ExitStatus.usage)
    }
  }

  /// The keys in which the points of a sweep differ, seeds and the parts of a size aside.
  private static func labelKeys(of configs: [JSONValue]) -> [String] {
    var first: [String: JSONValue] = [:]
    var varying: Set<String> = ["train.algorithm"]
    for (index, config) in configs.enumerated() {
      let leaves = config.flattened()
      for (path, value) in leaves {
        if index == 0 {
          first[path] = value
        } else if first[path] != value {
          varying.insert(path)
        }
      }
    }
    return varying.filter { !$0.hasSuffix("seed") && !$0.hasPrefix("model.") }.sorted()
  }

  private static func words(
    on point: SweepRecord.Point, _ partial: UnfinishedCurve, reason: String?, isShown: Bool
  ) -> String {
    let planned = partial.plannedSteps.map { " of \($0)" } ?? ""
    let progress = partial.step > 0 ? " after \(partial.step)\(planned) steps" : ""
    let why = reason.map { " (\($0))" } ?? ""
    let fate =
      isShown ? "its curve so far is fitted by itself, and is in no fit across runs" : "left out"
    return "\(point.label) (\(point.run)) is \(partial.state)\(progress)\(why): \(fate)"
  }

  /// What is to be said of a run whose policy was left alone at more than half of its steps; nil for others.
  private static func idleness(_ table: MetricTable, of steps: Int) -> String? {
    let updates = table.points(of: "updates")
    let updated = updates.count { $0.value > 0 }
    guard !updates.isEmpty, 2 * updated < steps else { return nil }
    return
      "was updated at \(updated) of \(steps) steps only: what its curve shows is mostly not learning"
  }

  /// Fits everything.
  func fit(level: Double, method: LawMethod = .standard) -> SweepFit {
    SweepFit(curves, level: level, method: method)
  }

  /// Fits what a prediction of held-out sizes may rest on: everything but their own runs.
  func fitForPrediction(level: Double) -> SweepFit {
    SweepFit(curves.filter { !$0.isHeldOut }, level: level)
  }
}

extension SweepFit {
  /// Tests each held-out size against the prediction that was registered for it from these very data before its
  /// first run began; where there is none, against one made now, without a time.
  func settled(
    by registered: [PredictionRecord], starts: [Double: String]
  ) -> [(test: SizeTest, registeredAt: String?)] {
    heldOut.map { own in
      for record in registered
      where record.modelParams == own.forecast.size && record.dataSHA256 == dataHash
        && record.registeredAt <= starts[own.forecast.size] ?? ""
      {
        let runs = runs.filter {
          $0.curve.isHeldOut && $0.curve.modelParams == own.forecast.size && $0.lawExists
        }
        // try?: a stored prediction that cannot be read back leaves the fit's own one.
        if let forecast = try? SizeForecast(stored: record.extra),
          let test = try? SizeTest(forecast, against: runs)
        {
          return (test, record.registeredAt)
        }
      }
      return (own, nil)
    }
  }
}

extension RunFit {
  /// Whether a law was fitted at all.
  var lawExists: Bool {
    guard case .success = law else { return false }
    return true
  }

  /// The record that the store keeps of this fit; nil where the id is no run's.
  var record: FitRecord? {
    guard let run = RunID(text: curve.id) else { return nil }
    let words = warnings.map(\.message)
    switch law {
    case .success(let fit):
      return FitRecord(
        run: run, a: fit.a, b: fit.b, ceiling: fit.ceiling, r2: fit.r2, rmse: fit.rmse,
        points: fit.pointCount, aSE: fit.aStandardError, bSE: fit.bStandardError,
        ceilingLow: fit.ceilingInterval.low, ceilingHigh: fit.ceilingInterval.high,
        warnings: words)
    case .failure(let none):
      return FitRecord(
        run: run, a: nil, b: nil, ceiling: nil, r2: nil, rmse: nil,
        points: curve.usablePoints.count, aSE: nil, bSE: nil, ceilingLow: nil, ceilingHigh: nil,
        warnings: [none.reason] + words)
    }
  }
}

/// Reads a size such as `10M`, `2.7m`, `974k`, `1e6` or a named one, which means its exact parameter count.
func parameterCount(_ text: String) throws -> Double {
  if let shape = ModelShape.named(text) { return Double(shape.nonEmbeddingParameterCount) }
  guard let count = Quantity.size(text), count.isFinite, count > 0 else {
    throw Failure(
      "'\(text)' is not a size; give non-embedding parameters such as 974k, 10M or 7B",
      code: ExitStatus.usage)
  }
  return count
}

/// Checks a level of confidence.
func checkLevel(_ level: Double) throws {
  guard level > 0, level < 1 else {
    throw Failure(
      "a level of confidence lies between 0 and 1, not \(level); 0.95 is usual",
      code: ExitStatus.usage)
  }
}
