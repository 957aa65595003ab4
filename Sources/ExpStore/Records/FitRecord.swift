public import ExpCore
public import TrainerProtocol

/// The fitted law of one run, kept in `fits/RUN.json` so that the store can be rebuilt.
public struct FitRecord: Sendable, Hashable, Codable {
  /// The version of this shape: 1.
  public var schema: Int
  /// The run.
  public var run: RunID
  /// The law's a; nil where there is no fit.
  public var a: Double?
  /// The law's b; nil where there is no fit.
  public var b: Double?
  /// The ceiling −a + b; nil where there is no fit.
  public var ceiling: Double?
  /// Coefficient of determination; nil where there is no fit.
  public var r2: Double?
  /// Root mean squared residual.
  public var rmse: Double?
  /// Points that were fitted.
  public var points: Int
  /// Standard error of a.
  public var aSE: Double?
  /// Standard error of b.
  public var bSE: Double?
  /// Lower end of the ceiling's interval.
  public var ceilingLow: Double?
  /// Upper end of the ceiling's interval.
  public var ceilingHigh: Double?
  /// Reasons for doubt, or why there is no fit.
  public var warnings: [String]

  enum CodingKeys: String, CodingKey {
    case schema, run, a, b, ceiling, r2, rmse, points, warnings
    case aSE = "a_se"
    case bSE = "b_se"
    case ceilingLow = "ceiling_low"
    case ceilingHigh = "ceiling_high"
  }

  /// Makes a fit's record.
  public init(
    run: RunID, a: Double?, b: Double?, ceiling: Double?, r2: Double?, rmse: Double?, points: Int,
    aSE: Double?, bSE: Double?, ceilingLow: Double?, ceilingHigh: Double?, warnings: [String]
  ) {
    schema = 1
    self.run = run
    self.a = a
    self.b = b
    self.ceiling = ceiling
    self.r2 = r2
    self.rmse = rmse
    self.points = points
    self.aSE = aSE
    self.bSE = bSE
    self.ceilingLow = ceilingLow
    self.ceilingHigh = ceilingHigh
    self.warnings = warnings
  }
}

extension FitRecord {
  /// The folder of all fits.
  public static func folder(below paths: RunPaths) -> String { "\(paths.root)/fits" }

  /// Writes the files of fits, replacing earlier ones of the same runs.
  ///
  /// Whoever dies while writing leaves the old file or the new one. They are not brought to the disk at once, as
  /// everything else is: after a power cut one may be empty, which a refresh of the store reports, and fitting the
  /// sweep again mends.
  /// - Throws: `StoreError` where a file cannot be written or a number is not finite.
  public static func write(_ fits: [FitRecord], below paths: RunPaths) throws(StoreError) {
    let folder = FitRecord.folder(below: paths)
    try RecordFile.makeFolder(folder)
    for fit in fits {
      try RecordFile.write(
        RecordText.pretty(fit), to: "\(folder)/\(fit.run).json", syncing: false)
    }
  }
}
