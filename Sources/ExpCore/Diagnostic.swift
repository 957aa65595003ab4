/// A place in a text file, counted from 1 as editors do.
public struct SourceLocation: Sendable, Hashable, Comparable {
  /// The path as the user gave it.
  public var file: String
  /// The line, from 1.
  public var line: Int
  /// The column in characters, from 1.
  public var column: Int

  /// Makes a place.
  public init(file: String, line: Int, column: Int) {
    self.file = file
    self.line = line
    self.column = column
  }

  /// Orders by file, line, column.
  public static func < (left: SourceLocation, right: SourceLocation) -> Bool {
    (left.file, left.line, left.column) < (right.file, right.line, right.column)
  }
}

/// One problem of an input, with all that its words need: where, what was found, what was expected, the mend.
public struct Diagnostic: Error, Sendable, Hashable {
  /// How bad a problem is.
  public enum Severity: String, Sendable, Hashable {
    case error
    case warning
  }

  /// Whether it stops the work.
  public var severity: Severity
  /// Where; nil for what has no file, such as a command-line override.
  public var location: SourceLocation?
  /// What was found, in one clause, with names quoted.
  public var message: String
  /// The line of the file at `location`, without its line break.
  public var excerpt: String?
  /// What could have stood there; printed as `expected one of: …` or as a sentence of its own.
  public var expected: String?
  /// How to mend it.
  public var help: String?
  /// Further places, such as the `extends` line that led here, each with its words.
  public var notes: [Note]

  /// Another place that belongs to a problem.
  public struct Note: Sendable, Hashable {
    /// Where.
    public var location: SourceLocation?
    /// Why it belongs here.
    public var message: String

    /// Makes a note.
    public init(location: SourceLocation?, message: String) {
      self.location = location
      self.message = message
    }
  }

  /// Makes a problem.
  public init(
    _ severity: Severity = .error, at location: SourceLocation? = nil, _ message: String,
    excerpt: String? = nil, expected: String? = nil, help: String? = nil, notes: [Note] = []
  ) {
    self.severity = severity
    self.location = location
    self.message = message
    self.excerpt = excerpt
    self.expected = expected
    self.help = help
    self.notes = notes
  }

  /// The problem as the terminal shows it: place, words, excerpt with a caret, expectation, help, notes.
  public var rendered: String {
    var lines: [String] = []
    let place = location.map { "\($0.file):\($0.line):\($0.column): " } ?? ""
    lines.append("\(place)\(severity.rawValue): \(message)")
    if let excerpt, let location {
      let number = String(location.line)
      let gutter = String(repeating: " ", count: max(5 - number.count, 1)) + number
      let shown = Diagnostic.window(excerpt, around: location.column)
      lines.append("\(gutter) | \(shown.text)")
      lines.append(
        String(repeating: " ", count: gutter.count) + " | "
          + String(repeating: " ", count: max(shown.column - 1, 0)) + "^")
    }
    if let expected { lines.append("  expected \(expected)") }
    if let help { lines.append("  help: \(help)") }
    for note in notes {
      let place = note.location.map { "\($0.file):\($0.line):\($0.column): " } ?? ""
      lines.append("  \(place)note: \(note.message)")
    }
    return lines.joined(separator: "\n")
  }

  /// Cuts a long line around the column; control characters, which could steer a terminal, become `?`.
  private static func window(_ line: String, around column: Int) -> (text: String, column: Int) {
    let safe = line.unicodeScalars.map { scalar -> Character in
      if scalar == "\t" { return " " }
      let control = scalar.value < 0x20 || (0x7f...0x9f).contains(scalar.value)
      return control ? "?" : Character(scalar)
    }
    let width = 96
    guard safe.count > width else { return (String(safe), column) }
    let start = min(max(0, column - 1 - width / 2), safe.count - width)
    return (String(safe[start..<(start + width)]), column - start)
  }
}
