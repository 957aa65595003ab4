internal import Glibc

/// Student's t distribution: tail probabilities and quantiles.
///
/// The tail is the regularised incomplete beta function by its continued fraction (Lentz's method;
/// Abramowitz and Stegun 26.5.8), the quantile its inverse by Newton steps inside a bracket. Both
/// are accurate to about 1e-12.
package enum StudentT {
  /// Above this many degrees of freedom the expansion around the normal quantile is exact to double
  /// precision.
  private static let normalFrom = 1e6

  /// Returns P(T > t) for `t >= 0`.
  package static func upperTail(_ t: Double, degreesOfFreedom: Double) -> Double {
    let square = t * t
    guard square.isFinite else { return 0 }
    let x = degreesOfFreedom / (degreesOfFreedom + square)
    return 0.5
      * incompleteBeta(
        x, complement: square / (degreesOfFreedom + square), degreesOfFreedom / 2, 0.5)
  }

  /// Returns the t below which a share `probability` lies.
  ///
  /// - Precondition: `0 < probability < 1`, `degreesOfFreedom > 0`.
  package static func quantile(_ probability: Double, degreesOfFreedom: Double) -> Double {
    precondition(probability > 0 && probability < 1 && degreesOfFreedom > 0)
    if probability == 0.5 { return 0 }
    let tail = min(probability, 1 - probability)
    let size =
      degreesOfFreedom >= normalFrom
      ? expandedQuantile(tail, degreesOfFreedom) : solvedQuantile(tail, degreesOfFreedom)
    return probability > 0.5 ? size : -size
  }

  /// The half-width of a two-sided interval in standard errors.
  package static func twoSided(level: Double, degreesOfFreedom: Double) -> Double {
    quantile(0.5 + level / 2, degreesOfFreedom: degreesOfFreedom)
  }

  /// Throws unless a level of coverage lies between 0 and 1.
  static func check(level: Double) throws(NoFit) {
    guard level > 0, 0.5 + level / 2 < 1 else {
      throw NoFit("a level of coverage lies between 0 and 1, and \(shortText(level)) does not")
    }
  }

  /// Newton in t on the tail, which is convex there, falling back to bisection outside the bracket.
  private static func solvedQuantile(_ tail: Double, _ degrees: Double) -> Double {
    var low = 0.0
    var high = 1.0
    while upperTail(high, degreesOfFreedom: degrees) > tail, high < 1e150 {
      low = high
      high *= 4
    }
    let logConstant =
      lgamma((degrees + 1) / 2).0 - lgamma(degrees / 2).0 - 0.5 * log(degrees * Double.pi)
    // The expansion is near from a few degrees on; Newton then needs two or three tails, not ten.
    let start = expandedQuantile(tail, degrees)
    var t = start > low && start < high ? start : 0.5 * (low + high)
    for _ in 0..<200 {
      let excess = upperTail(t, degreesOfFreedom: degrees) - tail
      if excess > 0 { low = t } else { high = t }
      let density = exp(logConstant - (degrees + 1) / 2 * log1p(t * t / degrees))
      let newton = t + excess / density
      let isInside = newton > low && newton < high
      let next = isInside ? newton : 0.5 * (low + high)
      let change = abs(next - t)
      t = next
      // Newton's error after a step goes as the square of the step.
      if change <= (isInside ? 1e-9 : 1e-15) * t { break }
    }
    return t
  }

  /// Cornish-Fisher expansion of the quantile in 1/degrees (Abramowitz and Stegun 26.7.5).
  private static func expandedQuantile(_ tail: Double, _ degrees: Double) -> Double {
    let z = normalQuantile(tail)
    let z2 = z * z
    let first = z * (z2 + 1) / 4
    let second = z * ((5 * z2 + 16) * z2 + 3) / 96
    return z + first / degrees + second / (degrees * degrees)
  }

  /// The z >= 0 above which a share `tail` of the standard normal lies.
  private static func normalQuantile(_ tail: Double) -> Double {
    var z = 1.0
    for _ in 0..<100 {
      let excess = 0.5 * erfc(z / 2.0.squareRoot()) - tail
      let density = exp(-0.5 * z * z) / (2 * Double.pi).squareRoot()
      // Far out Newton overshoots; a step of at most 1 keeps it in the region where it converges.
      let change = max(-1, min(1, excess / density))
      z = max(0, z + change)
      if abs(change) <= 1e-15 * z { break }
    }
    return z
  }

  /// I_x(a, b), with 1 - x given as well so that neither end loses digits.
  static func incompleteBeta(
    _ x: Double, complement: Double, _ a: Double, _ b: Double
  ) -> Double {
    guard x > 0 else { return 0 }
    guard complement > 0 else { return 1 }
    let logFront =
      lgamma(a + b).0 - lgamma(a).0 - lgamma(b).0 + a * log(x) + b * log(complement)
    if x < (a + 1) / (a + b + 2) {
      return exp(logFront) * continuedFraction(x, a, b) / a
    }
    return 1 - exp(logFront) * continuedFraction(complement, b, a) / b
  }

  private static func continuedFraction(_ x: Double, _ a: Double, _ b: Double) -> Double {
    let tiny = 1e-300
    func safe(_ value: Double) -> Double { abs(value) < tiny ? tiny : value }
    var c = 1.0
    var d = 1 / safe(1 - (a + b) * x / (a + 1))
    var fraction = d
    for index in 1...20_000 {
      let m = Double(index)
      let even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
      d = 1 / safe(1 + even * d)
      c = safe(1 + even / c)
      fraction *= d * c
      let odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
      d = 1 / safe(1 + odd * d)
      c = safe(1 + odd / c)
      let factor = d * c
      fraction *= factor
      if abs(factor - 1) < 1e-16 { break }
    }
    return fraction
  }
}
