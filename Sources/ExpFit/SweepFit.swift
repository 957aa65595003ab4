public import ExpCore

/// One run with its fit.
public struct RunFit: Sendable, Hashable {
  /// The run.
  public let curve: Curve
  /// The law, or why there is none.
  public let law: Result<LawFit, NoFit>
  /// The law beside its rivals; nil where there is no law.
  public let rivals: RivalComparison?
  /// What a reader has to know, the fit's own warnings first.
  public let warnings: [LawWarning]

  /// Fits one run.
  ///
  /// - Parameters:
  ///   - curve: The run.
  ///   - level: Coverage of the intervals, in (0, 1).
  public init(_ curve: Curve, level: Double = 0.95) {
    self.curve = curve
    law = Result { () throws(NoFit) in try LawFit(curve.points, level: level) }
    switch law {
    case .success(let fit):
      let comparison = RivalComparison(curve.points)
      rivals = comparison
      warnings = fit.warnings + [comparison.warning].compactMap { $0 }
    case .failure:
      rivals = nil
      warnings = []
    }
  }

  /// Whether there is a law and no guard contradicts it.
  public var lawHolds: Bool {
    guard case .success(let fit) = law else { return false }
    return fit.lawHolds
  }

  var runLaw: RunLaw? {
    guard case .success(let fit) = law, curve.modelParams > 0, curve.modelParams.isFinite else {
      return nil
    }
    return RunLaw(size: curve.modelParams, law: fit)
  }
}

extension RivalComparison {
  /// Says so where a rival predicts the held-out points better by more than a tenth.
  var warning: LawWarning? {
    guard let mine = law.heldOut, let best, let theirs = best.heldOut,
      theirs.rmse < 0.9 * mine.rmse
    else { return nil }
    return LawWarning(
      .rivalPredictsBetter,
      "'\(best.form.rawValue)' predicts the held-out points better: "
        + "RMSE \(shortText(theirs.rmse, digits: 3)) against the law's "
        + "\(shortText(mine.rmse, digits: 3))")
  }
}

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
  public init(_ curves: [Curve], level: Double = 0.95) {
    self.level = level
    let runs = curves.map { RunFit($0, level: level) }
    let fitted = runs.filter { !$0.curve.isHeldOut }
    let scaling = Result { () throws(NoFit) in
      try SweepFit.checkDefinitions(fitted)
      return try ScalingFit(fitted.compactMap(\.runLaw), level: level)
    }
    self.runs = runs
    self.scaling = scaling
    switch scaling {
    case .success(let fit):
      let leaveOneOut = LeaveOneSizeOut(fitted, level: level)
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

/// The checks of the lines across sizes.
struct ScalingGuards {
  let fit: ScalingFit
  let runs: [RunFit]
  let leaveOneOut: LeaveOneSizeOut?

  func warnings() -> [String] {
    [fewSizes(), oneSeed(), withoutFit(), contradicted(), pooled(), poorLine(), naiveIsBetter()]
      .compactMap { $0 }
  }

  private func fewSizes() -> String? {
    guard fit.sizes.count < 4 else { return nil }
    let interval =
      fit.sizes.count < 3
      ? "no interval and no check by leaving a size out" : "a very wide interval"
    return "only \(fit.sizes.count) sizes: a line over ln N has \(interval); use at least 4"
  }

  private func oneSeed() -> String? {
    guard fit.runCount == fit.sizes.count else { return nil }
    return
      "one run per size: differences between seeds cannot be told from differences between sizes"
  }

  private func withoutFit() -> String? {
    let names = runs.filter { $0.runLaw == nil }.map(\.curve.id)
    guard !names.isEmpty else { return nil }
    return "runs without a fit are left out: \(listText(names))"
  }

  private func contradicted() -> String? {
    let names = runs.filter { $0.runLaw != nil && !$0.lawHolds }.map(\.curve.id)
    guard !names.isEmpty else { return nil }
    return "the law does not hold or is not identified in \(names.count) of \(fit.runCount) runs, "
      + "which the lines count all the same: \(listText(names))"
  }

  private func pooled() -> String? {
    let keys = Set(runs.flatMap(\.curve.labels.keys)).sorted()
    let varying = keys.filter { key in Set(runs.map { $0.curve.labels[key] }).count > 1 }
    guard !varying.isEmpty else { return nil }
    return "runs that differ in \(listText(varying.map { "'\($0)'" })) share one line"
  }

  private func poorLine() -> String? {
    let worst = [("a", fit.a.r2), ("b", fit.b.r2), ("the ceiling", fit.ceiling.r2)]
      .min { $0.1 < $1.1 }
    guard let worst, worst.1 < 0.9 else { return nil }
    return "\(worst.0) is not well described by a line in ln N: R² \(shortText(worst.1, digits: 2))"
  }

  private func naiveIsBetter() -> String? {
    guard let test = leaveOneOut?.largest, !test.beatsNaive else { return nil }
    return "predicting the largest size (\(sizeText(test.forecast.size))) from the others, "
      + "the lines miss the ceiling by \(shortText(abs(test.error.ceiling), digits: 2)), "
      + "'same as the largest size run' by "
      + "\(shortText(abs(test.naiveLargestError.ceiling), digits: 2)), "
      + "'mean of sizes' by \(shortText(abs(test.naiveMeanError.ceiling), digits: 2))"
  }
}
