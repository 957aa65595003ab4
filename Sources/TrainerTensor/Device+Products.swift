internal import TrainerKernels

extension Device {
  /// out[T, N] = x[T, K] w[K, N]; the bits of a row depend on that row and w alone.
  ///
  /// - Precondition: `spareRows` rows behind `x` are readable and behind `out` writable; those of `out` are lost.
  public func multiplyRows(_ x: Matrix, _ w: Matrix, into out: Matrix) {
    check(x.rows == out.rows && x.columns == w.rows && w.columns == out.columns, x, w, out)
    done(
      trn_gemm_rows(
        out.base, Int64(out.columns), x.base, Int64(x.columns), w.base, Int64(x.rows),
        Int64(w.rows), Int64(w.columns)))
  }

  /// out[T, K] = x[T, N] times w[K, N] transposed.
  public func multiplyTransposed(_ x: Matrix, _ w: Matrix, into out: Matrix) {
    check(x.rows == out.rows && x.columns == w.columns && w.rows == out.columns, x, w, out)
    done(
      trn_gemm_transposed_weights(
        out.base, x.base, w.base, Int64(x.rows), Int64(w.rows), Int64(w.columns)))
  }

  /// out[T, N] = x[T, 0..<K] w[K, N], with no promise about a row's bits.
  public func multiply(_ x: Matrix, _ w: Matrix, into out: Matrix) {
    check(x.rows == out.rows && x.columns >= w.rows && w.columns == out.columns, x, w, out)
    done(
      trn_gemm(
        out.base, x.base, Int64(x.columns), w.base, Int64(x.rows), Int64(w.rows),
        Int64(w.columns)))
  }

  /// gradient[K, N] += x[T, 0..<K] transposed times y[T, N].
  public func addWeightGradient(_ gradient: Matrix, _ x: Matrix, _ y: Matrix) {
    check(
      x.rows == y.rows && x.columns >= gradient.rows && y.columns == gradient.columns,
      gradient, x, y)
    done(
      trn_gemm_weight_gradient(
        gradient.base, x.base, Int64(x.columns), y.base, Int64(x.rows), Int64(gradient.rows),
        Int64(gradient.columns)))
  }

  /// out = a b for square matrices: the product whose rate is the ceiling of everything here.
  public func multiplySquares(_ a: Matrix, _ b: Matrix, into out: Matrix) {
    check(a.rows == a.columns && b.rows == a.rows && b.columns == a.rows, a, b, out)
    done(trn_gemm_square(out.base, a.base, b.base, Int64(a.rows)))
  }

  func check(_ fits: Bool, _ matrices: Matrix...) {
    precondition(
      fits,
      "shapes do not fit: "
        + matrices.map { "\($0.rows) × \($0.columns)" }.joined(separator: ", "))
  }

  func done(_ status: trn_status) {
    precondition(status == TRN_OK, "a kernel refused its arguments with status \(status)")
  }
}
