/// Series under construction: columns that grow as steps arrive in any order.
struct MetricColumns: Sendable {
  /// What a log may hold at most; more is refused, line by line.
  static let cellLimit = 32 << 20
  static let nameLimit = 4096
  static let nameLengthLimit = 128
  static let stepLimit = 1 << 53

  private(set) var names: [String] = []
  private(set) var steps: [Int] = []
  /// Shorter than `steps` where a column has no value in the last rows.
  private var values: [[Double]] = []
  private var columnOfName: [String: Int] = [:]
  private var rowOfStep: [Int: Int] = [:]
  private var ascends = true

  var isEmpty: Bool { steps.isEmpty }

  /// Finds or makes a metric's column; nil where there are too many or the name is no name.
  mutating func column(_ name: String) -> Int? {
    if let known = columnOfName[name] { return known }
    guard names.count < MetricColumns.nameLimit, !name.isEmpty,
      name.utf8.count <= MetricColumns.nameLengthLimit, fits(rows: steps.count, columns: 1)
    else { return nil }
    columnOfName[name] = names.count
    names.append(name)
    values.append([])
    return names.count - 1
  }

  /// Finds or makes a step's row; nil where there are too many.
  mutating func row(_ step: Int) -> Int? {
    if let last = steps.last, last == step { return steps.count - 1 }
    if let known = rowOfStep[step] { return known }
    guard step >= 0, step < MetricColumns.stepLimit, fits(rows: steps.count + 1, columns: 0) else {
      return nil
    }
    if let last = steps.last, last > step { ascends = false }
    rowOfStep[step] = steps.count
    steps.append(step)
    return steps.count - 1
  }

  /// Sets a value; of two for one step and metric the later counts.
  mutating func set(_ value: Double, row: Int, column: Int) {
    let missing = row - values[column].count
    if missing == 0 {
      values[column].append(value)
    } else if missing < 0 {
      values[column][row] = value
    } else {
      values[column].append(contentsOf: repeatElement(.nan, count: missing))
      values[column].append(value)
    }
  }

  /// Forgets every step after `step`.
  mutating func drop(after step: Int) {
    if ascends {
      while let last = steps.last, last > step {
        steps.removeLast()
        rowOfStep[last] = nil
      }
      for column in values.indices where values[column].count > steps.count {
        values[column].removeLast(values[column].count - steps.count)
      }
      return
    }
    let kept = steps.indices.filter { steps[$0] <= step }
    for column in values.indices {
      let old = values[column]
      values[column] = kept.prefix { $0 < old.count }.map { old[$0] }
    }
    steps = kept.map { steps[$0] }
    rowOfStep = Dictionary(zip(steps, steps.indices), uniquingKeysWith: { first, _ in first })
  }

  /// Calls with every value of a column, in order of the step.
  func forEachValue(
    inColumn column: Int, _ body: (_ step: Int, _ value: Double) throws -> Void
  ) rethrows {
    let series = values[column]
    if ascends {
      for row in series.indices where !series[row].isNaN { try body(steps[row], series[row]) }
    } else {
      for row in rowOrder where row < series.count && !series[row].isNaN {
        try body(steps[row], series[row])
      }
    }
  }

  /// The finished table; metrics without a value are left out, and so are steps.
  var table: MetricTable {
    let order = rowOrder
    var columns: [MetricTable.Column] = []
    for (column, name) in names.enumerated() {
      let series = values[column]
      let aligned = order.map { $0 < series.count ? series[$0] : .nan }
      if aligned.contains(where: { !$0.isNaN }) {
        columns.append(MetricTable.Column(name: name, values: aligned))
      }
    }
    let measured = order.indices.filter { row in columns.contains { !$0.values[row].isNaN } }
    if measured.count < order.count {
      for index in columns.indices {
        columns[index].values = measured.map { columns[index].values[$0] }
      }
    }
    return MetricTable(steps: measured.map { steps[order[$0]] }, columns: columns)
  }

  private var rowOrder: [Int] {
    ascends ? Array(steps.indices) : steps.indices.sorted { steps[$0] < steps[$1] }
  }

  private func fits(rows: Int, columns: Int) -> Bool {
    rows * (names.count + columns) <= MetricColumns.cellLimit
  }
}
