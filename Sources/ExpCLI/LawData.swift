internal import ExpCore
internal import ExpFit
internal import ExpReport
internal import ExpStore
internal import Glibc
internal import TrainerProtocol

/// The curves of a sweep, taken from its run folders, with what people call them.
struct LawData {
  /// A curve for every run that has measured anything.
  let curves: [Curve]
  /// Labels by run id.
  let labels: [String: String]
  /// Points of the plan without a finished run, in words, held-out ones aside.
  let notes: [String]
  /// The same of held-out points.
  let heldOutNotes: [String]
  /// When the first run of each held-out size began, UTC, by parameter count.
  let heldOutStarts: [Double: String]

  /// Reads the curves of a sweep.
  ///
  /// Only finished runs are read; every other one is named in `notes`, so that nothing is dropped in silence.
  init(sweep name: String, paths: RunPaths) throws {
    let record = try LawData.record(of: name, paths: paths)
    var curves: [Curve] = []
    var labels: [String: String] = [:]
    var notes: [Bool: [String]] = [:]
    var starts: [Double: String] = [:]
    for point in record.points {
      let folder = paths.run(point.run)
      let status = RunStatus.read(folder)
      labels[point.run.text] = point.label
      if point.heldOut, let start = try LawData.start(of: folder),
        let size = point.config[path: "model.params"]?.number
      {
        starts[size] = min(starts[size] ?? start, start)
      }
      guard status.state == .succeeded, let result = status.result else {
        let words = "\(point.label) (\(point.run)) is \(status.state.rawValue) and left out"
        notes[point.heldOut, default: []].append(words)
        continue
      }
      let table = try RunLog.read(folder.events).table
      curves.append(LawData.curve(of: point, result: result, table: table))
      if let words = LawData.idleness(table, of: result.steps) {
        notes[point.heldOut, default: []].append("\(point.label) (\(point.run)) \(words)")
      }
    }
    self.curves = curves
    self.labels = labels
    self.notes = notes[false] ?? []
    heldOutNotes = notes[true] ?? []
    heldOutStarts = starts
  }

  /// When the first attempt of a run began; nil where none did.
  private static func start(of folder: RunFolder) throws -> String? {
    guard access(folder.events, F_OK) == 0 else { return nil }
    return try RunLog.read(folder.events).attempts.first?.startedAt
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

  private static func curve(
    of point: SweepRecord.Point, result: RunResult, table: MetricTable
  ) -> Curve {
    let entropy = table.points(of: MetricName.entropy)
    let scores = Dictionary(
      table.points(of: MetricName.valScore).map { ($0.step, $0.value) },
      uniquingKeysWith: { _, last in last })
    let points = entropy.map {
      CurvePoint(step: $0.step, entropy: $0.value, score: scores[$0.step] ?? .nan)
    }
    var labels: [String: String] = [:]
    labels["train.algorithm"] = point.config[path: "train.algorithm"]?.string
    labels["train.entropy_control"] = point.config[path: "train.entropy_control.method"]?.string
    let definition = [MetricName.entropy, MetricName.valScore]
      .compactMap { name in result.definitions[name].map { "\(name): \($0)" } }
      .joined(separator: "; ")
    return Curve(
      id: point.run.text, modelParams: point.config[path: "model.params"]?.number ?? .nan,
      seed: point.config[path: "seed"]?.integer,
      baseSeed: point.config[path: "base.seed"]?.integer, labels: labels,
      definition: definition.isEmpty ? nil : definition, isHeldOut: point.heldOut, points: points)
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
  func fit(level: Double) -> SweepFit { SweepFit(curves, level: level) }

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
