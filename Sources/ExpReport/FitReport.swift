public import ExpFit

/// What `exp fit` tells people: every run's law, its rivals, the lines across sizes, and how well they predict.
public struct FitReport: Sendable, Hashable {
  /// A held-out size settled by its runs.
  public struct HeldOut: Sendable, Hashable {
    /// The prediction beside the truth.
    public var test: SizeTest
    /// When the prediction was written down, before the size ran; nil where it is made only now.
    public var registeredAt: String?

    /// Makes a settled prediction.
    public init(_ test: SizeTest, registeredAt: String?) {
      self.test = test
      self.registeredAt = registeredAt
    }
  }

  /// The fits.
  public var fit: SweepFit
  /// What people call the runs, by id; a run that is not named shows its id.
  public var labels: [String: String]
  /// The held-out sizes.
  public var heldOut: [HeldOut]
  /// Warnings that are listed at most; the rest are counted.
  public var warningLimit: Int
  /// Which H stands beside which R; nil for a log, whose columns say it.
  public var pairing: LawPairing?
  /// Runs that have not ended well and whose curves so far were asked for.
  public var unfinished: [UnfinishedRun] = []
  /// How well the first points foretell the rest; nil where nobody asked.
  public var early: EarlyPrediction?

  /// Runs that have a row each; of more, there is a row for each size.
  static let rowLimit = 40

  /// Makes a report; without `heldOut`, the fit's own predictions of held-out sizes are told as made only now.
  public init(
    _ fit: SweepFit, labels: [String: String] = [:], heldOut: [HeldOut]? = nil,
    warningLimit: Int = 40
  ) {
    self.fit = fit
    self.labels = labels
    self.heldOut = heldOut ?? fit.heldOut.map { HeldOut($0, registeredAt: nil) }
    self.warningLimit = warningLimit
  }

  /// Returns the whole report, its sections apart by empty lines.
  public func rendered(_ style: Style = .plain) -> String {
    var sections = [([runTable(style).rendered(style)] + runNotes(style)).joined(separator: "\n")]
    if !unfinished.isEmpty { sections.append(unfinishedSection(style)) }
    let warnings = warningLines(style)
    if !warnings.isEmpty {
      sections.append(([style.paint("warnings", .bold)] + warnings).joined(separator: "\n"))
    }
    if let rivals = rivalSection(style) { sections.append(rivals) }
    if let early { sections.append(earlySection(early, style)) }
    let definitions = DefinitionGroups(fit.runs.map(\.curve))
    if definitions.areMixed { sections.append(definitionSection(definitions, style)) }
    sections.append(scalingSection(style))
    if let leaveOneOut = fit.leaveOneOut {
      sections.append(PredictionText.leaveOneOut(leaveOneOut, style))
    }
    for settled in heldOut { sections.append(heldOutSection(settled, style)) }
    return sections.joined(separator: "\n\n")
  }

  func name(_ curve: Curve) -> String {
    (labels[curve.id] ?? curve.id) + (curve.isHeldOut ? " *" : "")
  }

  // MARK: Warnings

  private func warningLines(_ style: Style) -> [String] {
    let all = fit.runs.count > FitReport.rowLimit ? groupedWarnings : sentences(on: fit.runs)
    let words =
      all + sentences(on: unfinished.map(\.run))
      + fit.scalingWarnings.map { ("across sizes: \($0)", false) }
    var lines = words.prefix(warningLimit).flatMap {
      PredictionText.bullet($0.0, isGrave: $0.1, style)
    }
    if words.count > warningLimit { lines.append("  … and \(words.count - warningLimit) more") }
    return lines
  }

  private func sentences(on runs: [RunFit]) -> [(String, Bool)] {
    runs.flatMap { run -> [(String, Bool)] in
      let label = DisplayText.clean(name(run.curve))
      if case .failure(let reason) = run.law { return [("\(label): no fit: \(reason)", true)] }
      return run.warnings.map { ("\(label): \($0.message)", $0.contradictsLaw) }
    }
  }

  /// One line a kind of warning, with the first run's words as an example.
  private var groupedWarnings: [(String, Bool)] {
    var lines: [(String, Bool)] = []
    let without = fit.runs.filter(\.hasNoLaw)
    if let first = without.first, case .failure(let reason) = first.law {
      lines.append(
        (group(without.map(\.curve), "have no fit, such as", "no fit", reason.reason), true))
    }
    for kind in LawWarning.Kind.allCases {
      let warned = fit.runs.filter { $0.warnings.contains { $0.kind == kind } }
      guard let first = warned.first,
        let warning = first.warnings.first(where: { $0.kind == kind })
      else { continue }
      lines.append(
        (
          group(warned.map(\.curve), "have a warning such as", nil, warning.message),
          warning.contradictsLaw
        ))
    }
    return lines
  }

  private func group(
    _ curves: [Curve], _ verb: String, _ state: String?, _ words: String
  ) -> String {
    let label = DisplayText.clean(curves.first.map(name) ?? "")
    let stated = state.map { "\($0): " } ?? ""
    guard curves.count > 1 else { return "\(label): \(stated)\(words)" }
    return "\(curves.count) of \(fit.runs.count) runs \(verb) that of \(label): \(words)"
  }

  func percent(_ level: Double) -> String { PredictionText.percent(level) }
}

extension RunFit {
  var hasNoLaw: Bool {
    guard case .failure = law else { return false }
    return true
  }
}
