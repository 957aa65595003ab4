import ExpFit
import Glibc

/// Sweeps whose laws are known, with a small wave in place of noise.
enum LawSamples {
  static func curve(
    _ id: String, size: Double, a: Double, b: Double, seed: Int = 0, isHeldOut: Bool = false
  ) -> Curve {
    let points = (0..<21).map { index in
      let entropy = 0.7 - 0.02 * Double(index)
      let wave = 0.002 * sin(Double(7 * index + 3 * seed))
      return CurvePoint(step: 4 * index, entropy: entropy, score: b - a * exp(entropy) + wave)
    }
    return Curve(id: id, modelParams: size, seed: seed, isHeldOut: isHeldOut, points: points)
  }

  /// Four sizes on lines in ln N with two seeds each, a fifth held out, and a run that cannot be fitted.
  static func sweep(withRest: Bool = true) -> SweepFit {
    var curves: [Curve] = []
    for (index, size) in [14e3, 83e3, 303e3, 974e3, 2.7e6].enumerated() {
      for seed in 0..<2 {
        let a = 0.06 * log(size) - 0.4 + 0.004 * Double(seed)
        curves.append(
          curve(
            "run\(index)\(seed)", size: size, a: a, b: 2 * a + 0.1, seed: seed,
            isHeldOut: index == 4))
      }
    }
    if withRest {
      curves.append(
        Curve(
          id: "short", modelParams: 14e3,
          points: [CurvePoint(step: 0, entropy: 0.7, score: 0.1)]))
    }
    return SweepFit(curves)
  }
}
