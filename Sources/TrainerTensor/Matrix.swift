/// A view of contiguous rows of floats; it does not own them.
public struct Matrix {
  /// The first float.
  public let base: UnsafeMutablePointer<Float>
  /// Rows in the view.
  public let rows: Int
  /// Floats in a row, which is also the distance between rows.
  public let columns: Int

  /// Makes a view of `rows` × `columns` floats from `base`.
  public init(_ base: UnsafeMutablePointer<Float>, rows: Int, columns: Int) {
    precondition(rows >= 0 && columns >= 0, "a matrix of \(rows) × \(columns)")
    self.base = base
    self.rows = rows
    self.columns = columns
  }

  /// Returns the view of the rows from `start` on.
  public func slice(_ start: Int, count: Int) -> Matrix {
    precondition(
      start >= 0 && count >= 0 && start + count <= rows,
      "rows \(start)..<\(start + count) of a matrix of \(rows)")
    return Matrix(base + start * columns, rows: count, columns: columns)
  }

  /// Returns the first rows.
  public func prefix(_ count: Int) -> Matrix { slice(0, count: count) }

  /// Sets every float to 0.
  public func clear() { base.update(repeating: 0, count: rows * columns) }
}

/// Views cut one after another out of a buffer.
public struct Carver {
  private var next: UnsafeMutablePointer<Float>
  private var left: Int

  /// Starts at the buffer's beginning.
  public init(_ buffer: FloatBuffer) {
    guard let base = buffer.floats.baseAddress else {
      preconditionFailure("a buffer without memory")
    }
    next = base
    left = buffer.floats.count
  }

  /// Cuts the next `rows` × `columns` floats.
  public mutating func take(rows: Int, columns: Int) -> Matrix {
    let count = Carver.size(rows: rows, columns: columns)
    precondition(count <= left, "\(count) floats asked of a buffer with \(left) left")
    defer {
      next += count
      left -= count
    }
    return Matrix(next, rows: rows, columns: columns)
  }

  /// Floats that `take` uses up: a multiple of 16, so that views begin at cache lines.
  public static func size(rows: Int, columns: Int) -> Int { (rows * columns + 15) / 16 * 16 }
}
