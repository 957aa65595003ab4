internal import ExpCore

/// What a field means, and what is said where it means nothing.
extension FitCSVReader {
  mutating func size(_ field: CSVField) -> Double? {
    let words = text.trimmed(field)
    if let lastSize, lastSize.text == words { return lastSize.value }
    guard let value = Quantity.size(words), value.isFinite else {
      problems.add(
        text.problem(
          at: field, "'\(words)' is not a size", expected: "a number such as 1000000 or 10M",
          help: FitCSVReader.mend(words)))
      return nil
    }
    guard value > 0 else {
      problems.add(text.problem(at: field, "a size is above 0, not \(words)"))
      return nil
    }
    lastSize = (words, value)
    return value
  }

  mutating func step(_ field: CSVField) -> Int? {
    let words = text.trimmed(field)
    guard let value = FitCSVReader.whole(words), value >= 0, value <= 1 << 53 else {
      problems.add(
        text.problem(
          at: field, "'\(words)' is not a step", expected: "a whole number from 0 on",
          help: FitCSVReader.mend(words)))
      return nil
    }
    return value
  }

  /// A number; NaN for one that was not measured or is beyond the range of numbers; nil, with a
  /// problem, for anything else.
  mutating func measurement(_ field: CSVField) -> Double? {
    let words = text.trimmed(field)
    if let value = FitCSVReader.decimal(words) { return value }
    let bare = words.drop { $0 == "+" || $0 == "-" }.lowercased()
    if ["", "nan", "inf", "infinity"].contains(bare) { return .nan }
    problems.add(
      text.problem(
        at: field, "'\(words)' is not a number",
        help: FitCSVReader.mend(words) ?? "leave the field empty where nothing was measured"))
    return nil
  }

  /// Compute up to a step; NaN where the field is empty; nil, with a problem, for anything else.
  mutating func compute(_ field: CSVField) -> Double? {
    let words = text.trimmed(field)
    if words.isEmpty { return .nan }
    if let value = FitCSVReader.decimal(words), value.isFinite, value >= 0 { return value }
    problems.add(
      text.problem(
        at: field, "'\(words)' is no compute",
        expected: "a number from 0 on, the sum up to the step",
        help: FitCSVReader.mend(words)))
    return nil
  }

  /// Takes what the first row of a run says of all of it; an empty field says nothing.
  mutating func take(_ field: CSVField, as role: CSVColumns.Role, into run: inout CSVRun) {
    let words = text.trimmed(field)
    guard !words.isEmpty else { return }
    var expected: String?
    switch role {
    case .label: break
    case .definition: run.definition = words
    case .seed:
      run.seed = FitCSVReader.whole(words)
      if run.seed == nil { expected = "a whole number" }
    case .baseSeed:
      run.baseSeed = FitCSVReader.whole(words)
      if run.baseSeed == nil { expected = "a whole number" }
    case .prompts:
      run.promptCount = FitCSVReader.whole(words).flatMap { $0 > 0 ? $0 : nil }
      if run.promptCount == nil { expected = "a whole number above 0" }
    case .heldOut:
      switch words.lowercased() {
      case "true", "1": run.isHeldOut = true
      case "false", "0": break
      default: expected = "true, false, 1 or 0"
      }
    }
    guard let expected else { return }
    problems.add(
      text.problem(
        at: field, "'\(words)' does not do in column '\(role.rawValue)'", expected: expected))
  }

  /// `Double` alone would read `0x1p3` and `nan(1)` too.
  private static func decimal(_ words: String) -> Double? {
    DecimalForm(words[...]) == nil ? nil : Double(words)
  }

  /// A whole number, `4.0` among them.
  private static func whole(_ words: String) -> Int? {
    Int(words) ?? decimal(words).flatMap { Int(exactly: $0) }
  }

  /// What to write for a number that is written as other programs write it; nil where nothing comes
  /// to mind.
  private static func mend(_ words: String) -> String? {
    if words.hasSuffix("%"), let share = decimal(String(words.dropLast())) {
      return "write \(shortText(share / 100, digits: 12)) for \(words)"
    }
    let marks = words.filter { ",' _\u{a0}".contains($0) }
    guard let mark = marks.first else { return nil }
    let bare = words.filter { !",' _\u{a0}".contains($0) }
    guard decimal(bare) != nil else { return nil }
    let groups = words.split(separator: mark, omittingEmptySubsequences: false)
    let areThousands = groups.dropFirst().allSatisfy { $0.prefix { $0.isNumber }.count == 3 }
    if mark == ",", marks.count == 1, !areThousands {
      return "write a point before decimals: \(words.replacing(",", with: "."))"
    }
    return "write numbers without marks between thousands: \(bare)"
  }
}
