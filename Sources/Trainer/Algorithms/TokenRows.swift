/// Responses of different lengths as rows over flat token arrays: row i holds tokens `offsets[i]..<offsets[i + 1]`.
///
/// What a mask says elsewhere is true here by construction: nothing but valid tokens is stored, so no padding can be read.
package struct TokenRows: Sendable, Hashable {
  /// Where each row begins, then the count of all tokens.
  package private(set) var offsets: [Int] = [0]

  /// Makes rows of these lengths.
  package init(lengths: some Sequence<Int> = []) {
    for length in lengths { append(length: length) }
  }

  /// Appends a row.
  ///
  /// - Precondition: `length >= 0`.
  package mutating func append(length: Int) {
    precondition(length >= 0, "a row of \(length) tokens")
    offsets.append(tokenCount + length)
  }

  /// Rows.
  package var count: Int { offsets.count - 1 }
  /// Tokens in all rows, N.
  package var tokenCount: Int { offsets[offsets.count - 1] }

  /// Returns the tokens of a row.
  package func range(_ row: Int) -> Range<Int> { offsets[row]..<offsets[row + 1] }
  /// Returns the length of a row.
  package func length(_ row: Int) -> Int { offsets[row + 1] - offsets[row] }

  /// Returns the tokens of a range of rows.
  package func tokens(_ rows: Range<Int>) -> Range<Int> {
    offsets[rows.lowerBound]..<offsets[rows.upperBound]
  }

  /// Gives every token the value of its row.
  package func broadcast(_ values: [Double]) -> [Double] {
    precondition(values.count == count, "\(values.count) values for \(count) rows")
    var result: [Double] = []
    result.reserveCapacity(tokenCount)
    for row in 0..<count {
      result.append(contentsOf: repeatElement(values[row], count: length(row)))
    }
    return result
  }

  /// Returns the mean of each row that holds a token.
  package func rowMeans(_ values: [Double]) -> [Double] {
    (0..<count).compactMap { row in
      length(row) == 0 ? nil : values[range(row)].reduce(0, +) / Double(length(row))
    }
  }

  /// Returns the sum of each row; 0 of an empty one.
  package func rowSums(_ values: [Double]) -> [Double] {
    (0..<count).map { values[range($0)].reduce(0, +) }
  }

  /// Puts the value of each row on its last token, and 0 on the others; the value of an empty row falls away.
  package func onLastTokens(_ values: [Double]) -> [Double] {
    precondition(values.count == count, "\(values.count) values for \(count) rows")
    var result = [Double](repeating: 0, count: tokenCount)
    for row in 0..<count where length(row) > 0 { result[offsets[row + 1] - 1] = values[row] }
    return result
  }

  /// Returns at each token the sum of its row's values from there on, those u tokens later times `discount^u`.
  package func sumsToEnd(_ values: [Double], discount: Double = 1) -> [Double] {
    precondition(values.count == tokenCount, "\(values.count) values for \(tokenCount) tokens")
    var result = values
    for row in 0..<count {
      for token in range(row).dropLast().reversed() {
        result[token] += discount * result[token + 1]
      }
    }
    return result
  }
}
