/// Whether single curves follow one law: Johansen's test (1980) of equal (a, b).
///
/// The joint model R = -a_g exp(H) + b_g over the points of all curves separates into one regression
/// per curve, so its estimates are the curves' own, with their autocorrelation-robust covariances.
/// Each curve's (a, b) is weighed by the inverse of its covariance; the weighted sum of squares
/// around the common law is compared with F, whose degrees of freedom allow for each covariance
/// being estimated with as few as the curve's correlated residuals leave. With one number in place
/// of two it is Welch's test.
package enum CurveEquality {
  /// Tests; nil for fewer than 2 laws or covariances that cannot be inverted.
  package static func test(_ laws: [CurveLaw]) -> EffectTest? {
    guard laws.count > 1 else { return nil }
    var weights: [Symmetric2] = []
    for law in laws {
      guard let weight = Symmetric2(law.varianceA, law.covariance, law.varianceCeiling).inverse
      else { return nil }
      weights.append(weight)
    }
    let total = weights.reduce(Symmetric2(0, 0, 0), +)
    guard let inverse = total.inverse else { return nil }
    let places = laws.map { ($0.a, $0.ceiling) }
    var sum = (0.0, 0.0)
    for (weight, place) in zip(weights, places) {
      let part = weight.times(place)
      sum = (sum.0 + part.0, sum.1 + part.1)
    }
    let common = inverse.times(sum)
    var statistic = 0.0
    var correction = 0.0
    for (index, weight) in weights.enumerated() {
      let distance = (places[index].0 - common.0, places[index].1 - common.1)
      let part = weight.times(distance)
      statistic += distance.0 * part.0 + distance.1 * part.1
      correction += share(weight, of: inverse) / laws[index].degreesOfFreedom
    }
    let numerator = Double(2 * (laws.count - 1))
    let scale = numerator + 2 * correction - 6 * correction / (numerator + 2)
    guard correction > 0, scale > 0 else { return nil }
    return EffectTest(
      f: statistic / scale, numerator: numerator,
      denominator: numerator * (numerator + 2) / (3 * correction))
  }

  /// (tr(M²) + tr(M)²) / 2 of M = I - W⁻¹ W_g.
  private static func share(_ weight: Symmetric2, of inverse: Symmetric2) -> Double {
    let m = (
      1 - (inverse.xx * weight.xx + inverse.xy * weight.xy),
      -(inverse.xx * weight.xy + inverse.xy * weight.yy),
      -(inverse.xy * weight.xx + inverse.yy * weight.xy),
      1 - (inverse.xy * weight.xy + inverse.yy * weight.yy)
    )
    let trace = m.0 + m.3
    let traceOfSquare = m.0 * m.0 + 2 * m.1 * m.2 + m.3 * m.3
    return (traceOfSquare + trace * trace) / 2
  }
}

/// A symmetric 2×2 matrix.
private struct Symmetric2 {
  let xx: Double
  let xy: Double
  let yy: Double

  init(_ xx: Double, _ xy: Double, _ yy: Double) { (self.xx, self.xy, self.yy) = (xx, xy, yy) }

  var inverse: Symmetric2? {
    let determinant = xx * yy - xy * xy
    guard determinant.isFinite, determinant > 1e-12 * xx * yy else { return nil }
    return Symmetric2(yy / determinant, -xy / determinant, xx / determinant)
  }

  func times(_ vector: (Double, Double)) -> (Double, Double) {
    (xx * vector.0 + xy * vector.1, xy * vector.0 + yy * vector.1)
  }

  static func + (left: Symmetric2, right: Symmetric2) -> Symmetric2 {
    Symmetric2(left.xx + right.xx, left.xy + right.xy, left.yy + right.yy)
  }
}

/// a and ceiling of one curve with their covariance and its degrees of freedom.
package struct CurveLaw {
  let a: Double
  let ceiling: Double
  let varianceA: Double
  let covariance: Double
  let varianceCeiling: Double
  let degreesOfFreedom: Double

  package init(
    a: Double, ceiling: Double, varianceA: Double, covariance: Double, varianceCeiling: Double,
    degreesOfFreedom: Double
  ) {
    (self.a, self.ceiling) = (a, ceiling)
    (self.varianceA, self.covariance) = (varianceA, covariance)
    (self.varianceCeiling, self.degreesOfFreedom) = (varianceCeiling, degreesOfFreedom)
  }

  package init(_ fit: LawFit) {
    let varianceA = fit.aStandardError * fit.aStandardError
    self.init(
      a: fit.a, ceiling: fit.ceiling, varianceA: varianceA,
      covariance: fit.covarianceAB - varianceA,
      varianceCeiling: fit.ceilingStandardError * fit.ceilingStandardError,
      degreesOfFreedom: fit.degreesOfFreedom)
  }
}
