/// A run as its rows come in.
struct CSVRun {
  let id: String
  let size: Double
  /// Where the size stood first.
  let sizeField: CSVField
  /// For each column that says something of the run, where its text stood first.
  var firstTexts: [Range<Int>] = []
  /// The line of the run's first row.
  let firstLine: Int
  var seed: Int?
  var baseSeed: Int?
  var promptCount: Int?
  var isHeldOut = false
  var definition: String?
  var points: [CurvePoint] = []
  /// Where each point's step stood.
  var stepFields: [CSVPlace] = []

  init(id: String, size: Double, sizeField: CSVField, firstLine: Int) {
    self.id = id
    self.size = size
    self.sizeField = sizeField
    self.firstLine = firstLine
  }

  /// Where compute first falls as the step goes on; nil where it never does.
  var fallOfCompute: CSVPlace? {
    var highest = -Double.infinity
    for index in points.indices.sorted(by: { points[$0].step < points[$1].step }) {
      guard let compute = points[index].compute else { continue }
      if compute < highest { return stepFields[index] }
      highest = compute
    }
    return nil
  }

  /// The curve, with the labels that are no column's changing values.
  func curve(_ columns: [CSVColumns.RunColumn], _ text: CSVText) -> Curve {
    var labels: [String: String] = [:]
    for (column, range) in zip(columns, firstTexts)
    where column.role == .label && !column.varies && !range.isEmpty {
      labels[column.name] = text.unquoted(range)
    }
    return Curve(
      id: id, modelParams: size, seed: seed, baseSeed: baseSeed, labels: labels,
      definition: definition, promptCount: promptCount, isHeldOut: isHeldOut, points: points)
  }
}

/// A place in the file, small enough to be kept for every row.
struct CSVPlace {
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

/// Rows that are spoken of together: how many, and the lines of the first ones.
struct CSVLines {
  private(set) var first: CSVPlace?
  private(set) var count = 0
  private var lines: [Int] = []

  mutating func add(_ field: CSVField) {
    if first == nil { first = CSVPlace(field) }
    count += 1
    if lines.count < 21 { lines.append(field.line) }
  }

  /// `line 3`, or the first lines and how many there are in all.
  var words: String {
    let rest = count > 21 ? " (\(count) in all)" : ""
    return "\(count == 1 ? "line" : "lines") \(listText(lines.map(String.init), limit: 20))\(rest)"
  }
}
