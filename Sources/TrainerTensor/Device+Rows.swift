internal import TrainerKernels

extension Device {
  /// out[T, C] = RMSNorm of x[T, C]; `rstd` gets the T reciprocal root mean squares.
  public func rmsNorm(
    _ x: Matrix, weight: Matrix, into out: Activations, rstd: UnsafeMutablePointer<Float>
  ) {
    check(same(x, out) && isRow(weight, of: x), out)
    done(
      kernels.pointee.rmsnorm_forward(
        out.base, rstd, x.base, weight.base, Int64(x.rows), Int64(x.columns)))
  }

  /// sum = x + delta, out = RMSNorm of sum; `sum` may be `x`.
  public func addAndNorm(
    _ x: Matrix, _ delta: Activations, weight: Matrix, sum: Matrix, into out: Activations,
    rstd: UnsafeMutablePointer<Float>
  ) {
    check(same(x, delta) && same(x, sum) && same(x, out) && isRow(weight, of: x), delta, out)
    done(
      kernels.pointee.residual_rmsnorm_forward(
        sum.base, out.base, rstd, x.base, delta.base, weight.base, Int64(x.rows),
        Int64(x.columns)))
  }

  /// Adds the gradient of RMSNorm to `dx` and `dWeight`; `normed` becomes the norm of `x` again.
  public func rmsNormBackward(
    _ dOut: Activations, x: Matrix, weight: Matrix, rstd: UnsafePointer<Float>, dx: Matrix,
    dWeight: Matrix, normed: Activations
  ) {
    check(
      same(x, dOut) && same(x, dx) && same(x, normed) && isRow(weight, of: x)
        && isRow(dWeight, of: x), dOut, normed)
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
    gather(rows, of: x.base, into: out.base, count: out.rows, rowBytes: 4 * out.columns)
  }

  /// The same of activations.
  public func gather(_ rows: UnsafePointer<Int32>, of x: Activations, into out: Activations) {
    check(x.columns == out.columns, x, out)
    gather(rows, of: x.base, into: out.base, count: out.rows, rowBytes: out.rowBytes)
  }

  private func gather(
    _ rows: UnsafePointer<Int32>, of x: UnsafeMutableRawPointer,
    into out: UnsafeMutableRawPointer, count: Int, rowBytes: Int
  ) {
    done(kernels.pointee.rows_gather(out, rows, x, Int64(count), Int64(rowBytes)))
  }

  /// out[rows[i]] = x[i] for every row of `x`.
  ///
  /// - Precondition: every number is a row of `out`, and none comes twice.
  public func scatter(_ x: Matrix, to rows: UnsafePointer<Int32>, of out: Matrix) {
    check(x.columns == out.columns, x, out)
    done(
      kernels.pointee.rows_scatter(out.base, rows, x.base, Int64(x.rows), Int64(4 * x.columns)))
  }

  /// The same of activations.
  public func scatter(_ x: Activations, to rows: UnsafePointer<Int32>, of out: Activations) {
    check(x.columns == out.columns, x, out)
    done(
      kernels.pointee.rows_scatter(out.base, rows, x.base, Int64(x.rows), Int64(x.rowBytes)))
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

  /// The same of activations; each sum is rounded once.
  public func scatterAdd(_ x: Activations, to rows: UnsafePointer<Int32>, of out: Activations) {
    check(x.columns == out.columns, x, out)
    done(
      kernels.pointee.values_scatter_add(
        out.base, rows, x.base, Int64(x.rows), Int64(x.columns)))
  }

  /// `x` as activations: rounded into `scratch`, or `x` itself where activations are floats.
  public func activations(_ x: Matrix, scratch: Activations?) -> Activations {
    guard activationBytes != MemoryLayout<Float>.stride else { return Activations(x) }
    guard let scratch else { preconditionFailure("no room for rounded activations") }
    let out = scratch.prefix(x.rows)
    check(same(x, out), out)
    done(kernels.pointee.values_round(out.base, x.base, Int64(x.rows * x.columns)))
    return out
  }

  /// Adds a bias row to every row of `x`.
  public func addBias(_ bias: Matrix, to x: Activations) {
    check(isRow(bias, of: x), x)
    done(
      kernels.pointee.bias_forward(x.base, bias.base, Int64(x.rows), Int64(x.columns)))
  }

  /// Adds the sum of the rows of `dOut` to `dBias`.
  public func addBiasGradient(_ dBias: Matrix, _ dOut: Activations) {
    check(isRow(dBias, of: dOut), dOut)
    done(
      kernels.pointee.bias_backward(
        dBias.base, dOut.base, Int64(dOut.rows), Int64(dOut.columns)))
  }

  /// out[T, H] = silu(gateUp[T, 0..<H]) * gateUp[T, H..<2H].
  public func swiGLU(_ gateUp: Activations, into out: Activations) {
    check(gateUp.rows == out.rows && gateUp.columns == 2 * out.columns, gateUp, out)
    done(
      kernels.pointee.swiglu_forward(
        out.base, gateUp.base, Int64(out.rows), Int64(out.columns)))
  }

  /// The gradient of `swiGLU` into `dGateUp`; `out` becomes its result again.
  public func swiGLUBackward(
    _ dOut: Activations, gateUp: Activations, dGateUp: Activations, out: Activations
  ) {
    check(
      same(dOut, out) && same(gateUp, dGateUp) && gateUp.rows == out.rows
        && gateUp.columns == 2 * out.columns, gateUp, dOut, out)
    done(
      kernels.pointee.swiglu_backward(
        dGateUp.base, out.base, dOut.base, gateUp.base, Int64(out.rows), Int64(out.columns)))
  }

  func same(_ a: some RowShape, _ b: some RowShape) -> Bool {
    a.rows == b.rows && a.columns == b.columns
  }

  func isRow(_ row: Matrix, of x: some RowShape) -> Bool {
    row.rows == 1 && row.columns == x.columns
  }
}

/// What has rows of so many elements.
protocol RowShape {
  var rows: Int { get }
  var columns: Int { get }
}

extension Matrix: RowShape {}
extension Activations: RowShape {}
