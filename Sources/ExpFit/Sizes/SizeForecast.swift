/// What is expected of one new run at a size, and what somebody without the law would expect.
public struct SizeForecast: Sendable, Hashable {
  /// Non-embedding parameters N.
  public var size: Double
  /// a with its prediction interval.
  public var a: Estimate
  /// b with its prediction interval.
  public var b: Estimate
  /// b - a with its prediction interval.
  public var ceiling: Estimate
  /// Coverage that the intervals aim at.
  public var level: Double
  /// The form whose numbers these are.
  public var form: ScalingForm
  /// What each form says by itself, with its share of the evidence; empty in predictions that were
  /// stored before there were several.
  public var forms: [FormForecast]
  /// Powers of ten between the size and the nearest fitted one.
  public var decadesExtrapolated: Double
  /// The naive prediction "same as the largest size run", by the mean of its runs.
  public var naiveLargest: LawNumbers
  /// The naive prediction "mean of the sizes".
  public var naiveMean: LawNumbers

  /// a, b and ceiling without their intervals.
  public var numbers: LawNumbers {
    LawNumbers(a: a.value, b: b.value, ceiling: ceiling.value)
  }

  /// What one form says; nil where it says nothing about this size.
  public func forecast(by form: ScalingForm) -> FormForecast? {
    forms.first { $0.form == form }
  }
}
