internal import TrainerKernels

extension Device {
  /// out[T, C] = RMSNorm of x[T, C]; `rstd` gets the T reciprocal root mean squares.
  public func rmsNorm(
    _ x: Matrix, weight: Matrix, into out: Matrix, rstd: UnsafeMutablePointer<Float>
  ) {
    check(same(x, out) && isRow(weight, of: x), x, weight, out)
    done(
      kernels.pointee.rmsnorm_forward(
        out.base, rstd, x.base, weight.base, Int64(x.rows), Int64(x.columns)))
  }

  /// sum = x + delta, out = RMSNorm of sum; `sum` may be `x`.
  public func addAndNorm(
    _ x: Matrix, _ delta: Matrix, weight: Matrix, sum: Matrix, into out: Matrix,
    rstd: UnsafeMutablePointer<Float>
  ) {
    check(same(x, delta) && same(x, sum) && same(x, out) && isRow(weight, of: x), x, delta, out)
    done(
      kernels.pointee.residual_rmsnorm_forward(
        sum.base, out.base, rstd, x.base, delta.base, weight.base, Int64(x.rows),
        Int64(x.columns)))
  }

  /// Adds the gradient of RMSNorm to `dx` and `dWeight`; `normed` becomes the norm of `x` again.
  public func rmsNormBackward(
    _ dOut: Matrix, x: Matrix, weight: Matrix, rstd: UnsafePointer<Float>, dx: Matrix,
    dWeight: Matrix, normed: Matrix
  ) {
    check(
      same(x, dOut) && same(x, dx) && same(x, normed) && isRow(weight, of: x)
        && isRow(dWeight, of: x), x, dOut, dx, weight)
    done(
      kernels.pointee.rmsnorm_backward(
        dx.base, dWeight.base, normed.base, dOut.base, x.base, weight.base, rstd,
        Int64(x.rows), Int64(x.columns)))
  }

  /// out[i] = table[tokens[i]] for every row of `out`.
  ///
  /// - Precondition: every token is a row of `table`; the caller checks its tokens once.
  public func embed(_ tokens: UnsafePointer<Int32>, _ table: Matrix, into out: Matrix) {
    check(table.columns == out.columns, table, out)
    done(
      kernels.pointee.embedding_forward(
        out.base, tokens, table.base, Int64(out.rows), Int64(out.columns)))
  }

  /// dTable[tokens[i]] += dOut[i] in the order of the rows.
  public func embedBackward(_ tokens: UnsafePointer<Int32>, dOut: Matrix, dTable: Matrix) {
    check(dTable.columns == dOut.columns, dTable, dOut)
    done(
      kernels.pointee.embedding_backward(
        dTable.base, tokens, dOut.base, Int64(dOut.rows), Int64(dOut.columns)))
  }

  /// out[i] = x[rows[i]] for every row of `out`; rows may come more than once.
  ///
  /// - Precondition: every number is a row of `x`; the caller makes them.
  public func gather(_ rows: UnsafePointer<Int32>, of x: Matrix, into out: Matrix) {
    check(x.columns == out.columns, x, out)
    done(
      kernels.pointee.rows_gather(
        out.base, rows, x.base, Int64(out.rows), Int64(out.columns)))
  }

  /// out[rows[i]] += x[i] for every row of `x`, in their order.
  ///
  /// - Precondition: every number is a row of `out`; the caller makes them.
  public func scatterAdd(_ x: Matrix, to rows: UnsafePointer<Int32>, of out: Matrix) {
    check(x.columns == out.columns, x, out)
    done(
      kernels.pointee.rows_scatter_add(
        out.base, rows, x.base, Int64(x.rows), Int64(x.columns)))
  }

  /// The first `x.rows` columns of `out` become `x` transposed; other columns stay.
  public func transpose(_ x: Matrix, into out: Matrix) {
    check(out.rows == x.columns && out.columns >= x.rows, x, out)
    done(
      kernels.pointee.transpose(
        out.base, Int64(out.columns), x.base, Int64(x.rows), Int64(x.columns)))
  }

  /// Adds a bias row to every row of `x`.
  public func addBias(_ bias: Matrix, to x: Matrix) {
    check(isRow(bias, of: x), x, bias)
    done(
      kernels.pointee.bias_forward(x.base, bias.base, Int64(x.rows), Int64(x.columns)))
  }

  /// Adds the sum of the rows of `dOut` to `dBias`.
  public func addBiasGradient(_ dBias: Matrix, _ dOut: Matrix) {
    check(isRow(dBias, of: dOut), dOut, dBias)
    done(
      kernels.pointee.bias_backward(
        dBias.base, dOut.base, Int64(dOut.rows), Int64(dOut.columns)))
  }

  /// out[T, H] = silu(gateUp[T, 0..<H]) * gateUp[T, H..<2H].
  public func swiGLU(_ gateUp: Matrix, into out: Matrix) {
    check(gateUp.rows == out.rows && gateUp.columns == 2 * out.columns, gateUp, out)
    done(
      kernels.pointee.swiglu_forward(
        out.base, gateUp.base, Int64(out.rows), Int64(out.columns)))
  }

  /// The gradient of `swiGLU` into `dGateUp`; `out` becomes its result again.
  public func swiGLUBackward(_ dOut: Matrix, gateUp: Matrix, dGateUp: Matrix, out: Matrix) {
    check(
      same(dOut, out) && same(gateUp, dGateUp) && gateUp.rows == out.rows
        && gateUp.columns == 2 * out.columns, gateUp, dOut, out)
    done(
      kernels.pointee.swiglu_backward(
        dGateUp.base, out.base, dOut.base, gateUp.base, Int64(out.rows), Int64(out.columns)))
  }

  func same(_ a: Matrix, _ b: Matrix) -> Bool { a.rows == b.rows && a.columns == b.columns }

  func isRow(_ row: Matrix, of x: Matrix) -> Bool { row.rows == 1 && row.columns == x.columns }
}
