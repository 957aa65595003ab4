internal import ExpCore

extension SourceText {
  /// Checks the bytes of a file and drops a byte order mark.
  ///
  /// - Throws: a `Diagnostic` for bytes that are not UTF-8, for NULs and other characters that YAML forbids, and
  ///   for a crowd of `%` directives, which libyaml would compare pairwise.
  init(path: String, bytes: [UInt8]) throws(Diagnostic) {
    guard bytes.count <= SourceText.largestFile else {
      throw Diagnostic(.error, "cannot read '\(path.printable)': it is larger than 1 MiB")
    }
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw SourceText.encodingProblem(path, bytes)
    }
    self.path = path
    self.text =
      text.unicodeScalars.first == "\u{feff}" ? String(text.unicodeScalars.dropFirst()) : text
    try checkCharacters()
  }

  private func checkCharacters() throws(Diagnostic) {
    var place = SourceLocation(file: path, line: 1, column: 1)
    var directives = 0
    var previous: Unicode.Scalar = " "
    for scalar in text.unicodeScalars {
      if !SourceText.isAllowed(scalar) { throw forbidden(scalar, at: place) }
      if scalar == "%", place.column == 1 {
        directives += 1
        if directives > 8 { throw problem("more than 8 lines begin with '%'", at: place) }
      }
      if scalar == "\n", previous == "\r" {
        // The second half of one break.
      } else if SourceText.isBreak(scalar) {
        place.line += 1
        place.column = 1
      } else {
        place.column += 1
      }
      previous = scalar
    }
  }

  private func forbidden(_ scalar: Unicode.Scalar, at place: SourceLocation) -> Diagnostic {
    if scalar == "\0" {
      return problem("the file has a NUL character", at: place, help: "is it a text file?")
    }
    let code = String(scalar.value, radix: 16, uppercase: true)
    let padded = String(repeating: "0", count: max(0, 4 - code.count)) + code
    return problem("the character U+\(padded) is not allowed in YAML", at: place)
  }

  private func problem(_ message: String, at place: SourceLocation, help: String? = nil)
    -> Diagnostic
  {
    Diagnostic(
      .error, at: place, message, excerpt: SourceText.line(place.line, of: text), help: help)
  }

  /// The printable characters of YAML 1.2, section 5.1, without a byte order mark inside.
  private static func isAllowed(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x9, 0xa, 0xd, 0x20...0x7e, 0x85, 0xa0...0xd7ff, 0xe000...0xfefe, 0xff00...0xfffd,
      0x10000...0x10ffff:
      true
    default: false
    }
  }

  private static func encodingProblem(_ path: String, _ bytes: [UInt8]) -> Diagnostic {
    // Where the text up to here, repaired, stops being the bytes that were given.
    let repaired = Array(String(decoding: bytes, as: UTF8.self).utf8)
    var index = 0
    while index < bytes.count, index < repaired.count, bytes[index] == repaired[index] {
      index += 1
    }
    let line = bytes[..<index].count { $0 == 0x0a } + 1
    let start = (bytes[..<index].lastIndex(of: 0x0a) ?? -1) + 1
    let column = String(decoding: bytes[start..<index], as: UTF8.self).unicodeScalars.count + 1
    return Diagnostic(
      .error, at: SourceLocation(file: path, line: line, column: column),
      "the file is not UTF-8", help: "save it as UTF-8")
  }
}
