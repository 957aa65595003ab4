internal import Glibc

/// What a run costs at a size that was not measured, from sizes that were.
///
/// Straight lines in log cost over log size between the measured sizes, and the outermost ones
/// carried on; a single measured size is taken in proportion to the size.
public struct CostCurve: Sendable, Hashable {
  private let places: [Double]
  private let costs: [Double]

  /// Takes the median of what each size cost, above 0; nil where nothing was measured.
  ///
  /// - Parameter measured: Sizes with what one run of them cost, in any unit.
  public init?(_ measured: [(size: Double, cost: Double)]) {
    let usable = measured.filter {
      $0.size > 0 && $0.size.isFinite && $0.cost > 0 && $0.cost.isFinite
    }
    let bySize = Dictionary(grouping: usable, by: \.size)
    let sizes = bySize.keys.sorted()
    guard !sizes.isEmpty else { return nil }
    places = sizes.map { log($0) }
    costs = sizes.map { log(ScaledRuns.median((bySize[$0] ?? []).map(\.cost))) }
  }

  /// Returns the cost at a size, in the unit of the measured ones.
  public func cost(at size: Double) -> Double {
    let place = log(size)
    guard places.count > 1 else { return exp(costs[0] + place - places[0]) }
    let after = places.firstIndex { $0 >= place } ?? places.count - 1
    let right = max(after, 1)
    let left = right - 1
    let slope = (costs[right] - costs[left]) / (places[right] - places[left])
    return exp(costs[left] + slope * (place - places[left]))
  }

  /// Whether runs of this size were measured.
  public func isMeasured(_ size: Double) -> Bool { places.contains(log(size)) }
}
