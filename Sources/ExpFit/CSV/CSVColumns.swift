internal import ExpCore

/// Which column of a file says what.
struct CSVColumns {
  static let required = ["run", "model_params", "step", "entropy", "score"]

  /// What a column says of its whole run.
  enum Role: String {
    case seed
    case baseSeed = "base_seed"
    case heldOut = "held_out"
    case prompts
    case definition
    /// Anything else that people wish to tell runs apart by.
    case label
  }

  /// A column that says something of the whole run.
  struct RunColumn {
    let role: Role
    let name: String
    let place: Int
    /// Whether a run has two values in it, so that it is no label.
    var varies = false
  }

  /// Columns that may become labels; the rest of a wider log would only cost memory.
  static let labelLimit = 64

  /// For each of `required` its place in a record.
  private(set) var places: [Int] = []
  private(set) var compute: Int?
  var ofRun: [RunColumn] = []
  /// Names of columns that nothing is done with.
  private(set) var ignored: [String] = []
  private(set) var count = 0

  /// Reads the header; false, with problems, where it does not do.
  mutating func read(_ records: CSVRecords, _ text: CSVText, _ problems: inout CSVProblems) -> Bool
  {
    let fields = records.fields
    count = records.fieldCount
    guard count <= CSVRecords.fieldLimit else {
      problems.add(
        text.problem(
          at: fields[0], "the header has \(count) columns, more than \(CSVRecords.fieldLimit)"))
      return false
    }
    let names = fields.map(text.trimmed)
    if let mark = CSVColumns.otherSeparator(names) {
      let shown = mark == "\t" ? "tabs" : "'\(mark)'"
      problems.add(
        text.problem(
          at: fields[0], "the fields are separated by \(shown), not by commas",
          expected: CSVColumns.expectation,
          help: "write commas between fields and points before decimals"))
      return false
    }
    places = CSVColumns.required.map { names.firstIndex(of: $0) ?? -1 }
    reportMissing(names, fields, text, &problems)
    takeOptional(names, fields, text, &problems)
    return problems.isEmpty
  }

  static let expectation = "the columns \(required.joined(separator: ", "))"

  private static func otherSeparator(_ names: [String]) -> Character? {
    // A decimal comma in a header cannot be, so one field that holds another separator is telling.
    guard names.count == 1, let only = names.first else { return nil }
    return ";\t|".first { only.contains($0) && only.contains("step") }
  }

  /// What logs elsewhere call a column, in lower case and without what stands before a slash.
  private static let otherNames: [String: Set<String>] = [
    "run": ["run_id", "run_name", "run name", "name", "id", "experiment", "experiment_name"],
    "model_params": ["params", "parameters", "n_params", "num_params", "n", "size", "model_size"],
    "step": ["steps", "_step", "global_step", "iteration", "training_step"],
    "entropy": ["entropy_loss", "policy_entropy", "mean_entropy", "actor_entropy", "h"],
    "score": ["reward", "accuracy", "acc", "val_score", "val_acc", "mean@1", "r"],
  ]

  private static func lastPart(_ name: String) -> String {
    String(name.split(separator: "/").last ?? "").lowercased()
  }

  private mutating func reportMissing(
    _ names: [String], _ fields: [CSVField], _ text: CSVText, _ problems: inout CSVProblems
  ) {
    for (column, place) in zip(CSVColumns.required, places) where place < 0 {
      let unused = names.filter { !$0.isEmpty && !CSVColumns.required.contains($0) }
      let near =
        Suggestion.nearest(to: column, among: unused)
        ?? unused.first { name in
          let last = CSVColumns.lastPart(name)
          return last == column || CSVColumns.otherNames[column]?.contains(last) == true
        }
      problems.add(
        text.problem(
          at: fields[0], "the header has no column '\(column)'",
          expected: CSVColumns.expectation, help: near.map { "write '\(column)' for '\($0)'" }))
    }
  }

  private mutating func takeOptional(
    _ names: [String], _ fields: [CSVField], _ text: CSVText, _ problems: inout CSVProblems
  ) {
    var seen: [String: Int] = [:]
    var labelCount = 0
    for (place, name) in names.enumerated() {
      if let first = seen[name] {
        guard isKnown(name) else {
          ignored.append(name)
          continue
        }
        problems.add(
          text.problem(
            at: fields[place],
            "column '\(name)' stands here again; first at \(text.place(of: fields[first]))"))
        continue
      }
      seen[name] = place
      if CSVColumns.required.contains(name) { continue }
      if name == "compute" {
        compute = place
      } else if let role = Role(rawValue: name), role != .label {
        ofRun.append(RunColumn(role: role, name: name, place: place))
      } else if name.isEmpty || labelCount == CSVColumns.labelLimit {
        ignored.append(name.isEmpty ? "column \(place + 1)" : name)
      } else {
        labelCount += 1
        ofRun.append(RunColumn(role: .label, name: name, place: place))
      }
    }
  }

  private func isKnown(_ name: String) -> Bool {
    name == "compute" || CSVColumns.required.contains(name)
      || (name != Role.label.rawValue && Role(rawValue: name) != nil)
  }
}
