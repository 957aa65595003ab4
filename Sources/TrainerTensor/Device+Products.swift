internal import TrainerKernels

/// A weight matrix as products read it; which layout that is, a kernel set knows (`Device.pack`).
public struct WeightPanels {
  let base: UnsafeMutableRawPointer
  /// Rows of the matrix: what a product sums over.
  public let rows: Int
  /// Columns of the matrix.
  public let columns: Int

  /// Makes a view of `Device.panelBytes` bytes.
  public init(_ base: UnsafeMutableRawPointer, rows: Int, columns: Int) {
    precondition(rows >= 0 && columns >= 0, "a matrix of \(rows) × \(columns)")
    self.base = base
    self.rows = rows
    self.columns = columns
  }
}

extension Device {
  /// Bytes that the panels of a matrix take.
  public func panelBytes(rows: Int, columns: Int) -> Int {
    Int(kernels.pointee.panels_bytes(Int64(rows), Int64(columns)))
  }

  /// Lays `w`, or `w` transposed, out in panels.
  public func pack(_ w: Matrix, transposed: Bool, into panels: WeightPanels) {
    check(
      transposed
        ? w.columns == panels.rows && w.rows == panels.columns
        : w.rows == panels.rows && w.columns == panels.columns, w)
    done(
      kernels.pointee.panels_pack(
        panels.base, w.base, Int64(w.columns), transposed ? 1 : 0, Int64(panels.rows),
        Int64(panels.columns)))
  }

  /// out[T, 0..<N] = x[T, 0..<K] w[K, N]; on batch-invariant devices the bits of a row depend on that row and w alone.
  public func multiply(_ x: Activations, _ w: WeightPanels, into out: Activations) {
    check(x.rows == out.rows && x.columns >= w.rows && w.columns <= out.columns, x, out)
    done(
      kernels.pointee.panels_multiply(
        out.base, Int64(out.columns), x.base, Int64(x.columns), w.base, Int64(x.rows),
        Int64(w.rows), Int64(w.columns)))
  }

  /// The same with sums that stay floats: logits.
  public func multiply(_ x: Activations, _ w: WeightPanels, into out: Matrix) {
    check(x.rows == out.rows && x.columns >= w.rows && w.columns <= out.columns, x)
    done(
      kernels.pointee.panels_multiply_float(
        out.base, Int64(out.columns), x.base, Int64(x.columns), w.base, Int64(x.rows),
        Int64(w.rows), Int64(w.columns)))
  }

  /// gradient[K, N] += x[T, 0..<K] transposed times y[T, 0..<N].
  public func addWeightGradient(_ gradient: Matrix, _ x: Activations, _ y: Activations) {
    check(x.rows == y.rows && x.columns >= gradient.rows && y.columns >= gradient.columns, x, y)
    done(
      kernels.pointee.weight_gradient(
        gradient.base, Int64(gradient.columns), x.base, Int64(x.columns), y.base,
        Int64(y.columns), Int64(x.rows), Int64(gradient.rows), Int64(gradient.columns)))
  }

  /// out[T, N] = x[T, K] w[K, N] by BLAS: what our own products are tested against, and their speed is measured by.
  ///
  /// - Precondition: the matrices are in ordinary memory.
  public func multiplyByBLAS(_ x: Matrix, _ w: Matrix, into out: Matrix) {
    check(x.rows == out.rows && x.columns == w.rows && w.columns == out.columns, x, w, out)
    done(
      trn_blas_gemm(
        out.base, x.base, w.base, Int64(x.rows), Int64(w.rows), Int64(w.columns)))
  }

  func check(_ fits: Bool, _ matrices: Matrix...) {
    precondition(
      fits,
      "shapes do not fit: "
        + matrices.map { "\($0.rows) × \($0.columns)" }.joined(separator: ", "))
  }

  func check(_ fits: Bool, _ activations: Activations...) {
    precondition(
      fits && activations.allSatisfy { $0.elementBytes == activationBytes },
      "shapes do not fit: "
        + activations.map { "\($0.rows) × \($0.columns) of \($0.elementBytes) bytes" }
        .joined(separator: ", "))
  }

  func done(_ status: trn_status) {
    guard status != TRN_OK else { return }
    guard status == TRN_DEVICE_FAILED || status == TRN_OUT_OF_MEMORY else {
      preconditionFailure("a kernel refused its arguments with status \(status)")
    }
    TensorRuntime.fail(.deviceFailed(String(cString: kernels.pointee.last_error())))
  }
}
