/// Fisher's F distribution: its tail probability.
///
/// P(F > f) = I_x(d₂/2, d₁/2) at x = d₂ / (d₂ + d₁ f), the regularised incomplete beta function
/// (Abramowitz and Stegun 26.6.2).
package enum FisherF {
  /// Returns P(F > f); 1 for f <= 0.
  ///
  /// - Precondition: both degrees of freedom are above 0; they need not be whole.
  package static func upperTail(_ f: Double, _ numerator: Double, _ denominator: Double) -> Double {
    precondition(numerator > 0 && denominator > 0)
    guard !f.isNaN else { return .nan }
    guard f > 0 else { return 1 }
    let scaled = numerator * f
    guard scaled.isFinite else { return 0 }
    let sum = denominator + scaled
    return StudentT.incompleteBeta(
      denominator / sum, complement: scaled / sum, denominator / 2, numerator / 2)
  }
}
