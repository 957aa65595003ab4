internal import Glibc

/// The checks that turn a fit of one run into warnings, each with the numbers that led to it.
struct LawGuards {
  let fit: LawFit
  let run: RunSeries

  func warnings() -> [LawWarning] {
    let checks = [
      leftOut(), fewDegreesOfFreedom(), ignoredCorrelation(), slowCorrelation(), unevenSteps(),
      negativeEntropy(),
      constantScore(), slope(), smallRange(), risingEntropy(), extrapolation(), ceilingRange(),
      firstPoints(), residualTrend(), poorFit(),
    ]
    return checks.compactMap { $0 }
  }

  private func leftOut() -> LawWarning? {
    guard run.points.count > run.used.count else { return nil }
    let steps = run.points.filter { !$0.isUsable }.map { String($0.step) }
    let words = steps.count == 1 ? "1 point is" : "\(steps.count) points are"
    return LawWarning(
      .pointsLeftOut,
      "\(words) left out, for entropy or score is not finite: step \(listText(steps))")
  }

  /// Where simulated intervals cover less than they should (docs/law/run.md).
  private func fewDegreesOfFreedom() -> LawWarning? {
    let count = run.used.count
    guard count < 8 || fit.degreesOfFreedom < 3 else { return nil }
    let rho = shortText(fit.residualAutocorrelation, digits: 2)
    return LawWarning(
      .fewDegreesOfFreedom,
      "\(count) points with residuals correlated by \(rho) leave "
        + "\(shortText(fit.degreesOfFreedom, digits: 2)) degrees of freedom, "
        + "so the intervals are rough")
  }

  /// Where errors of another kind than the default's cover too little in simulations
  /// (docs/law/run.md).
  private func ignoredCorrelation() -> LawWarning? {
    let rho = fit.residualAutocorrelation
    let words: (errors: String, isShort: Bool, isCorrelated: Bool)
    switch fit.method.errors {
    case .autoregressive: return nil
    case .hac: words = ("Newey-West errors", run.used.count < 100, rho > 0.3)
    case .bootstrap: words = ("a bootstrap in blocks", run.used.count < 40, rho > 0.5)
    case .independent:
      let own = Autocorrelation.rho(of: run.line)
      guard own > 0.2 else { return nil }
      return LawWarning(
        .residualCorrelation,
        "neighbouring residuals are correlated by \(shortText(own, digits: 2)), which independent "
          + "errors ignore, so the intervals are too narrow")
    }
    guard words.isShort || words.isCorrelated else { return nil }
    return LawWarning(
      .residualCorrelation,
      "\(run.used.count) points with residuals correlated by \(shortText(rho, digits: 2)) are "
        + "too few for \(words.errors), so the intervals are too narrow")
  }

  /// Residuals that no AR(1) describes, under which intervals of every kind are too narrow
  /// (the last table of docs/law/run.md).
  private func slowCorrelation() -> LawWarning? {
    guard let excess = run.slowCorrelation(rho: fit.residualAutocorrelation), excess > 1.25 else {
      return nil
    }
    return LawWarning(
      .slowCorrelation,
      "residuals correlate over longer distances than their neighbours' correlation of "
        + "\(shortText(fit.residualAutocorrelation, digits: 2)) explains, as under a slow wander, "
        + "so the intervals are too narrow")
  }

  private func unevenSteps() -> LawWarning? {
    let gaps = run.stepGaps
    if gaps.low == 0 {
      return LawWarning(.unevenSteps, "a step has more than one point; each counts")
    }
    guard gaps.high > 3 * gaps.low else { return nil }
    return LawWarning(
      .unevenSteps,
      "evaluations lie between \(shortText(gaps.low)) and \(shortText(gaps.high)) steps apart; "
        + "standard errors count them as equally spaced")
  }

  private func negativeEntropy() -> LawWarning? {
    guard fit.entropyRange.low < 0 else { return nil }
    return LawWarning(
      .negativeEntropy,
      "H goes down to \(shortText(fit.entropyRange.low)); "
        + "the entropy of a vocabulary is never below 0"
    )
  }

  private func constantScore() -> LawWarning? {
    guard run.sumYY == 0 else { return nil }
    return LawWarning(
      .constantScore,
      "the score is \(shortText(run.scoreRange.low)) at every point; R² is given as 0",
      contradictsLaw: true)
  }

  /// a at or below 0 contradicts the law; a whose interval holds 0 is not identified.
  private func slope() -> LawWarning? {
    guard run.sumYY > 0 else { return nil }
    if fit.a <= 0 {
      return LawWarning(
        .slopeContradictsLaw,
        "a is \(shortText(fit.a)): the score does not rise as entropy falls, "
          + "which contradicts the law",
        contradictsLaw: true)
    }
    guard fit.aInterval.low <= 0 else { return nil }
    return LawWarning(
      .entropyRange,
      "over H from \(shortText(fit.entropyRange.high)) to \(shortText(fit.entropyRange.low)) "
        + "a = \(shortText(fit.a, digits: 3)), between \(shortText(fit.aInterval.low, digits: 3)) and "
        + "\(shortText(fit.aInterval.high, digits: 3)), cannot be told from 0, "
        + "so neither can b - a be known",
      contradictsLaw: true)
  }

  private func smallRange() -> LawWarning? {
    guard fit.aInterval.low > 0, fit.entropyRange.width < 0.1 else { return nil }
    return LawWarning(
      .entropyRange,
      "H moves by only \(shortText(fit.entropyRange.width)) nats, "
        + "over which exp(H) is a straight line in H"
    )
  }

  private func risingEntropy() -> LawWarning? {
    guard let first = run.used.first, let last = run.used.last, let rebound = run.rebound else {
      return nil
    }
    if last.entropy > first.entropy {
      return LawWarning(
        .entropyRises,
        "H rises from \(shortText(first.entropy, digits: 6)) to "
          + "\(shortText(last.entropy, digits: 6)); "
          + "the law describes its fall")
    }
    guard rebound.size > 0.25 * fit.entropyRange.width else { return nil }
    return LawWarning(
      .entropyRises,
      "H is not monotone: from \(shortText(rebound.from.entropy)) at step \(rebound.from.step) "
        + "it rises to \(shortText(rebound.to.entropy)) at step \(rebound.to.step)")
  }

  private func extrapolation() -> LawWarning? {
    guard fit.extrapolation > 1 else { return nil }
    return LawWarning(
      .extrapolation,
      "the lowest H is \(shortText(fit.entropyRange.low)): the ceiling is read off at H = 0, which in exp(H) is "
        + "\(shortText(fit.extrapolation, digits: 2)) times as far from the data as they span"
    )
  }

  private func ceilingRange() -> LawWarning? {
    let scores = run.scoreRange
    guard scores.low >= 0, scores.high <= 1 else {
      return LawWarning(
        .ceilingOutOfRange,
        "scores lie between \(shortText(scores.low)) and \(shortText(scores.high)), so they are "
          + "not shares of 1 and the ceiling is not checked")
    }
    guard fit.ceiling < 0 || fit.ceiling > 1 else { return nil }
    let interval = fit.ceilingInterval
    return LawWarning(
      .ceilingOutOfRange,
      "the ceiling is \(shortText(fit.ceiling)) (\(shortText(interval.low)) to "
        + "\(shortText(interval.high))), which is outside [0, 1]",
      contradictsLaw: interval.low > 1 || interval.high < 0)
  }

  private func firstPoints() -> LawWarning? {
    guard let deletion = fit.influence.largest,
      abs(deletion.inStandardErrors) > LawInfluence.limit,
      abs(deletion.change) > fit.ceilingInterval.width / 2
    else { return nil }
    let points = deletion.count == 1 ? "first point" : "first \(deletion.count) points"
    return LawWarning(
      .firstPoints,
      "without the \(points) the ceiling is \(shortText(fit.ceiling + deletion.change)), not "
        + "\(shortText(fit.ceiling)): \(shortText(abs(deletion.inStandardErrors), digits: 2)) "
        + "standard errors away, so the run's start does not lie on the law of its rest")
  }

  private func residualTrend() -> LawWarning? {
    guard let share = run.shareOfStep else { return nil }
    guard share > 0.25 else { return nil }
    let percent = Int((min(share, 1) * 100).rounded())
    return LawWarning(
      .residualTrend,
      "the residuals move with the step: a straight line in step takes away \(percent) % "
        + "of their variance")
  }

  private func poorFit() -> LawWarning? {
    guard run.sumYY > 0, fit.r2 < 0.5 else { return nil }
    return LawWarning(
      .poorFit,
      fit.r2 > 0
        ? "the law explains \(Int((fit.r2 * 100).rounded())) % of the score's variance"
        : "the law describes the scores worse than their mean does")
  }
}
