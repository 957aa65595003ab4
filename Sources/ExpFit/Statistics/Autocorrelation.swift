/// The covariance of a line whose residuals are an AR(1) series of unknown rho.
enum Autocorrelation {
  /// Points below which there is no likelihood of rho to average over, and rho is 0.
  static let smallestCount = 4
  /// Points below which a single rho is too wild to weight by.
  static let smallestGeneralisedCount = 8

  /// The sandwich (X'X)⁻¹ X'ΩX (X'X)⁻¹ σ² of the line as it stands, with Ω = rho^|i-j| at the mean
  /// rho over the restricted likelihood.
  static func sandwich(_ design: LineDesign) -> LineCovariance {
    guard design.count >= smallestCount, !design.isExact else {
      return LineCovariance(independent: design)
    }
    let products = LaggedProducts(of: design)
    let average = RestrictedLikelihood(products).average()
    return sandwich(
      design, products, rho: average.rho, degreesOfFreedom: average.degreesOfFreedom)
  }

  /// The mean rho over the restricted likelihood; 0 where it cannot be told.
  static func rho(of design: LineDesign) -> Double {
    guard design.count >= smallestCount, !design.isExact else { return 0 }
    return RestrictedLikelihood(LaggedProducts(of: design)).average().rho
  }

  /// The sandwich at a given rho; σ² is the generalised residual mean square there.
  private static func sandwich(
    _ design: LineDesign, _ products: LaggedProducts, rho: Double, degreesOfFreedom: Double
  ) -> LineCovariance {
    let squares = products.generalised(rho).squares
    let variance = squares / (Double(design.count) - 2) / (1 - rho * rho)
    let middle = sandwichMiddle(design, rho: rho)
    return LineCovariance(
      height: variance * middle.oneOne / design.sumOnes / design.sumOnes,
      cross: variance * middle.oneX / design.sumOnes / design.sumSlopes,
      slope: variance * middle.xx / design.sumSlopes / design.sumSlopes, rho: rho,
      degreesOfFreedom: degreesOfFreedom)
  }

  /// Generalised least squares under AR(1), rho at the largest restricted likelihood: the line and
  /// its covariance (X'Ω⁻¹X)⁻¹ σ².
  ///
  /// The first point counts (Prais and Winsten 1954). Below `smallestGeneralisedCount` points it is
  /// the least-squares line with its sandwich.
  static func generalised(_ design: LineDesign) -> (line: LineDesign, covariance: LineCovariance) {
    guard design.count >= smallestGeneralisedCount, !design.isExact else {
      return (design, sandwich(design))
    }
    let products = LaggedProducts(of: design)
    let likelihood = RestrictedLikelihood(products)
    return generalised(
      design, products, rho: likelihood.maximum(),
      degreesOfFreedom: likelihood.average().degreesOfFreedom)
  }

  /// Generalised least squares at a given rho.
  private static func generalised(
    _ design: LineDesign, _ products: LaggedProducts, rho: Double, degreesOfFreedom: Double
  ) -> (line: LineDesign, covariance: LineCovariance) {
    let fit = products.generalised(rho)
    let variance = fit.squares / (Double(design.count) - 2)
    let residuals = design.residuals.indices.map {
      design.residuals[$0] - fit.height * design.ones[$0] - fit.slope * design.slopes[$0]
    }
    let line = LineDesign(
      like: design, height: design.height + fit.height, slope: design.slope + fit.slope,
      residuals: residuals)
    let covariance = LineCovariance(
      height: variance * fit.inverse.oneOne, cross: variance * fit.inverse.oneX,
      slope: variance * fit.inverse.xx, rho: rho, degreesOfFreedom: degreesOfFreedom)
    return (line, covariance)
  }

  /// X'ΩX in one pass through the recursion of the geometric weights.
  private static func sandwichMiddle(
    _ design: LineDesign, rho: Double
  ) -> (oneOne: Double, oneX: Double, xx: Double) {
    var result = (oneOne: 0.0, oneX: 0.0, xx: 0.0)
    var pastOne = 0.0
    var pastX = 0.0
    for index in design.ones.indices {
      let (one, x) = (design.ones[index], design.slopes[index])
      result.oneOne += one * (one + 2 * pastOne)
      result.oneX += one * x + one * pastX + x * pastOne
      result.xx += x * (x + 2 * pastX)
      pastOne = rho * (one + pastOne)
      pastX = rho * (x + pastX)
    }
    return result
  }
}
