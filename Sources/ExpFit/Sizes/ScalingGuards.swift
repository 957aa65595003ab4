/// The checks of the lines across sizes.
struct ScalingGuards {
  let fit: ScalingFit
  let runs: [RunFit]
  let leaveOneOut: LeaveOneSizeOut?

  func warnings() -> [String] {
    [
      fewSizes(), oneSeed(), bases(), firstStage(), withoutFit(), contradicted(), pooled(),
      poorLine(), noPowerLaw(), naiveIsBetter(),
    ]
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

  /// What the lines take the spread of base policies for where they cannot tell it.
  private func bases() -> String? {
    guard fit.ceiling.baseVariance == nil, fit.runCount > fit.sizes.count else { return nil }
    let fitted = runs.filter { $0.runLaw != nil }.map(\.curve)
    let seedsBySize = Dictionary(grouping: fitted, by: \.modelParams)
      .mapValues { Set($0.map(\.baseSeed)).count }
    guard seedsBySize.values.contains(where: { $0 > 1 }) else {
      return "one base policy per size: differences between base policies cannot be told from "
        + "differences between sizes, and count as such"
    }
    return "one run per base policy: differences between base policies cannot be told from those "
      + "between runs, and count as such"
  }

  /// Runs whose fit is so uncertain that they hardly count.
  private func firstStage() -> String? {
    let fitted = runs.compactMap { run in run.runLaw.map { (run.curve.id, $0.law) } }
    let typical = ScaledRuns.median(fitted.map(\.1.ceilingStandardError))
    let names = fitted.filter { typical > 0 && $0.1.ceilingStandardError > 100 * typical }.map(\.0)
    guard !names.isEmpty else { return nil }
    return
      "the ceiling's standard error is over 100 times the median run's, so these hardly count: "
      + listText(names)
  }

  private func noPowerLaw() -> String? {
    guard fit.sizes.count >= 3, case .failure(let none) = fit.powerLaw else { return nil }
    return "no power of N is compared with the line in ln N: \(none.reason)"
  }

  private func withoutFit() -> String? {
    let names = runs.filter { $0.runLaw == nil }.map(\.curve.id)
    guard !names.isEmpty else { return nil }
    let lost = Set(runs.map(\.curve.modelParams)).subtracting(fit.sizes).sorted()
    let sizes =
      lost.isEmpty ? "" : "; no run is left of \(listText(lost.map { sizeText($0) }))"
    return "runs without a fit are left out: \(listText(names))\(sizes)"
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
