internal import ExpCore

/// Collects what is wrong with a spec, with the excerpts and the `extends` lines that belong to each place.
struct Problems: Sendable {
  /// Wrong names that are compared with the known ones; further ones are reported without a suggestion.
  static let mostSuggestions = 200

  /// Text of every file that was read, by its path.
  var sources: [String: String] = [:]
  /// For an extended file, the `extends` lines that led to it, nearest first.
  var extendsNotes: [String: [Diagnostic.Note]] = [:]
  /// Names of things that are not files: the overrides of the command line.
  var overrides: Set<String> = []

  /// The lines of `sources`, where they have been cut already.
  private var lines: [String: [String]] = [:]
  private(set) var found: [Diagnostic] = []
  private var seen: Set<Diagnostic> = []
  private var suggestions = 0

  /// Whether there is an error among them.
  var hasErrors: Bool { found.contains { $0.severity == .error } }

  /// Adds an error.
  mutating func error(
    _ message: String, at place: SourceLocation?, expected: String? = nil, help: String? = nil,
    notes: [Diagnostic.Note] = []
  ) {
    add(Diagnostic(.error, at: place, message, expected: expected, help: help, notes: notes))
  }

  /// Adds a warning.
  mutating func warning(
    _ message: String, at place: SourceLocation?, expected: String? = nil, help: String? = nil,
    notes: [Diagnostic.Note] = []
  ) {
    add(Diagnostic(.warning, at: place, message, expected: expected, help: help, notes: notes))
  }

  /// Adds a problem, filling in the excerpt and the notes that its place asks for; the same one only once.
  mutating func add(_ diagnostic: Diagnostic) {
    var diagnostic = diagnostic
    if let place = diagnostic.location {
      if overrides.contains(place.file) {
        diagnostic.location = nil
        diagnostic.message = "override '\(place.file.shortened)': \(diagnostic.message)"
      } else {
        diagnostic.notes += extendsNotes[place.file] ?? []
      }
    }
    for index in diagnostic.notes.indices {
      guard let file = diagnostic.notes[index].location?.file, overrides.contains(file) else {
        continue
      }
      diagnostic.notes[index].location = nil
    }
    if seen.insert(diagnostic).inserted { found.append(diagnostic) }
  }

  /// The place where it is in a file; nil for one in an override.
  func fileLocation(_ place: SourceLocation) -> SourceLocation? {
    overrides.contains(place.file) ? nil : place
  }

  /// The name that was probably meant, as words for `help`.
  mutating func suggestion(for name: String, among known: some Sequence<String>) -> String? {
    guard suggestions < Problems.mostSuggestions else { return nil }
    suggestions += 1
    return Suggestion.nearest(to: name, among: known).map { "did you mean '\($0)'?" }
  }

  /// The texts and notes without the problems, for those that points have.
  func withoutFindings() -> Problems {
    var empty = Problems()
    empty.sources = sources
    empty.lines = sources.mapValues(SourceText.lines)
    empty.extendsNotes = extendsNotes
    empty.overrides = overrides
    return empty
  }

  /// All problems in order of their place, those of the command line last.
  func sorted() -> [Diagnostic] {
    let ordered = found.enumerated().sorted { left, right in
      switch (left.element.location, right.element.location) {
      case (let a?, let b?): a == b ? left.offset < right.offset : a < b
      case (nil, nil): left.offset < right.offset
      case (let a, _): a != nil
      }
    }
    // Cut once per file: a thousand problems must not walk through the text a thousand times.
    let files = Set(found.compactMap { $0.location?.file })
    let lines = Dictionary(
      uniqueKeysWithValues: files.map { file in
        (file, self.lines[file] ?? sources[file].map(SourceText.lines) ?? [])
      })
    return ordered.map { _, diagnostic in
      guard diagnostic.excerpt == nil, let place = diagnostic.location,
        let lines = lines[place.file], lines.indices.contains(place.line - 1)
      else { return diagnostic }
      var diagnostic = diagnostic
      diagnostic.excerpt = lines[place.line - 1]
      return diagnostic
    }
  }
}
