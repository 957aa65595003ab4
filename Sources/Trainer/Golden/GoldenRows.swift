internal import ExpCore

/// The valid tokens of a padded matrix as rows over flat arrays, and the way back.
struct GoldenRows {
  let rows: TokenRows
  /// Columns of the padded matrix.
  let columns: Int
  /// Row and column of each valid token.
  let places: [(row: Int, column: Int)]

  /// Reads a mask of 0 and 1.
  init(_ mask: [JSONValue], _ name: String) throws {
    columns = mask.first?.array?.count ?? 0
    var rows = TokenRows()
    var places: [(row: Int, column: Int)] = []
    for (row, value) in mask.enumerated() {
      guard let entries = value.array, entries.count == columns else {
        throw GoldenError("'\(name)' is not a matrix")
      }
      let before = places.count
      for (column, entry) in entries.enumerated() {
        guard entry == 0 || entry == 1 else { throw GoldenError("'\(name)' is not of 0 and 1") }
        if entry == 1 { places.append((row, column)) }
      }
      rows.append(length: places.count - before)
    }
    self.rows = rows
    self.places = places
  }

  /// Takes the numbers at valid places out of a matrix of the mask's shape; others are not even looked at.
  func tokens(_ object: GoldenObject, _ key: String) throws -> [Double] {
    let matrix = try object.array(key).map { $0.array ?? [] }
    guard matrix.count == rows.count, matrix.allSatisfy({ $0.count == columns }) else {
      throw GoldenError("'\(object.name).\(key)' has not the shape of its mask")
    }
    return try places.map {
      try GoldenObject.number(matrix[$0.row][$0.column], "\(object.name).\(key)")
    }
  }

  /// Finds the tokens that a list of [row, column] names.
  func tokens(at list: [JSONValue], _ name: String) throws -> [Int] {
    try list.map { pair in
      let token = places.firstIndex {
        pair == [.number(Double($0.row)), .number(Double($0.column))]
      }
      guard let token else { throw GoldenError("'\(name)' names a place without a token") }
      return token
    }
  }

  /// Writes tokens as a list of [row, column].
  func list(_ tokens: some Sequence<Int>) -> [Double] {
    tokens.flatMap { [Double(places[$0].row), Double(places[$0].column)] }
  }

  /// Puts values at their places in the padded matrix, row after row, and 0 elsewhere.
  func padded(_ values: [Double]) -> [Double] {
    var result = [Double](repeating: 0, count: rows.count * columns)
    for (place, value) in zip(places, values) { result[place.row * columns + place.column] = value }
    return result
  }
}
