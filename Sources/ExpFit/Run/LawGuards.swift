internal import Glibc

/// The checks that turn a fit of one run into warnings, each with the numbers that led to it.
struct LawGuards {
  let fit: LawFit
  let line: LeastSquaresLine
  /// All evaluations, unusable ones included.
  let points: [CurvePoint]
  /// Those that the fit used.
  let used: [CurvePoint]

  func warnings() -> [LawWarning] {
    let checks = [
      leftOut(), fewDegreesOfFreedom(), unevenSteps(), negativeEntropy(), constantScore(),
      slope(), smallRange(), risingEntropy(), extrapolation(), ceilingRange(), residualTrend(),
      poorFit(),
    ]
    return checks.compactMap { $0 }
  }

  private func leftOut() -> LawWarning? {
    guard points.count > used.count else { return nil }
    let steps = points.filter { !$0.isUsable }.map { String($0.step) }
    let words = steps.count == 1 ? "1 point is" : "\(steps.count) points are"
    return LawWarning(
      .pointsLeftOut,
      "\(words) left out, for entropy or score is not finite: step \(listText(steps))")
  }

  private func fewDegreesOfFreedom() -> LawWarning? {
    guard used.count < Autocorrelation.smallestCount || fit.degreesOfFreedom < 5 else { return nil }
    let rho = shortText(fit.residualAutocorrelation, digits: 2)
    return LawWarning(
      .fewDegreesOfFreedom,
      "\(used.count) points with residuals correlated by \(rho) leave "
        + "\(shortText(fit.degreesOfFreedom, digits: 2)) degrees of freedom, "
        + "so the intervals are rough"
    )
  }

  private func unevenSteps() -> LawWarning? {
    let gaps = zip(used, used.dropFirst()).lazy.map { Double($1.step) - Double($0.step) }
    let shortest = gaps.reduce(Double.infinity, min)
    let longest = gaps.reduce(0, max)
    if shortest == 0 {
      return LawWarning(.unevenSteps, "a step has more than one point; each counts")
    }
    guard longest > 3 * shortest else { return nil }
    return LawWarning(
      .unevenSteps,
      "evaluations lie between \(shortText(shortest)) and \(shortText(longest)) steps apart; "
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
    guard line.sumYY == 0 else { return nil }
    return LawWarning(
      .constantScore, "the score is \(shortText(used[0].score)) at every point; R² is given as 0",
      contradictsLaw: true)
  }

  /// a at or below 0 contradicts the law; a whose interval holds 0 is not identified.
  private func slope() -> LawWarning? {
    guard line.sumYY > 0 else { return nil }
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
        + "a = \(shortText(fit.a)) ± \(shortText(fit.aInterval.width / 2)) cannot be told from 0, "
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
    guard let first = used.first, let last = used.last else { return nil }
    if last.entropy > first.entropy {
      return LawWarning(
        .entropyRises,
        "H rises from \(shortText(first.entropy)) to \(shortText(last.entropy)); "
          + "the law describes its fall")
    }
    var lowest = first
    var rebound = (size: 0.0, from: first, to: first)
    for point in used {
      if point.entropy < lowest.entropy { lowest = point }
      let size = point.entropy - lowest.entropy
      if size > rebound.size { rebound = (size, lowest, point) }
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
      "the lowest H is \(shortText(fit.entropyRange.low)): the ceiling at H = 0 lies "
        + "\(shortText(fit.extrapolation, digits: 2)) times as far below the data as the data reach"
    )
  }

  private func ceilingRange() -> LawWarning? {
    let scores = used.lazy.map(\.score)
    let lowest = scores.reduce(Double.infinity, min)
    let highest = scores.reduce(-Double.infinity, max)
    guard lowest >= 0, highest <= 1 else {
      return LawWarning(
        .ceilingOutOfRange,
        "scores lie between \(shortText(lowest)) and \(shortText(highest)), so they are not shares "
          + "of 1 and the ceiling is not checked")
    }
    guard fit.ceiling < 0 || fit.ceiling > 1 else { return nil }
    let interval = fit.ceilingInterval
    return LawWarning(
      .ceilingOutOfRange,
      "the ceiling is \(shortText(fit.ceiling)) (\(shortText(interval.low)) to "
        + "\(shortText(interval.high))), which is outside [0, 1]",
      contradictsLaw: interval.low > 1 || interval.high < 0)
  }

  /// The share of the residual variance that a straight line in step, added to the law, takes away.
  private func residualTrend() -> LawWarning? {
    guard used.count >= 8, line.sumSquaredErrors > 1e-20 * line.sumYY else { return nil }
    let meanStep = used.reduce(0) { $0 + Double($1.step) } / Double(used.count)
    var stepX = 0.0
    for point in used {
      stepX += (Double(point.step) - meanStep) * (expm1(point.entropy) - line.meanX)
    }
    let slope = stepX / line.sumXX
    var (product, stepSquares) = (0.0, 0.0)
    for point in used {
      let dx = expm1(point.entropy) - line.meanX
      let step = Double(point.step) - meanStep - slope * dx
      product += step * (point.score - line.meanY - line.slope * dx)
      stepSquares += step * step
    }
    let share = product * product / stepSquares / line.sumSquaredErrors
    guard share > 0.25 else { return nil }
    let percent = Int((min(share, 1) * 100).rounded())
    return LawWarning(
      .residualTrend,
      "the residuals move with the step: a straight line in step takes away \(percent) % "
        + "of their variance")
  }

  private func poorFit() -> LawWarning? {
    guard line.sumYY > 0, fit.r2 < 0.5 else { return nil }
    return LawWarning(
      .poorFit, "the law explains \(Int((fit.r2 * 100).rounded())) % of the score's variance")
  }
}
