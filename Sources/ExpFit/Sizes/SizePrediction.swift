public import ExpCore

/// The prediction for a size that may never have been run, with all that has to stand beside it.
public struct SizePrediction: Sendable, Hashable {
  /// The numbers, for one new run.
  public let forecast: SizeForecast
  /// What a reader has to know.
  public let warnings: [String]
  /// Why the ceiling should not be read off; nil where nothing speaks against it.
  public let withheldReason: String?
  /// The sizes fitted, ascending.
  public let sizes: [Double]
  /// Runs fitted.
  public let runCount: Int
  /// The smallest and the largest ceiling of a run.
  public let ceilingRange: Interval
  /// Each size predicted from the others; nil for fewer than 3 sizes.
  public let leaveOneOut: LeaveOneSizeOut?
  /// The data that the prediction rests on.
  public let dataHash: ContentHash
}

extension SweepFit {
  /// Predicts a, b and the ceiling of one new run at a size.
  ///
  /// The ceiling is given a reason to be withheld where the law is contradicted or unidentified in
  /// at least half of the runs, or the predicted a is not above 0.
  /// - Parameter size: Non-embedding parameters N, above 0 and finite.
  /// - Returns: The prediction with its warnings, its tests on left-out sizes and the hash of its
  ///   data.
  /// - Throws: `NoFit` where the size is not a size or there are no lines across sizes.
  public func predict(size: Double) throws(NoFit) -> SizePrediction {
    guard size > 0, size.isFinite else {
      throw NoFit("a size is a number above 0, not \(shortText(size))")
    }
    let fit = try scaling.get()
    let forecast = fit.forecast(size: size)
    return SizePrediction(
      forecast: forecast, warnings: warnings(about: forecast, fit: fit) + scalingWarnings,
      withheldReason: reasonToWithhold(forecast, fit: fit), sizes: fit.sizes,
      runCount: fit.runCount, ceilingRange: fit.ceilingRange, leaveOneOut: leaveOneOut,
      dataHash: dataHash)
  }

  private func reasonToWithhold(_ forecast: SizeForecast, fit: ScalingFit) -> String? {
    let contradicted = runs.filter {
      !$0.curve.isHeldOut && $0.runLaw != nil && !$0.lawHolds
    }.count
    if 2 * contradicted >= fit.runCount {
      return "the law does not hold or is not identified in \(contradicted) of \(fit.runCount) runs"
    }
    if forecast.a.value <= 0 {
      return "the predicted a is \(shortText(forecast.a.value)), which contradicts the law"
    }
    if fit.ceilingsAreShares, let interval = forecast.ceiling.interval,
      interval.low > 1 || interval.high < 0
    {
      return "the whole interval from \(shortText(interval.low, digits: 3)) to "
        + "\(shortText(interval.high, digits: 3)) lies outside [0, 1], so the lines do not hold that far"
    }
    return nil
  }

  private func warnings(about forecast: SizeForecast, fit: ScalingFit) -> [String] {
    var words: [String] = []
    if forecast.decadesExtrapolated > 0 {
      let range = "\(sizeText(fit.sizes[0])) to \(sizeText(fit.sizes[fit.sizes.count - 1]))"
      words.append(
        "extrapolates by \(shortText(forecast.decadesExtrapolated, digits: 2)) decades "
          + "beyond the sizes run (\(range))")
    }
    let ceiling = forecast.ceiling.value
    if fit.ceilingsAreShares {
      if ceiling < 0 || ceiling > 1 {
        words.append("the predicted ceiling \(shortText(ceiling)) is outside [0, 1]")
      } else if let interval = forecast.ceiling.interval, interval.low < 0 || interval.high > 1 {
        words.append(
          "the ceiling's interval leaves [0, 1], where no score lies: the lines know no bounds")
      }
    }
    if let width = forecast.ceiling.interval?.width, width > fit.ceilingRange.width {
      words.append(
        "the interval of the ceiling is \(shortText(width, digits: 2)) wide, "
          + "the ceilings measured span \(shortText(fit.ceilingRange.width, digits: 2))")
    }
    return words
  }
}

extension ScalingFit {
  /// Whether all ceilings lie in [0, 1], as those of shares do.
  var ceilingsAreShares: Bool { ceilingRange.low >= 0 && ceilingRange.high <= 1 }
}
