internal import ExpCore

/// One reading of a file: header, rows, and what is wrong with them.
struct FitCSVReader {
  private static let columns = ["run", "model_params", "step", "entropy", "score"]

  private let text: CSVText
  private var problems: CSVProblems
  private var columnCount = 0
  /// For each of `columns` its place in a record.
  private var places: [Int] = []
  private var runs: [CSVRun] = []
  private var runIndices: [String: Int] = [:]
  private var lastRun: Int?
  /// The size text of the last row and what it means; files repeat it thousands of times.
  private var lastSize: (text: String, value: Double)?
  private var leftOut: [CSVField] = []

  init(_ bytes: [UInt8], file: String) {
    text = CSVText(bytes: bytes, file: file)
    problems = CSVProblems()
  }

  mutating func read() {
    if let problem = text.encodingProblem() {
      problems.add(problem)
      return
    }
    var records = CSVRecords(text.bytes, from: text.start)
    guard records.next() else {
      problems.add(
        Diagnostic(
          at: text.location(line: 1, column: 1), "the file is empty",
          expected: "a header with the columns \(FitCSVReader.columns.joined(separator: ", "))"))
      return
    }
    guard !reportFault(of: records), readHeader(records) else { return }
    while records.next() {
      if !reportFault(of: records) { readRow(records) }
      if case .unclosedQuote = records.fault { break }
    }
    finish()
  }

  func contents() -> FitCSV.Contents {
    let diagnostics = problems.diagnostics
    let hasErrors = diagnostics.contains { $0.severity == .error }
    let curves = runs.map { Curve(id: $0.id, modelParams: $0.size, points: $0.points) }
    return FitCSV.Contents(curves: hasErrors ? [] : curves, diagnostics: diagnostics)
  }

  private mutating func reportFault(of records: CSVRecords) -> Bool {
    switch records.fault {
    case nil: return false
    case .unclosedQuote(let field):
      problems.add(text.problem(at: field, "the quote that opens here is never closed"))
    case .textAfterQuote(let offset, let line, let lineStart):
      let place = CSVField(
        start: offset, end: offset, line: line, lineStart: lineStart, outerStart: offset)
      problems.add(
        text.problem(
          at: place, "there is text after the closing quote",
          help: "write a quote inside quotes twice"))
    }
    return true
  }
}

extension FitCSVReader {
  private mutating func readHeader(_ records: CSVRecords) -> Bool {
    let fields = records.fields
    columnCount = records.fieldCount
    guard columnCount <= CSVRecords.fieldLimit else {
      problems.add(
        text.problem(
          at: fields[0],
          "the header has \(columnCount) columns, more than \(CSVRecords.fieldLimit)"))
      return false
    }
    let names = fields.map(text.trimmed)
    for (index, column) in FitCSVReader.columns.enumerated() {
      let found = names.indices.filter { names[$0] == column }
      places.append(found.first ?? -1)
      if let first = found.first, found.count > 1 {
        problems.add(
          text.problem(
            at: fields[found[1]],
            "column '\(column)' stands here again; first at \(text.place(of: fields[first]))"))
      } else if found.isEmpty {
        reportMissing(FitCSVReader.columns[index], names: names, fields: fields)
      }
    }
    return problems.isEmpty
  }

  private mutating func reportMissing(_ column: String, names: [String], fields: [CSVField]) {
    var help: String?
    if names.count == 1, let only = names.first,
      let mark = only.first(where: { ";\t|".contains($0) })
    {
      help = "fields are separated by commas, not by '\(mark == "\t" ? "\\t" : String(mark))'"
    } else if let near = names.first(where: { $0.lowercased() == column }) {
      help = "write '\(column)' for '\(near)'"
    }
    problems.add(
      text.problem(
        at: fields[0], "the header has no column '\(column)'",
        expected: "the columns \(FitCSVReader.columns.joined(separator: ", "))", help: help))
  }

  private mutating func readRow(_ records: CSVRecords) {
    let fields = records.fields
    guard records.fieldCount == columnCount else {
      let count = records.fieldCount == 1 ? "1 field" : "\(records.fieldCount) fields"
      problems.add(
        text.problem(at: fields[0], "this row has \(count), the header has \(columnCount)"))
      return
    }
    let id = text.trimmed(fields[places[0]])
    if id.isEmpty { problems.add(text.problem(at: fields[places[0]], "the run has no name")) }
    let size = size(fields[places[1]])
    let step = step(fields[places[2]])
    let entropy = measurement(fields[places[3]])
    let score = measurement(fields[places[4]])
    guard !id.isEmpty, let size, let step, let entropy, let score else { return }
    let point = CurvePoint(step: step, entropy: entropy, score: score)
    if !point.isUsable {
      leftOut.append(entropy.isFinite && entropy < 300 ? fields[places[4]] : fields[places[3]])
    }
    add(point, run: id, size: size, fields)
  }

  private mutating func add(_ point: CurvePoint, run id: String, size: Double, _ fields: [CSVField])
  {
    let index = self.index(of: id, size: size, at: fields[places[1]])
    if runs[index].size != size {
      problems.add(
        text.problem(
          at: fields[places[1]],
          "run '\(id)' has \(shortText(size, digits: 12)) parameters here and "
            + "\(shortText(runs[index].size, digits: 12)) at \(text.place(of: runs[index].sizeField))"
        ))
      return
    }
    runs[index].points.append(point)
    runs[index].stepFields.append(CSVPlace(fields[places[2]]))
  }

  private mutating func index(of id: String, size: Double, at field: CSVField) -> Int {
    if let lastRun, runs[lastRun].id == id { return lastRun }
    let index = runIndices[id] ?? runs.count
    if index == runs.count {
      runIndices[id] = index
      runs.append(CSVRun(id: id, size: size, sizeField: field))
    }
    lastRun = index
    return index
  }

  private mutating func finish() {
    if runs.isEmpty, problems.isEmpty {
      problems.add(
        Diagnostic(
          at: text.location(line: 1, column: 1), "there is no row below the header",
          expected: "one row per evaluation"))
    }
    for index in runs.indices { reportRepeatedSteps(in: runs[index]) }
    reportLeftOut()
  }

  private mutating func reportRepeatedSteps(in run: CSVRun) {
    let steps = run.points.map(\.step)
    if zip(steps, steps.dropFirst()).allSatisfy({ $0 < $1 }) { return }
    // Equal steps stay in the order of the file, so the first of a group is the first given.
    let order = steps.indices.sorted { (steps[$0], $0) < (steps[$1], $1) }
    var first = order[0]
    for index in order.dropFirst() {
      guard steps[index] == steps[first] else {
        first = index
        continue
      }
      problems.add(
        text.problem(
          at: run.stepFields[index].field,
          "step \(steps[index]) of run '\(run.id)' stands here again; first at "
            + text.place(of: run.stepFields[first].field)))
    }
  }

  private mutating func reportLeftOut() {
    guard let first = leftOut.first else { return }
    let lines = listText(leftOut.prefix(21).map { String($0.line) }, limit: 20)
    let rest = leftOut.count > 21 ? " (\(leftOut.count) in all)" : ""
    let words = leftOut.count == 1 ? "1 row is" : "\(leftOut.count) rows are"
    problems.add(
      text.problem(
        .warning, at: first,
        "\(words) left out of the fits, for entropy or score is not finite: "
          + "\(leftOut.count == 1 ? "line" : "lines") \(lines)\(rest)"))
  }
}

extension FitCSVReader {
  private mutating func size(_ field: CSVField) -> Double? {
    let words = text.trimmed(field)
    if let lastSize, lastSize.text == words { return lastSize.value }
    guard let value = Quantity.size(words), value.isFinite else {
      problems.add(
        text.problem(
          at: field, "'\(words)' is not a size", expected: "a number such as 1000000 or 10M"))
      return nil
    }
    guard value > 0 else {
      problems.add(text.problem(at: field, "a size is above 0, not \(words)"))
      return nil
    }
    lastSize = (words, value)
    return value
  }

  private mutating func step(_ field: CSVField) -> Int? {
    let words = text.trimmed(field)
    let value = Int(words) ?? FitCSVReader.decimal(words).flatMap { Int(exactly: $0) }
    guard let value, value >= 0, value <= 1 << 53 else {
      problems.add(
        text.problem(at: field, "'\(words)' is not a step", expected: "a whole number from 0 on"))
      return nil
    }
    return value
  }

  /// A number; NaN for one that was not measured or is beyond the range of numbers; nil, with a
  /// problem, for anything else.
  private mutating func measurement(_ field: CSVField) -> Double? {
    let words = text.trimmed(field)
    if let value = FitCSVReader.decimal(words) { return value }
    let bare = words.drop { $0 == "+" || $0 == "-" }.lowercased()
    if ["", "nan", "inf", "infinity"].contains(bare) { return .nan }
    problems.add(
      text.problem(
        at: field, "'\(words)' is not a number",
        help: "leave the field empty where nothing was measured"))
    return nil
  }

  /// `Double` alone would read `0x1p3` and `nan(1)` too.
  private static func decimal(_ words: String) -> Double? {
    DecimalForm(words[...]) == nil ? nil : Double(words)
  }
}

/// A run as its rows come in.
private struct CSVRun {
  let id: String
  let size: Double
  /// Where the size stood first.
  let sizeField: CSVField
  var points: [CurvePoint] = []
  /// Where each point's step stood.
  var stepFields: [CSVPlace] = []

  init(id: String, size: Double, sizeField: CSVField) {
    self.id = id
    self.size = size
    self.sizeField = sizeField
  }
}

/// A place in the file, small enough to be kept for every row.
private struct CSVPlace {
  let outerStart: Int
  let line: Int
  let lineStart: Int

  init(_ field: CSVField) {
    (outerStart, line, lineStart) = (field.outerStart, field.line, field.lineStart)
  }

  var field: CSVField {
    CSVField(
      start: outerStart, end: outerStart, line: line, lineStart: lineStart, outerStart: outerStart)
  }
}
