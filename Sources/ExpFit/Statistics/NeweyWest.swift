internal import Glibc

/// The heteroscedasticity- and autocorrelation-consistent covariance of a line (Newey and West
/// 1987): Bartlett weights, scaled by n / (n - 2), with n - 2 degrees of freedom.
enum NeweyWest {
  /// Lags by the rule floor(4 (n / 100)^(2/9)) (Newey and West 1994, table II's Bartlett exponent
  /// without the pre-estimate).
  static func lagCount(of count: Int) -> Int {
    min(count - 1, Int(4 * pow(Double(count) / 100, 2.0 / 9)))
  }

  static func covariance(_ design: LineDesign) -> LineCovariance {
    let lags = lagCount(of: design.count)
    var (oneOne, oneX, xx) = (0.0, 0.0, 0.0)
    for lag in 0...lags {
      let weight = 1 - Double(lag) / Double(lags + 1)
      var sums = (oneOne: 0.0, oneX: 0.0, xOne: 0.0, xx: 0.0)
      for index in lag..<design.count {
        let product = design.residuals[index] * design.residuals[index - lag]
        sums.oneOne += product * design.ones[index] * design.ones[index - lag]
        sums.oneX += product * design.ones[index] * design.slopes[index - lag]
        sums.xOne += product * design.slopes[index] * design.ones[index - lag]
        sums.xx += product * design.slopes[index] * design.slopes[index - lag]
      }
      oneOne += (lag == 0 ? 1 : 2) * weight * sums.oneOne
      oneX += lag == 0 ? sums.oneX : weight * (sums.oneX + sums.xOne)
      xx += (lag == 0 ? 1 : 2) * weight * sums.xx
    }
    let count = Double(design.count)
    let scale = count / max(1, count - 2)
    return LineCovariance(
      height: max(0, scale * oneOne / design.sumOnes / design.sumOnes),
      cross: scale * oneX / design.sumOnes / design.sumSlopes,
      slope: max(0, scale * xx / design.sumSlopes / design.sumSlopes),
      rho: Autocorrelation.rho(of: design), degreesOfFreedom: max(1, count - 2))
  }
}
