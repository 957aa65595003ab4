internal import Glibc

/// How a coefficient of the law depends on the size.
public enum ScalingForm: String, Sendable, Hashable, CaseIterable {
  /// value = intercept + slope ln N.
  case logLinear = "log_linear"
  /// value = factor N^exponent.
  case powerLaw = "power_law"
  /// The mean of both, by their weights.
  case average
}

/// What one form says about a size.
public struct FormForecast: Sendable, Hashable {
  /// The share of the evidence above which one form is taken alone.
  ///
  /// Lower ones made intervals too short in simulations, where the wrong form was often taken alone.
  public static let decisiveWeight = 0.99

  /// The form.
  public var form: ScalingForm
  /// Its share of the evidence; both shares sum to 1.
  public var weight: Double
  /// a with its prediction interval.
  public var a: Estimate
  /// b with its prediction interval.
  public var b: Estimate
  /// b - a with its prediction interval.
  public var ceiling: Estimate

  /// Makes a forecast.
  public init(form: ScalingForm, weight: Double, a: Estimate, b: Estimate, ceiling: Estimate) {
    self.form = form
    self.weight = weight
    self.a = a
    self.b = b
    self.ceiling = ceiling
  }

  /// a, b and ceiling without their intervals.
  public var numbers: LawNumbers {
    LawNumbers(a: a.value, b: b.value, ceiling: ceiling.value)
  }
}

/// A value with its spread: what a form says about a number before it is cut into an interval.
struct Prospect {
  let value: Double
  let spread: SizeError.Spread?

  func estimate(level: Double) -> Estimate {
    guard let spread else { return Estimate(value: value, interval: nil) }
    let interval = Interval(center: value, halfWidth: spread.halfWidth(level: level))
    return Estimate(value: value, interval: interval.isFinite ? interval : nil)
  }

  /// The mean of two by weight, with the interval between the mixture's quantiles.
  static func average(
    _ first: Prospect, _ second: Prospect, firstWeight weight: Double, level: Double
  ) -> Estimate {
    let value = weight * first.value + (1 - weight) * second.value
    guard let one = first.estimate(level: level).interval, let firstSpread = first.spread,
      let other = second.estimate(level: level).interval, let secondSpread = second.spread
    else { return Estimate(value: value, interval: nil) }
    func below(_ x: Double) -> Double {
      weight * share(below: x, first.value, firstSpread)
        + (1 - weight) * share(below: x, second.value, secondSpread)
    }
    func quantile(_ probability: Double, _ a: Double, _ b: Double) -> Double {
      // Each form alone has at most its share below its own quantile, so the mixture's lies between.
      var (low, high) = (min(a, b), max(a, b))
      for _ in 0..<80 where high > low {
        let middle = low / 2 + high / 2
        if below(middle) < probability { low = middle } else { high = middle }
      }
      return low / 2 + high / 2
    }
    let tail = (1 - level) / 2
    return Estimate(
      value: value,
      interval: Interval(
        low: quantile(tail, one.low, other.low), high: quantile(1 - tail, one.high, other.high)))
  }

  private static func share(below x: Double, _ center: Double, _ spread: SizeError.Spread) -> Double
  {
    guard spread.variance > 0 else { return x < center ? 0 : 1 }
    let t = (x - center) / spread.variance.squareRoot()
    let tail = StudentT.upperTail(abs(t), degreesOfFreedom: spread.degreesOfFreedom)
    return t > 0 ? 1 - tail : tail
  }
}

/// The evidence for forms from how the ceilings of the sizes lie around them.
///
/// The log likelihood of the sizes' mean ceilings, each normal around the form's with the variance
/// of its mean plus a variance of sizes that is the form's own and set to what fits best. Either
/// form spends two numbers on a and two on b, so neither is penalised more and the shares of
/// likelihood are used as Akaike weights are (Burnham and Anderson, Model Selection and Multimodel
/// Inference, section 2.9); they are not those of the joint likelihood of a and b.
enum FormEvidence {
  static func logLikelihood(residuals: [Double], variances: [Double]) -> Double {
    let largest = residuals.reduce(0) { max($0, $1 * $1) }
    func deviance(_ spread: Double) -> Double {
      zip(residuals, variances).reduce(0) {
        $0 + log(spread + $1.1) + $1.0 * $1.0 / (spread + $1.1)
      }
    }
    var best = deviance(0)
    guard largest > 0 else { return -best / 2 }
    // The best variance is at most the largest squared residual; 1e-12 of that is as good as 0.
    let scan = (0...60).map { log(largest) + Double($0 - 60) / 60 * log(1e12) }
    let values = scan.map { deviance(exp($0)) }
    if let place = values.indices.min(by: { values[$0] < values[$1] }) {
      let step = log(1e12) / 60
      let at = goldenSection(from: scan[place] - step, to: scan[place] + step) { deviance(exp($0)) }
      best = min(best, deviance(exp(at)))
    }
    return -best / 2
  }

  /// The share of the first of two log likelihoods.
  static func share(_ first: Double, _ second: Double) -> Double {
    1 / (1 + exp(max(-700, min(700, second - first))))
  }
}
