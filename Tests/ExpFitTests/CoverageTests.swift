import ExpFit
import Glibc
import Testing

@Suite("Intervals cover at about their level")
struct CoverageTests {
  /// Bounds of the share covered: nominal 0.95, less what short and correlated runs are known to
  /// lose, ± 3 simulation errors.
  static let cases: [(count: Int, rho: Double, least: Double, most: Double)] = [
    (10, 0, 0.92, 1), (40, 0, 0.92, 0.99), (40, 0.5, 0.90, 0.98), (40, 0.8, 0.84, 0.97),
    (100, 0.5, 0.90, 0.985),
  ]

  @Test("a, b and the ceiling of one run", arguments: cases)
  func oneRun(count: Int, rho: Double, least: Double, most: Double) throws {
    var noise = Noise(seed: 77)
    let trials = 400
    var covered = [0, 0, 0]
    for _ in 0..<trials {
      let fit = try LawFit(lawPoints(count, sigma: 0.008, rho: rho, noise: &noise))
      let hits = [
        fit.aInterval.contains(0.3), fit.bInterval.contains(0.7), fit.ceilingInterval.contains(0.4),
      ]
      for (index, hit) in hits.enumerated() where hit { covered[index] += 1 }
    }
    for share in covered.map({ Double($0) / Double(trials) }) {
      #expect(share >= least && share <= most, "n \(count), rho \(rho): \(share)")
    }
  }

  /// Standard deviations of sizes, seeds and first stage; runs per size.
  static let families: [(size: Double, seed: Double, known: Double, runs: Int)] = [
    (0.02, 0.005, 0.005, 2), (0, 0.01, 0.005, 2), (0.02, 0.005, 0.005, 1), (0.01, 0.01, 0.003, 3),
  ]

  @Test("a new run at a size never run", arguments: families)
  func newSize(size: Double, seed: Double, known: Double, runs: Int) throws {
    var noise = Noise(seed: 5)
    let trials = 400
    let logSizes = [13_920, 23_680, 83_232, 302_720.0].map { log($0) }
    let target = log(974_080.0)
    let spread = (seed * seed + known * known).squareRoot()
    func value(_ place: Double, _ shift: Double, _ noise: inout Noise) -> Double {
      0.074 * place - 0.54 + shift + spread * noise.normal()
    }
    var covered = 0
    for _ in 0..<trials {
      var points: [ScalingPoint] = []
      for place in logSizes {
        let shift = size * noise.normal()
        for _ in 0..<runs {
          points.append(
            ScalingPoint(
              logSize: place, value: value(place, shift, &noise), variance: known * known))
        }
      }
      let estimate = try ScalingLine(points, level: 0.95).estimate(at: target)
      let truth = value(target, size * noise.normal(), &noise)
      if try #require(estimate.interval).contains(truth) { covered += 1 }
    }
    let share = Double(covered) / Double(trials)
    #expect(share >= 0.91, "\(share)")
  }
}
