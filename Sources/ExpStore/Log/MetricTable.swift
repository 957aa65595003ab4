internal import ExpCore
internal import TrainerProtocol

/// The series of a run as columns over its recorded steps.
public struct MetricTable: Sendable, Hashable {
  /// One series, aligned with the table's steps.
  public struct Column: Sendable, Hashable {
    /// The metric's name.
    public var name: String
    /// A value a step; NaN where it was not measured.
    public var values: [Double]

    /// Makes a column.
    public init(name: String, values: [Double]) {
      self.name = name
      self.values = values
    }

    /// Equal names and bit patterns, so that a NaN equals itself.
    public static func == (left: Column, right: Column) -> Bool {
      left.name == right.name
        && left.values.elementsEqual(right.values) { $0.bitPattern == $1.bitPattern }
    }

    /// Hashes the name and the bit patterns.
    public func hash(into hasher: inout Hasher) {
      hasher.combine(name)
      for value in values { hasher.combine(value.bitPattern) }
    }
  }

  /// The steps, ascending, each once.
  public private(set) var steps: [Int]
  /// The series in the order of `exp metrics`: `MetricName.leading`, then by name; none is empty.
  public private(set) var columns: [Column]

  /// Makes a table, putting the columns into their order.
  ///
  /// - Precondition: `steps` ascends and every column has as many values.
  public init(steps: [Int], columns: [Column]) {
    precondition(columns.allSatisfy { $0.values.count == steps.count }, "ragged metric table")
    self.steps = steps
    self.columns = columns.sorted { MetricTable.precedes($0.name, $1.name) }
  }

  /// The values of a metric, aligned with `steps`; nil where it was never measured.
  public subscript(name: String) -> [Double]? {
    columns.first { $0.name == name }?.values
  }

  /// The (step, value) pairs of a metric where it was measured.
  public func points(of name: String) -> [(step: Int, value: Double)] {
    guard let values = self[name] else { return [] }
    return zip(steps, values).compactMap { $1.isNaN ? nil : (step: $0, value: $1) }
  }

  /// CSV with the header `step,entropy,val_score,…`, a row a step, empty where nothing was measured.
  ///
  /// Numbers have the shortest form that reads back as the same bits.
  public var csv: String {
    var text = "step"
    for column in columns { text += "," + MetricTable.field(column.name) }
    text += "\n"
    for (row, step) in steps.enumerated() {
      text += String(step)
      for column in columns {
        text += ","
        text += column.values[row].shortestText ?? ""
      }
      text += "\n"
    }
    return text
  }

  /// Whether one metric's column stands before another's.
  static func precedes(_ left: String, _ right: String) -> Bool {
    let leading = MetricName.leading
    let ranks = (
      leading.firstIndex(of: left) ?? leading.count, leading.firstIndex(of: right) ?? leading.count
    )
    return ranks.0 == ranks.1 ? left < right : ranks.0 < ranks.1
  }

  /// Quotes a field as RFC 4180 asks.
  private static func field(_ text: String) -> String {
    let special: Set<Character> = [",", "\"", "\n", "\r", "\r\n"]
    guard text.contains(where: special.contains) else { return text }
    var quoted = "\""
    for character in text { quoted += character == "\"" ? "\"\"" : String(character) }
    return quoted + "\""
  }
}
