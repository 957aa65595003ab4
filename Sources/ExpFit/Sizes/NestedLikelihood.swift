internal import Glibc

/// Minus twice the restricted log likelihood (Patterson and Thompson 1971) of values around two
/// columns over sizes, with its gradient and expected second derivatives in the three variances.
///
/// With P = V⁻¹ - V⁻¹X(X'V⁻¹X)⁻¹X'V⁻¹ and D the derivative of V by a variance, the gradient is
/// tr(PD) - y'PDPy and the expected second derivative tr(PDPD) (Searle, Casella and McCulloch,
/// Variance Components, section 6.6). X is the same for all runs of a size, so all traces are sums
/// over runs, bases and sizes.
struct NestedLikelihood {
  /// Minus twice the log likelihood, but for a constant.
  private(set) var deviance = 0.0
  /// Its derivatives.
  private(set) var gradient = Components.zero
  /// tr(P Di P Dj), rows and columns in order of size, base, run.
  let information: [[Double]]

  /// Takes values in order of the nesting; without them the likelihood and its gradient are left
  /// out, for the information does not depend on values.
  init(_ covariance: NestedCovariance, basis: SizeBasis, values: [Double]?) {
    let normal = basis.normal(covariance.sizeWeights)
    let traces = CovarianceTraces(covariance, basis: basis, normal: normal)
    information = traces.information
    guard let values else { return }
    let nesting = covariance.nesting
    let components = covariance.components
    let means = covariance.means(of: values)
    let influence = basis.influence(covariance.sizeWeights)
    var coefficients = (0.0, 0.0)
    for size in means.sizes.indices {
      coefficients.0 += influence.first[size] * means.sizes[size]
      coefficients.1 += influence.second[size] * means.sizes[size]
    }
    var squares = means.squaresWithin
    var fitted = Components.zero
    for (size, bases) in nesting.sizes.enumerated() {
      let line = coefficients.0 * basis.first[size] + coefficients.1 * basis.second[size]
      let rest = means.sizes[size] - line
      let sizeSum = covariance.sizeWeights[size] * rest
      squares += sizeSum * rest
      fitted.size += sizeSum * sizeSum
      let level = line + components.size * sizeSum
      for base in bases {
        let baseSum = covariance.baseWeights[base] * (means.bases[base] - level)
        fitted.base += baseSum * baseSum
        let center = level + components.base * baseSum
        for run in nesting.bases[base] {
          let scaled = covariance.precisions[run] * (values[run] - center)
          fitted.run += scaled * scaled
        }
      }
    }
    deviance = covariance.logDeterminant + normal.logDeterminant + squares
    gradient = Components(
      size: traces.expected.size - fitted.size, base: traces.expected.base - fitted.base,
      run: traces.expected.run - fitted.run)
  }
}

/// The traces of P D and of P D P D.
private struct CovarianceTraces {
  /// tr(P Di).
  private(set) var expected = Components.zero
  /// tr(P Di P Dj).
  private(set) var information: [[Double]] = []

  /// Sums over one size: with b = V⁻¹1 and D the derivatives, `once` is tr(V⁻¹D), `row` 1'V⁻¹DV⁻¹1,
  /// `twice` tr(V⁻¹DV⁻¹D) and `cubic` 1'V⁻¹DV⁻¹DV⁻¹1; pairs in order uu, uw, uv, ww, wv, vv.
  private struct Block {
    var once = Components.zero
    var row = Components.zero
    var twice: [Double]
    var cubic: [Double]
  }

  init(_ covariance: NestedCovariance, basis: SizeBasis, normal: SizeBasis.Normal) {
    var twice = [Double](repeating: 0, count: 6)
    // Σ x x' row, the 2 x 2 matrices X'V⁻¹DV⁻¹X.
    var rows = [[Double]](repeating: [0, 0, 0], count: 3)
    for size in covariance.nesting.sizes.indices {
      let block = CovarianceTraces.block(covariance, size)
      let (x, y) = (basis.first[size], basis.second[size])
      let leverage = normal.leverage(x, y)
      expected.size += block.once.size - leverage * block.row.size
      expected.base += block.once.base - leverage * block.row.base
      expected.run += block.once.run - leverage * block.row.run
      for pair in 0..<6 { twice[pair] += block.twice[pair] - 2 * leverage * block.cubic[pair] }
      for (index, value) in block.row.list.enumerated() {
        rows[index][0] += x * x * value
        rows[index][1] += x * y * value
        rows[index][2] += y * y * value
      }
    }
    let places = [[0, 1, 2], [1, 3, 4], [2, 4, 5]]
    information = (0..<3).map { i in
      (0..<3).map { j in
        twice[places[i][j]] + CovarianceTraces.product(rows[i], rows[j], normal.inverse)
      }
    }
  }

  /// tr(C A C B) of symmetric 2 x 2 matrices given as (xx, xy, yy).
  private static func product(
    _ a: [Double], _ b: [Double], _ c: (Double, Double, Double)
  ) -> Double {
    func times(_ m: [Double]) -> (Double, Double, Double, Double) {
      (
        c.0 * m[0] + c.1 * m[1], c.0 * m[1] + c.1 * m[2], c.1 * m[0] + c.2 * m[1],
        c.1 * m[1] + c.2 * m[2]
      )
    }
    let (left, right) = (times(a), times(b))
    return left.0 * right.0 + left.1 * right.2 + left.2 * right.1 + left.3 * right.3
  }

  private static func block(_ covariance: NestedCovariance, _ size: Int) -> Block {
    let components = covariance.components
    let total = covariance.sizePrecisions[size]
    let weight = covariance.sizeWeights[size]
    let pull = components.size / (1 + components.size * total)
    let shrink = 1 / (1 + components.size * total)
    var sums = BaseSums.Totals()
    var perBase: [BaseSums] = []
    for base in covariance.nesting.sizes[size] {
      let one = BaseSums(covariance, base)
      perBase.append(one)
      sums.add(one)
    }
    // V⁻¹b = A⁻¹b - pull a (a'b), with A the covariance without the sizes' term and a = A⁻¹1.
    let ab = shrink * sums.aa
    var (wv, vv, crossWV) = (0.0, 0.0, 0.0)
    for one in perBase {
      let sumOfVb = shrink * one.aa - pull * one.q * ab
      wv += shrink * one.q * sumOfVb
      vv += shrink * (shrink * one.aAa - pull * one.aa * ab)
      crossWV +=
        one.aa - 2 * pull * one.q * one.aa + pull * pull * one.q * one.q * sums.aa
    }
    let row = Components(
      size: weight * weight, base: shrink * shrink * sums.qq, run: shrink * shrink * sums.aa)
    let ww = shrink * shrink * (sums.qqq - pull * sums.qq * sums.qq)
    return Block(
      once: Components(
        size: weight, base: total - pull * sums.qq, run: sums.trace - pull * sums.aa),
      row: row,
      twice: [
        row.size, row.base, row.run,
        sums.qq - 2 * pull * sums.qqq + pull * pull * sums.qq * sums.qq,
        crossWV, sums.frobenius - 2 * pull * sums.aAa + pull * pull * sums.aa * sums.aa,
      ],
      cubic: [weight * row.size, weight * row.base, weight * row.run, ww, wv, vv])
  }
}

/// Sums over the runs of one base policy; A is the covariance without the sizes' term, a = A⁻¹1.
private struct BaseSums {
  /// 1'A⁻¹1.
  let q: Double
  /// a'a.
  let aa: Double
  /// a'A⁻¹a.
  let aAa: Double
  /// tr(A⁻¹).
  let trace: Double
  /// tr(A⁻¹A⁻¹).
  let frobenius: Double

  init(_ covariance: NestedCovariance, _ base: Int) {
    var (two, three) = (0.0, 0.0)
    for run in covariance.nesting.bases[base] {
      let p = covariance.precisions[run]
      two += p * p
      three += p * p * p
    }
    let total = covariance.basePrecisions[base]
    let shrink = 1 / (1 + covariance.components.base * total)
    let pull = covariance.components.base * shrink
    q = covariance.baseWeights[base]
    aa = shrink * shrink * two
    aAa = shrink * shrink * (three - pull * two * two)
    trace = total - pull * two
    frobenius = two - 2 * pull * three + pull * pull * two * two
  }

  /// The same over all base policies of a size.
  struct Totals {
    var (qq, qqq, aa, aAa, trace, frobenius) = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0)

    mutating func add(_ one: BaseSums) {
      qq += one.q * one.q
      qqq += one.q * one.q * one.q
      aa += one.aa
      aAa += one.aAa
      trace += one.trace
      frobenius += one.frobenius
    }
  }
}
