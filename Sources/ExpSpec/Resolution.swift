public import ExpCore

/// What an assignment of the axes comes to.
public struct Resolution: Sendable {
  /// The point: every key of `RunConfig`, in canonical form; unfinished where there are errors.
  public let config: JSONValue
  /// Errors, which make it no point, and warnings.
  public let problems: [Diagnostic]
  /// Paths that were set and that this point reads.
  let usedPaths: Set<String>
  /// The size's name where one was given.
  let sizeName: String?

  /// Whether it can be run.
  public var isValid: Bool { !problems.contains { $0.severity == .error } }

  /// The value that an expression's name has for this point: every path of the config, and `model.size`.
  public func lookup(_ key: String) -> JSONValue? {
    if key == "model.size" { return sizeName.map { .string($0) } }
    return config[path: key]
  }
}

extension ExperimentSpec {
  /// Resolves one assignment: document, then the assignment, then the `when` rules that hold, then defaults.
  ///
  /// The result does not depend on the order of the assignment. Named sizes become widths, rules over the size become
  /// numbers, entropy control becomes a map with its own keys, and only the keys of the chosen task are kept.
  public func resolution(of assignment: [Setting]) -> Resolution {
    let (draft, fired) = draft(of: assignment)
    return Resolution(
      config: draft.config, problems: located(draft.findings, assignment, fired),
      usedPaths: draft.usedPaths, sizeName: draft.sizeName)
  }

  /// Resolves one assignment to the point's config.
  ///
  /// - Throws: `SpecError` with every error of the point; warnings are left out.
  public func resolve(_ assignment: [Setting]) throws(SpecError) -> JSONValue {
    let (draft, fired) = draft(of: assignment)
    let errors = draft.findings.filter { $0.severity == .error }
    guard errors.isEmpty else {
      throw SpecError(diagnostics: located(errors, assignment, fired))
    }
    return draft.config
  }

  private func draft(of assignment: [Setting]) -> (Resolver.Draft, [Rule]) {
    var document = self.document
    SpecDocument.apply(assignment, to: &document)
    let resolver = Resolver()
    let plain = resolver.resolve(document)
    let fired = when.filter { $0.condition.evaluate(plain.lookup) }
    guard !fired.isEmpty else { return (plain, []) }
    for rule in fired { SpecDocument.apply(rule.settings, to: &document) }
    return (resolver.resolve(document), fired)
  }

  private func located(
    _ findings: [Resolver.Finding], _ assignment: [Setting], _ fired: [Rule]
  ) -> [Diagnostic] {
    guard !findings.isEmpty else { return [] }
    var problems = origin
    for finding in findings { add(finding, assignment, fired, to: &problems) }
    return problems.sorted()
  }

  private func add(
    _ finding: Resolver.Finding, _ assignment: [Setting], _ fired: [Rule],
    to problems: inout Problems
  ) {
    let places = finding.paths.map { place(of: $0, assignment, fired) }
    // The key that an axis or a rule brought is the one to look at; the document was there before.
    let first =
      places.indices.first { places[$0]?.isOwn == true }
      ?? places.indices.first { places[$0] != nil }
    let notes = places.indices.compactMap { index -> Diagnostic.Note? in
      guard index != first, let place = places[index],
        place.location != first.flatMap({ places[$0]?.location })
      else { return nil }
      return .init(location: place.location, message: "'\(finding.paths[index])' is given here")
    }
    let location = first.flatMap { places[$0]?.location } ?? start
    problems.add(
      Diagnostic(
        finding.severity, at: location, finding.message, expected: finding.expected,
        help: finding.help, notes: notes))
  }

  /// Where a point's value came from, and whether from an axis, an inclusion or a rule.
  private func place(
    of path: String, _ assignment: [Setting], _ fired: [Rule]
  ) -> (location: SourceLocation, isOwn: Bool)? {
    for rule in fired.reversed() {
      for (name, location) in rule.settingPlaces where SettablePaths.overlap(name, path) {
        return (location, true)
      }
    }
    for setting in assignment where SettablePaths.overlap(setting.path, path) {
      if let location = axisPlace(of: setting) { return (location, true) }
    }
    return place(of: path).map { ($0, false) }
  }

  private func axisPlace(of setting: Setting) -> SourceLocation? {
    for axis in grid + zips.flatMap({ $0 }) where axis.path == setting.path {
      if axis.values.contains(setting.value) { return axis.place(of: setting.value) }
    }
    for (row, places) in zip(include, includePlaces) {
      if row.contains(where: { $0.path == setting.path && $0.value == setting.value }) {
        return places[setting.path]
      }
    }
    return nil
  }
}

/// Everything that is wrong with a spec or a point.
public struct SpecError: Error, Sendable {
  /// The problems in order of their place.
  public let diagnostics: [Diagnostic]
}
