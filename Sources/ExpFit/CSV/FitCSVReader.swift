internal import ExpCore

/// One reading of a file: header, rows, and what is wrong with them.
struct FitCSVReader {
  /// Runs that are kept; each costs more memory than a row, and nobody fits so many.
  private static let runLimit = 100_000

  let text: CSVText
  var problems: CSVProblems
  private var columns = CSVColumns()
  private var runs: [CSVRun] = []
  private var runIndices: [String: Int] = [:]
  private var lastRun: Int?
  /// The size text of the last row and what it means; files repeat it thousands of times.
  var lastSize: (text: String, value: Double)?
  private var leftOut = CSVLines()
  private var aboveOne = CSVLines()
  private var highestScore = 1.0

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
          expected: "a header with \(CSVColumns.expectation)"))
      return
    }
    guard !reportFault(of: records), columns.read(records, text, &problems) else { return }
    while records.next() {
      guard runs.count <= FitCSVReader.runLimit else {
        problems.add(
          text.problem(
            at: records.fields[0], "there are more than \(FitCSVReader.runLimit) runs",
            help: "is the column 'run' the name of a run, the same in all its rows?"))
        break
      }
      if !reportFault(of: records) { readRow(records) }
      if case .unclosedQuote = records.fault { break }
    }
    finish()
  }

  func contents() -> FitCSV.Contents {
    let diagnostics = problems.diagnostics
    let hasErrors = diagnostics.contains { $0.severity == .error }
    let curves = hasErrors ? [] : runs.map { $0.curve(columns.ofRun, text) }
    return FitCSV.Contents(curves: curves, diagnostics: diagnostics)
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
  private mutating func readRow(_ records: CSVRecords) {
    let fields = records.fields
    guard records.fieldCount == columns.count else {
      let count = records.fieldCount == 1 ? "1 field" : "\(records.fieldCount) fields"
      problems.add(
        text.problem(
          at: fields[0], "this row has \(count), the header has \(columns.count)",
          help: records.fieldCount > columns.count
            ? "write decimals with a point (0.5), and text that holds a comma in quotes" : nil))
      return
    }
    let places = columns.places
    let id = text.trimmed(fields[places[0]])
    if id.isEmpty { problems.add(text.problem(at: fields[places[0]], "the run has no name")) }
    let size = size(fields[places[1]])
    let step = step(fields[places[2]])
    let entropy = measurement(fields[places[3]])
    let score = measurement(fields[places[4]])
    let compute = columns.compute.map { self.compute(fields[$0]) }
    guard !id.isEmpty, let size, let step, let entropy, let score, compute != .some(nil) else {
      return
    }
    let point = CurvePoint(
      step: step, entropy: entropy, score: score,
      compute: compute.flatMap { $0 }.flatMap { $0.isNaN ? nil : $0 })
    if !point.isUsable {
      leftOut.add(entropy.isFinite && entropy < 300 ? fields[places[4]] : fields[places[3]])
    }
    if score.isFinite, score > 1 {
      aboveOne.add(fields[places[4]])
      highestScore = max(highestScore, score)
    }
    add(point, run: id, size: size, fields)
  }

  private mutating func add(_ point: CurvePoint, run id: String, size: Double, _ fields: [CSVField])
  {
    let index = self.index(of: id, size: size, fields)
    if runs[index].size != size {
      problems.add(
        text.problem(
          at: fields[columns.places[1]],
          "run '\(id)' has \(shortText(size, digits: 12)) parameters here and "
            + "\(shortText(runs[index].size, digits: 12)) at \(text.place(of: runs[index].sizeField))"
        ))
      return
    }
    compareRunColumns(of: index, fields)
    runs[index].points.append(point)
    runs[index].stepFields.append(CSVPlace(fields[columns.places[2]]))
  }

  private mutating func index(of id: String, size: Double, _ fields: [CSVField]) -> Int {
    if let lastRun, runs[lastRun].id == id { return lastRun }
    let index = runIndices[id] ?? runs.count
    if index == runs.count {
      runIndices[id] = index
      var run = CSVRun(
        id: id, size: size, sizeField: fields[columns.places[1]], firstLine: fields[0].line)
      for column in columns.ofRun {
        run.firstTexts.append(text.trimmedRange(fields[column.place]))
        take(fields[column.place], as: column.role, into: &run)
      }
      runs.append(run)
    }
    lastRun = index
    return index
  }

  /// A label that changes inside a run is none; anything else that does is a mistake.
  private mutating func compareRunColumns(of index: Int, _ fields: [CSVField]) {
    for place in columns.ofRun.indices where !columns.ofRun[place].varies {
      let column = columns.ofRun[place]
      let first = runs[index].firstTexts[place]
      let here = text.trimmedRange(fields[column.place])
      if first == here || text.bytes[first].elementsEqual(text.bytes[here]) { continue }
      guard column.role != .label else {
        columns.ofRun[place].varies = true
        continue
      }
      problems.add(
        text.problem(
          at: fields[column.place],
          "run '\(runs[index].id)' has \(column.name) '\(text.unquoted(here))' here and "
            + "'\(text.unquoted(first))' in line \(runs[index].firstLine)"))
    }
  }

  private mutating func finish() {
    if runs.isEmpty, problems.isEmpty {
      problems.add(
        Diagnostic(
          at: text.location(line: 1, column: 1), "there is no row below the header",
          expected: "one row per evaluation"))
    }
    for index in runs.indices { reportRepeatedSteps(in: runs[index]) }
    reportFallingCompute()
    reportLeftOut()
    reportHighScores()
    reportIgnored()
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

  private mutating func reportFallingCompute() {
    guard columns.compute != nil else { return }
    let falls = runs.compactMap { run in run.fallOfCompute.map { (run.id, $0) } }
    guard let (_, first) = falls.first else { return }
    problems.add(
      text.problem(
        .warning, at: first.field,
        "compute falls with the step, and it is to be the sum up to it; the step stands in for it "
          + "in \(falls.count == 1 ? "run" : "\(falls.count) runs:") "
          + listText(falls.map { "'\($0.0)'" })))
  }

  private mutating func reportLeftOut() {
    guard let first = leftOut.first else { return }
    let words = leftOut.count == 1 ? "1 row is" : "\(leftOut.count) rows are"
    problems.add(
      text.problem(
        .warning, at: first.field,
        "\(words) left out of the fits, for entropy or score is not finite: \(leftOut.words)"))
  }

  private mutating func reportHighScores() {
    guard let first = aboveOne.first else { return }
    problems.add(
      text.problem(
        .warning, at: first.field,
        "scores go up to \(shortText(highestScore)), so they are no shares of 1: \(aboveOne.words)",
        help: "divide percentages by 100; other rewards are fitted as they are"))
  }

  private mutating func reportIgnored() {
    guard problems.isEmpty || !runs.isEmpty else { return }
    let varying = columns.ofRun.filter(\.varies).map(\.name)
    report(varying, "for values that change within a run are no labels")
    report(
      columns.ignored,
      "for each has no name, a name that stands before, or \(CSVColumns.labelLimit) others "
        + "before it")
  }

  private mutating func report(_ names: [String], _ reason: String) {
    guard !names.isEmpty else { return }
    let listed = listText(names.map { "'\($0)'" })
    problems.add(
      Diagnostic(
        .warning, at: text.location(line: 1, column: 1),
        "\(names.count == 1 ? "1 column is" : "\(names.count) columns are") not used, \(reason): "
          + listed))
  }
}
