public import ExpCore

/// All fits of a sweep: each run, the lines across sizes, and the sizes that were held out.
public struct SweepFit: Sendable, Hashable {
  /// Every run, in the order given.
  public let runs: [RunFit]
  /// a, b and ceiling against ln N over the runs that are not held out, or why there are no lines.
  public let scaling: Result<ScalingFit, NoFit>
  /// Each size predicted from the others; nil for fewer than 3 sizes.
  public let leaveOneOut: LeaveOneSizeOut?
  /// The held-out sizes whose runs have a fit, ascending, each against its prediction.
  public let heldOut: [SizeTest]
  /// What a reader of the lines across sizes has to know.
  public let scalingWarnings: [String]
  /// Coverage that the intervals aim at.
  public let level: Double

  /// Fits every run, then the lines across sizes.
  ///
  /// - Parameters:
  ///   - curves: The runs.
  ///   - level: Coverage of the intervals, in (0, 1).
  ///   - method: How each run's law is fitted.
  public init(_ curves: [Curve], level: Double = 0.95, method: LawMethod = .standard) {
    self.level = level
    let runs = curves.map { RunFit($0, level: level, method: method) }
    let fitted = runs.filter { !$0.curve.isHeldOut }
    let scaling = Result { () throws(NoFit) in
      try SweepFit.checkDefinitions(fitted)
      return try ScalingFit(fitted.compactMap(\.numbers), level: level)
    }
    self.runs = runs
    self.scaling = scaling
    switch scaling {
    case .success(let fit):
      let leaveOneOut = LeaveOneSizeOut(fitted, level: level, whole: fit)
      self.leaveOneOut = leaveOneOut
      heldOut = SweepFit.testHeldOut(runs, by: fit)
      scalingWarnings = ScalingGuards(fit: fit, runs: fitted, leaveOneOut: leaveOneOut).warnings()
    case .failure:
      leaveOneOut = nil
      heldOut = []
      scalingWarnings = []
    }
  }

  /// SHA-256 over the runs that the lines across sizes are fitted on: id, N, definition, and the
  /// bits of every point, in order of the id.
  ///
  /// Equal data give equal hashes whatever the order of the runs, so a stored prediction can be
  /// tied to its data.
  public var dataHash: ContentHash {
    var bytes: [UInt8] = []
    func append(_ bits: UInt64) { withUnsafeBytes(of: bits.littleEndian) { bytes += $0 } }
    func append(_ text: String) {
      append(UInt64(text.utf8.count))
      bytes += Array(text.utf8)
    }
    for run in runs.map(\.curve).filter({ !$0.isHeldOut }).sorted(by: { $0.id < $1.id }) {
      append(run.id)
      append(run.modelParams.bitPattern)
      append(run.definition ?? "")
      append(UInt64(run.points.count))
      for point in run.points {
        append(UInt64(bitPattern: Int64(point.step)))
        append(point.entropy.bitPattern)
        append(point.score.bitPattern)
      }
    }
    return ContentHash(of: bytes)
  }

  private static func checkDefinitions(_ runs: [RunFit]) throws(NoFit) {
    let definitions = Set(runs.compactMap(\.curve.definition)).sorted()
    guard definitions.count > 1 else { return }
    throw NoFit(
      "the runs measure entropy and score in different ways, which no fit may mix: "
        + listText(definitions.map { "'\($0)'" }))
  }

  private static func testHeldOut(_ runs: [RunFit], by fit: ScalingFit) -> [SizeTest] {
    let bySize = Dictionary(
      grouping: runs.filter { $0.curve.isHeldOut && $0.runLaw != nil }, by: \.curve.modelParams)
    return bySize.keys.sorted().compactMap { size in
      // try?: every size here has a run with a fit, the only thing that a test needs.
      try? SizeTest(fit.forecast(size: size), against: bySize[size] ?? [])
    }
  }
}
