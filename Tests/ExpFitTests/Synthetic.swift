import ExpCore
import ExpFit
import FoundationEssentials
import Glibc

/// Seeded normal numbers (SplitMix64 and Box-Muller), so that every simulation is the same one.
struct Noise {
  private var bits: SplitMix

  init(seed: UInt64) { bits = SplitMix(seed: seed) }

  mutating func uniform() -> Double {
    (Double(bits.next() >> 11) + 0.5) / 9_007_199_254_740_992
  }

  mutating func normal() -> Double {
    (-2 * log(uniform())).squareRoot() * cos(2 * Double.pi * uniform())
  }
}

/// Points of the law with collapsing entropy and AR(1) errors.
func lawPoints(
  _ count: Int = 41, a: Double = 0.3, b: Double = 0.7, from start: Double = 0.7,
  to end: Double = 0.2, sigma: Double = 0, rho: Double = 0, noise: inout Noise
) -> [CurvePoint] {
  var error = noise.normal()
  return (0..<count).map { index in
    if index > 0 { error = rho * error + (1 - rho * rho).squareRoot() * noise.normal() }
    let time = Double(index) / Double(max(count - 1, 1))
    let entropy = end + (start - end) * exp(-3 * time) + (sigma > 0 ? 0.003 * noise.normal() : 0)
    return CurvePoint(
      step: 4 * index, entropy: entropy, score: b - a * exp(entropy) + sigma * error)
  }
}

/// Points exactly on the law.
func exactPoints(_ count: Int = 41, a: Double, b: Double) -> [CurvePoint] {
  var noise = Noise(seed: 1)
  return lawPoints(count, a: a, b: b, noise: &noise)
}

/// The values of the independent implementations, `Fixtures/reference.json`.
func reference() throws -> JSONValue {
  let folder = String(#filePath.dropLast("Synthetic.swift".count))
  let data = try Data(contentsOf: URL(filePath: folder + "Fixtures/reference.json"))
  return try JSONValue(parsing: data)
}

extension JSONValue {
  func number(_ path: String) throws -> Double {
    guard let value = self[path: path]?.number else { throw NoFit("no number at \(path)") }
    return value
  }

  func numbers(_ path: String) throws -> [Double] {
    guard let values = self[path: path]?.array else { throw NoFit("no array at \(path)") }
    return values.compactMap(\.number)
  }

  func elements(_ path: String) throws -> [JSONValue] {
    guard let values = self[path: path]?.array else { throw NoFit("no array at \(path)") }
    return values
  }

  /// The points of a fixture's run.
  func points() throws -> [CurvePoint] {
    let (steps, entropies, scores) = (
      try numbers("step"), try numbers("entropy"), try numbers("score")
    )
    return steps.indices.map {
      CurvePoint(step: Int(steps[$0]), entropy: entropies[$0], score: scores[$0])
    }
  }
}

/// Whether two numbers agree to a relative tolerance.
func agree(_ left: Double, _ right: Double, _ tolerance: Double) -> Bool {
  abs(left - right) <= tolerance * max(abs(left), abs(right), 1e-300)
}
