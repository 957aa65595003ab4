/// A view of contiguous rows of floats in a device's memory; it does not own them.
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
}

/// A view of contiguous rows of activations, floats or bf16 as their device has them; it does not own them.
public struct Activations {
  /// The first one.
  public let base: UnsafeMutableRawPointer
  /// Rows in the view.
  public let rows: Int
  /// Elements of a row, which is also the distance between rows.
  public let columns: Int
  /// Bytes of an element.
  public let elementBytes: Int

  /// Makes a view of `rows` × `columns` elements from `base`.
  public init(_ base: UnsafeMutableRawPointer, rows: Int, columns: Int, elementBytes: Int) {
    precondition(rows >= 0 && columns >= 0, "a matrix of \(rows) × \(columns)")
    self.base = base
    self.rows = rows
    self.columns = columns
    self.elementBytes = elementBytes
  }

  /// Makes a view of floats as activations, for devices whose activations are floats.
  public init(_ matrix: Matrix) {
    self.init(
      UnsafeMutableRawPointer(matrix.base), rows: matrix.rows, columns: matrix.columns,
      elementBytes: MemoryLayout<Float>.stride)
  }

  /// Returns the view of the rows from `start` on.
  public func slice(_ start: Int, count: Int) -> Activations {
    precondition(
      start >= 0 && count >= 0 && start + count <= rows,
      "rows \(start)..<\(start + count) of a matrix of \(rows)")
    return Activations(
      base + start * rowBytes, rows: count, columns: columns, elementBytes: elementBytes)
  }

  /// Returns the first rows.
  public func prefix(_ count: Int) -> Activations { slice(0, count: count) }

  var rowBytes: Int { columns * elementBytes }
}
