internal import ExpFit
internal import Glibc

/// Seeded numbers (SplitMix64 and Box-Muller), so that every simulation is the same one.
struct Noise {
  private var bits: SplitMix

  init(seed: UInt64) { bits = SplitMix(seed: seed) }

  mutating func uniform() -> Double {
    (Double(bits.next() >> 11) + 0.5) / 9_007_199_254_740_992
  }

  mutating func normal() -> Double {
    (-2 * log(uniform())).squareRoot() * cos(2 * Double.pi * uniform())
  }

  /// Student's t with 3 degrees of freedom, scaled to variance 1.
  mutating func heavy() -> Double {
    let squares = (0..<3).reduce(0.0) { sum, _ in
      let value = normal()
      return sum + value * value
    }
    return normal() / squares.squareRoot()
  }
}

/// What the errors around the simulated law are.
enum Variant: String, CaseIterable {
  /// Normal, of standard deviation 0.008 at every point.
  case even
  /// Those of a score over 128 prompts × 8 answers: variance R (1 - R) / 1024, scores rounded to
  /// 1/1024.
  case binomial
  /// Student's t with 3 degrees of freedom, of standard deviation 0.008.
  case heavy
  /// Half of the variance drawn anew at every point, half an AR(1) series, which no AR(1) is: what
  /// sampling noise on top of a wandering policy looks like.
  case mixed

  static let promptCount = 128
}

/// Runs on the law R = -0.3 exp(H) + 0.7 with entropy collapsing from 0.7 to 0.2 and AR(1) errors.
struct Simulation {
  static let a = 0.3
  static let b = 0.7
  static let ceiling = b - a

  let variant: Variant
  let pointCount: Int
  let rho: Double

  func points(_ noise: inout Noise) -> [CurvePoint] {
    var error = draw(&noise)
    let innovation = (1 - rho * rho).squareRoot()
    let half = 0.5.squareRoot()
    return (0..<pointCount).map { index in
      if index > 0 { error = rho * error + innovation * draw(&noise) }
      let whole = variant == .mixed ? half * (error + draw(&noise)) : error
      let time = Double(index) / Double(pointCount - 1)
      let entropy = 0.2 + 0.5 * exp(-3 * time) + 0.003 * noise.normal()
      return CurvePoint(
        step: 4 * index, entropy: entropy, score: score(atEntropy: entropy, whole))
    }
  }

  private func draw(_ noise: inout Noise) -> Double {
    variant == .heavy ? noise.heavy() : noise.normal()
  }

  private func score(atEntropy entropy: Double, _ error: Double) -> Double {
    let value = Simulation.b - Simulation.a * exp(entropy)
    guard variant == .binomial else { return value + 0.008 * error }
    let answers = 8.0 * Double(Variant.promptCount)
    let measured = value + (value * (1 - value) / answers).squareRoot() * error
    return max(0, min(1, (measured * answers).rounded() / answers))
  }
}
