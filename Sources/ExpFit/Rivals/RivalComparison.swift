/// One form on one run.
public struct FormComparison: Sendable, Hashable {
  /// The form.
  public let form: LawForm
  /// Share of the variance explained on all points; nil where the form cannot be fitted.
  public let r2: Double?
  /// Akaike's criterion with the small-sample correction, on all points; nil where it is not
  /// defined.
  public let aicc: Double?
  /// Where the form, fitted on all points, ends: the law at H = 0, the saturating forms after
  /// endless steps or compute; nil for forms without an end and where the data do not tell it.
  public let asymptote: Double?
  /// Errors by `HoldOutSplit.standard`.
  public let heldOut: HoldOutErrors?
  /// Errors by `HoldOutSplit.earlyShare`.
  public let earlyShare: HoldOutErrors?
  /// Errors by `HoldOutSplit.earlySteps`.
  public let earlySteps: HoldOutErrors?
}

/// The law beside its rivals on one run.
public struct RivalComparison: Sendable, Hashable {
  /// Every form, the law first.
  public let forms: [FormComparison]
  /// Whether the step stands in for compute, which the points do not carry.
  public let stepIsCompute: Bool

  /// Compares all forms on the usable points, taken in order of the step.
  public init(_ points: [CurvePoint]) {
    let used = points.allSatisfy(\.isUsable) ? points : points.filter(\.isUsable)
    let series = FormSeries(used)
    stepIsCompute = series.stepIsCompute
    forms = LawForm.allCases.map { form in
      let whole = FittedForm(form, on: series, count: series.count)
      func errors(_ split: HoldOutSplit) -> HoldOutErrors? {
        split.trainingCount(ofSteps: series.steps)
          .flatMap { FittedForm(form, on: series, count: $0) }
          .flatMap { HoldOutErrors(of: $0, on: series) }
      }
      return FormComparison(
        form: form, r2: whole?.r2, aicc: whole?.aicc, asymptote: whole?.asymptote,
        heldOut: errors(.standard), earlyShare: errors(.earlyShare),
        earlySteps: errors(.earlySteps))
    }
  }

  /// The law's own line of the comparison.
  public var law: FormComparison { forms[0] }

  /// The rival with the smallest held-out error; nil where none could be judged.
  public var best: FormComparison? {
    forms.dropFirst().filter { $0.heldOut != nil }
      .min { ($0.heldOut?.rmse ?? .infinity) < ($1.heldOut?.rmse ?? .infinity) }
  }

  /// Says so where a rival predicts the held-out points better by more than a tenth.
  var warning: LawWarning? {
    guard let mine = law.heldOut, let best, let theirs = best.heldOut,
      theirs.rmse < 0.9 * mine.rmse
    else { return nil }
    return LawWarning(
      .rivalPredictsBetter,
      "the \(best.form.words) predicts the held-out points better: "
        + "RMSE \(shortText(theirs.rmse, digits: 3)) against the law's "
        + "\(shortText(mine.rmse, digits: 3))")
  }
}
