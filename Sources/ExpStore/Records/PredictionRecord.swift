public import ExpCore
public import TrainerProtocol

/// A prediction registered before the run it speaks of was started: a file in the sweep's `predictions/`.
public struct PredictionRecord: Sendable, Hashable, Codable {
  /// A predicted number with its interval, where it has one.
  public struct Estimate: Sendable, Hashable, Codable {
    /// The number; nil where it is withheld, and the warnings say why.
    public var value: Double?
    /// Lower end of the prediction interval.
    public var low: Double?
    /// Upper end of the prediction interval.
    public var high: Double?

    /// Makes an estimate.
    public init(value: Double?, low: Double? = nil, high: Double? = nil) {
      self.value = value
      self.low = low
      self.high = high
    }
  }

  /// What somebody without a law would say.
  public struct Naive: Sendable, Hashable, Codable {
    /// The ceiling of the largest size that was run.
    public var largest: Double?
    /// The mean of the ceilings of all sizes.
    public var mean: Double?

    /// Makes the pair.
    public init(largest: Double?, mean: Double?) {
      self.largest = largest
      self.mean = mean
    }
  }

  /// The version of this shape: 1.
  public var schema: Int
  /// The sweep whose data it was made from.
  public var sweep: String
  /// The predicted size, as a label.
  public var size: String
  /// Non-embedding parameters of that size.
  public var modelParams: Double
  /// Wall-clock time in UTC, `YYYY-MM-DDThh:mm:ssZ`.
  public var registeredAt: String
  /// Hash of the (run, step, entropy, score) data it was made from.
  public var dataSHA256: ContentHash
  /// Hash of the fits it was made from.
  public var fitSHA256: ContentHash
  /// The law's a.
  public var a: Estimate
  /// The law's b.
  public var b: Estimate
  /// The ceiling −a + b.
  public var ceiling: Estimate
  /// Level of the intervals, such as 0.95.
  public var level: Double
  /// How far beyond the sizes it was made from, in powers of ten.
  public var decadesExtrapolated: Double
  /// Reasons for doubt.
  public var warnings: [String]
  /// Predictions without a law.
  public var naive: Naive
  /// What else belongs to it, such as the leave-largest-out errors; an object.
  public var extra: JSONValue

  enum CodingKeys: String, CodingKey {
    case schema, sweep, size, a, b, ceiling, level, warnings, naive, extra
    case modelParams = "model_params"
    case registeredAt = "registered_at"
    case dataSHA256 = "data_sha256"
    case fitSHA256 = "fit_sha256"
    case decadesExtrapolated = "decades_extrapolated"
  }

  /// Makes a prediction.
  public init(
    sweep: String, size: String, modelParams: Double, registeredAt: String,
    dataSHA256: ContentHash, fitSHA256: ContentHash, a: Estimate, b: Estimate, ceiling: Estimate,
    level: Double, decadesExtrapolated: Double, warnings: [String], naive: Naive,
    extra: JSONValue = [:]
  ) {
    schema = 1
    self.sweep = sweep
    self.size = size
    self.modelParams = modelParams
    self.registeredAt = registeredAt
    self.dataSHA256 = dataSHA256
    self.fitSHA256 = fitSHA256
    self.a = a
    self.b = b
    self.ceiling = ceiling
    self.level = level
    self.decadesExtrapolated = decadesExtrapolated
    self.warnings = warnings
    self.naive = naive
    self.extra = extra
  }
}

extension PredictionRecord {
  /// The folder of a sweep's registered predictions.
  public static func folder(of sweep: String, below paths: RunPaths) -> String {
    "\(paths.sweep(sweep))/predictions"
  }

  /// Writes the prediction to a file of its own, `SIZE.json` or `SIZE-2.json` and so on; none is ever replaced.
  ///
  /// The same prediction from the same data registered again keeps its first file and time.
  /// - Returns: what is registered: this record, or the equal one that was there before.
  /// - Throws: `StoreError` where the file cannot be written.
  @discardableResult
  public func register(below paths: RunPaths) throws(StoreError) -> PredictionRecord {
    guard SweepRecord.isName(sweep) else {
      throw StoreError(.file, "'\(sweep)' cannot be the name of a sweep")
    }
    let folder = PredictionRecord.folder(of: sweep, below: paths)
    try RecordFile.makeFolder(folder)
    let stem = SweepRecord.isName(size) ? size : String(ContentHash(of: size).hex.prefix(16))
    let text = try RecordText.pretty(self)
    for number in 1...10_000 {
      let path = "\(folder)/\(stem)\(number == 1 ? "" : "-\(number)").json"
      if try RecordFile.write(text, to: path, replacing: false) { return self }
      var earlier = try RecordFile.read(PredictionRecord.self, from: path)
      earlier.registeredAt = registeredAt
      if earlier == self { return try RecordFile.read(PredictionRecord.self, from: path) }
    }
    throw StoreError(.file, "'\(folder)' holds 10000 predictions for '\(size)' already")
  }

  /// Reads all registered predictions of a sweep, oldest first.
  ///
  /// - Throws: `StoreError` naming the first file that is not a prediction.
  public static func readAll(
    of sweep: String, below paths: RunPaths
  ) throws(StoreError) -> [PredictionRecord] {
    let folder = folder(of: sweep, below: paths)
    var records: [PredictionRecord] = []
    for name in RecordFile.names(in: folder) where name.hasSuffix(".json") {
      records.append(try RecordFile.read(PredictionRecord.self, from: "\(folder)/\(name)"))
    }
    return records.sorted { ($0.registeredAt, $0.size) < ($1.registeredAt, $1.size) }
  }
}
