/// Text as a terminal shows it: made harmless, measured in columns, cut and padded.
public enum DisplayText {
  /// Returns the text on one line with nothing in it that could steer a terminal.
  ///
  /// Line breaks and tabs become spaces; other control characters and those that reverse the direction of
  /// writing become `?`.
  public static func clean(_ text: String) -> String {
    // CR LF is one Character but two scalars, so the work is on scalars.
    guard text.unicodeScalars.contains(where: { replacement(for: $0) != nil }) else {
      return text
    }
    var cleaned = String.UnicodeScalarView()
    for scalar in text.unicodeScalars { cleaned.append(replacement(for: scalar) ?? scalar) }
    return String(cleaned)
  }

  /// Returns the columns the text takes: 2 for East Asian wide characters and emoji, 0 for combining marks.
  public static func width(_ text: String) -> Int {
    text.reduce(0) { $0 + width($1) }
  }

  /// Returns the text cut to `limit` columns, the last of them `…` where something is missing.
  public static func truncated(_ text: String, to limit: Int) -> String {
    guard width(text) > limit else { return text }
    guard limit > 0 else { return "" }
    var kept = ""
    var used = 0
    for character in text {
      let next = width(character)
      if used + next > limit - 1 { break }
      kept.append(character)
      used += next
    }
    return kept + "…"
  }

  /// Returns the text cut to `limit` columns with `…` in its middle: labels differ at both ends.
  public static func truncatedInside(_ text: String, to limit: Int) -> String {
    guard width(text) > limit else { return text }
    guard limit > 2 else { return truncated(text, to: limit) }
    let head = truncated(text, to: (limit + 2) / 2)
    var tail: [Character] = []
    var used = width(head)
    for character in text.reversed() {
      used += width(character)
      if used > limit { break }
      tail.append(character)
    }
    return head + String(tail.reversed())
  }

  /// Returns the text filled with spaces to `columns`, before it where `right` says so.
  static func padded(_ text: String, to columns: Int, right: Bool = false) -> String {
    let fill = String(repeating: " ", count: max(0, columns - width(text)))
    return right ? fill + text : text + fill
  }

  /// Returns the text broken at spaces into lines of at most `limit` columns; a longer word has a line of its own.
  static func wrapped(_ text: String, to limit: Int?) -> [String] {
    guard let limit, width(text) > limit else { return [text] }
    var lines: [String] = []
    var line = ""
    for word in text.split(separator: " ") {
      if !line.isEmpty && width(line) + 1 + width(String(word)) > limit {
        lines.append(line)
        line = ""
      }
      line += line.isEmpty ? String(word) : " \(word)"
    }
    lines.append(line)
    return lines
  }

  private static func replacement(for scalar: Unicode.Scalar) -> Unicode.Scalar? {
    switch scalar.value {
    case 0x09, 0x0a, 0x0d, 0x85, 0x2028, 0x2029: " "
    case 0x00...0x1f, 0x7f...0x9f: "?"
    case 0x061c, 0x200e, 0x200f, 0x202a...0x202e, 0x2066...0x2069: "?"
    default: nil
    }
  }

  private static func width(_ character: Character) -> Int {
    character.unicodeScalars.reduce(0) { max($0, width($1)) }
  }

  private static func width(_ scalar: Unicode.Scalar) -> Int {
    if scalar.value < 0x300 { return 1 }
    switch scalar.properties.generalCategory {
    case .nonspacingMark, .enclosingMark, .format: return 0
    default: break
    }
    if scalar.properties.isEmojiPresentation { return 2 }
    return wide.contains { $0.contains(scalar.value) } ? 2 : 1
  }

  /// Blocks whose characters are East Asian wide or full-width, from Unicode's EastAsianWidth.txt, joined.
  private static let wide: [ClosedRange<UInt32>] = [
    0x1100...0x115f, 0x2e80...0x303e, 0x3041...0x4dbf, 0x4e00...0xa4cf, 0xa960...0xa97c,
    0xac00...0xd7a3, 0xf900...0xfaff, 0xfe30...0xfe6f, 0xff00...0xff60, 0xffe0...0xffe6,
    0x16fe0...0x18cff, 0x1b000...0x1b2ff, 0x1f900...0x1f9ff, 0x20000...0x3fffd,
  ]
}
