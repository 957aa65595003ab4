/// The law beside its rivals over the runs of a sweep.
public struct RivalSummary: Sendable, Hashable {
  /// One form over all runs.
  public struct Row: Sendable, Hashable {
    /// The form.
    public let form: LawForm
    /// Errors over the last 40 % of the points by the fit on the first 60 %, root mean square; nil
    /// where no run could be judged.
    public let heldOut: Spread?
    /// Runs in which no form has a smaller held-out error.
    public let bestRuns: Int
    /// AICc less the law's, on all points: below 0 the form describes a run better.
    public let deltaAICc: Spread?
    /// Where the form ends, over the runs whose data tell it.
    public let asymptote: Spread?
    /// That end less the law's ceiling of the same run.
    public let asymptoteLessCeiling: Spread?
  }

  /// Every form, the law first.
  public let rows: [Row]
  /// Runs with a law.
  public let runCount: Int
  /// Runs in which the step stands in for compute.
  public let stepAsComputeCount: Int

  /// Sums up the runs that have a law.
  public init(_ runs: [RunFit]) {
    let all = runs.compactMap(\.rivals)
    runCount = all.count
    stepAsComputeCount = all.count(where: \.stepIsCompute)
    let smallest = all.map { $0.forms.compactMap { $0.heldOut?.rmse }.min() }
    rows = LawForm.allCases.indices.map { index in
      let forms = all.map { $0.forms[index] }
      return Row(
        form: LawForm.allCases[index],
        heldOut: Spread(forms.compactMap { $0.heldOut?.rmse }),
        bestRuns: zip(forms, smallest).count { $0.heldOut != nil && $0.heldOut?.rmse == $1 },
        deltaAICc: Spread(
          zip(forms, all).compactMap { form, run in
            form.aicc.flatMap { own in run.law.aicc.map { own - $0 } }
          }),
        asymptote: Spread(forms.compactMap(\.asymptote)),
        asymptoteLessCeiling: Spread(
          zip(forms, all).compactMap { form, run in
            form.asymptote.flatMap { own in run.law.asymptote.map { own - $0 } }
          }))
    }
  }

  /// What the forms say of the end of the runs, in sentences; none where no rival has one.
  public var disagreement: [String] {
    let words = rows.dropFirst().compactMap { row -> String? in
      guard let gap = row.asymptoteLessCeiling else { return nil }
      let side = gap.median < 0 ? "below" : "above"
      return "the \(row.form.words) ends \(shortText(abs(gap.median), digits: 2)) \(side) "
        + "the law's ceiling in the median run (\(gap.count) of \(runCount) runs tell)"
    }
    guard !words.isEmpty else { return [] }
    return [
      words.joined(separator: "; "),
      "the law's ceiling is the score at H = 0, which a run may never reach; the others' is the "
        + "score after endless steps or compute under the same settings",
    ]
  }
}
