internal import ExpCore

/// The bytes of a file, and places in it for people.
struct CSVText {
  let bytes: [UInt8]
  let file: String

  /// The first byte after a byte order mark.
  var start: Int { bytes.starts(with: [0xef, 0xbb, 0xbf]) ? 3 : 0 }

  /// The text of a field without its quotes and the white space around it.
  func trimmed(_ field: CSVField) -> String {
    let range = trimmedRange(field)
    return field.hasDoubledQuotes
      ? unquoted(range) : String(decoding: bytes[range], as: UTF8.self)
  }

  /// Where the text of a field lies without the white space around it.
  func trimmedRange(_ field: CSVField) -> Range<Int> {
    var (start, end) = (field.start, field.end)
    while start < end, CSVText.isSpace(bytes[start]) { start += 1 }
    while end > start, CSVText.isSpace(bytes[end - 1]) { end -= 1 }
    return start..<end
  }

  /// The text of a range in which quotes are doubled.
  func unquoted(_ range: Range<Int>) -> String {
    var unquoted: [UInt8] = []
    var index = range.lowerBound
    while index < range.upperBound {
      unquoted.append(bytes[index])
      let isDoubled =
        bytes[index] == 0x22 && index + 1 < range.upperBound && bytes[index + 1] == 0x22
      index += isDoubled ? 2 : 1
    }
    return String(decoding: unquoted, as: UTF8.self)
  }

  private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }

  func location(line: Int, column: Int) -> SourceLocation {
    SourceLocation(file: file, line: line, column: column)
  }

  /// Line and column of a field, as `3:5`.
  func place(of field: CSVField) -> String { "\(field.line):\(column(of: field))" }

  func problem(
    _ severity: Diagnostic.Severity = .error, at field: CSVField, _ message: String,
    expected: String? = nil, help: String? = nil
  ) -> Diagnostic {
    Diagnostic(
      severity, at: location(line: field.line, column: column(of: field)), message,
      excerpt: excerpt(from: field.lineStart), expected: expected, help: help)
  }

  private func column(of field: CSVField) -> Int {
    String(decoding: bytes[field.lineStart..<field.outerStart], as: UTF8.self).count + 1
  }

  /// The line from an offset on; none for a line so long that copying it for every problem would
  /// hurt.
  private func excerpt(from lineStart: Int) -> String? {
    let limit = 4096
    let rest = bytes[lineStart...].prefix(limit + 1)
    let line = rest.prefix { $0 != 0x0a && $0 != 0x0d }
    return line.count > limit ? nil : String(decoding: line, as: UTF8.self)
  }

  /// What is wrong where the bytes are not UTF-8, with the line of the first wrong byte.
  func encodingProblem() -> Diagnostic? {
    if bytes.starts(with: [0xff, 0xfe]) || bytes.starts(with: [0xfe, 0xff]) {
      return Diagnostic(
        at: location(line: 1, column: 1), "the file is UTF-16", help: "save it as UTF-8")
    }
    if let (name, help) = CSVFormat.foreign(bytes, from: start) {
      return Diagnostic(
        at: location(line: 1, column: 1), "the file is \(name), not CSV", help: help)
    }
    if let offset = bytes.firstIndex(of: 0) {
      return problem(
        at: offset, "there is a zero byte here, which no text has",
        help: "save the file as UTF-8; UTF-16 looks like this")
    }
    guard let offset = bytes.withUnsafeBufferPointer(CSVText.firstInvalidByte) else { return nil }
    return problem(at: offset, "the text is not valid UTF-8 here", help: "save the file as UTF-8")
  }

  private func problem(at offset: Int, _ message: String, help: String) -> Diagnostic {
    let before = bytes[..<offset]
    let line = before.reduce(1) { $0 + ($1 == 0x0a ? 1 : 0) }
    let lineStart = before.lastIndex(of: 0x0a).map { $0 + 1 } ?? start
    let column =
      String(decoding: bytes[max(lineStart, start)..<max(offset, start)], as: UTF8.self).count + 1
    return Diagnostic(at: location(line: line, column: column), message, help: help)
  }

  /// Where the first ill-formed sequence starts (the table of well-formed sequences in the Unicode
  /// Standard, 3.9).
  private static func firstInvalidByte(_ bytes: UnsafeBufferPointer<UInt8>) -> Int? {
    var index = 0
    while index < bytes.count {
      let lead = bytes[index]
      if lead < 0x80 {
        index += 1
        continue
      }
      let (length, second): (Int, ClosedRange<UInt8>)
      switch lead {
      case 0xc2...0xdf: (length, second) = (2, 0x80...0xbf)
      case 0xe0: (length, second) = (3, 0xa0...0xbf)
      case 0xed: (length, second) = (3, 0x80...0x9f)
      case 0xe1...0xef: (length, second) = (3, 0x80...0xbf)
      case 0xf0: (length, second) = (4, 0x90...0xbf)
      case 0xf4: (length, second) = (4, 0x80...0x8f)
      case 0xf1...0xf3: (length, second) = (4, 0x80...0xbf)
      default: return index
      }
      guard index + length <= bytes.count, second.contains(bytes[index + 1]) else { return index }
      for offset in 2..<max(length, 2) where bytes[index + offset] & 0xc0 != 0x80 { return index }
      index += length
    }
    return nil
  }
}

/// The problems of a file: the first errors in full, the rest counted.
struct CSVProblems {
  private static let limit = 50

  private var shown: [Diagnostic] = []
  private var errorCount = 0

  var isEmpty: Bool { shown.isEmpty }

  mutating func add(_ problem: Diagnostic) {
    if problem.severity == .error {
      errorCount += 1
      if errorCount > CSVProblems.limit { return }
    }
    shown.append(problem)
  }

  /// What is shown, in order of the place.
  var diagnostics: [Diagnostic] {
    let sorted = shown.enumerated().sorted { left, right in
      guard let a = left.element.location, let b = right.element.location, a != b else {
        return left.offset < right.offset
      }
      return a < b
    }.map(\.element)
    let hidden = errorCount - CSVProblems.limit
    guard hidden > 0 else { return sorted }
    return sorted + [Diagnostic(.error, "\(hidden) more problems are not shown")]
  }
}
