internal import Glibc

/// One run's number in the second stage: its place, its value, how well the first stage knows it,
/// and the base policy it starts from.
package struct ScalingPoint: Sendable, Hashable {
  /// Natural logarithm of the non-embedding parameters.
  package var logSize: Double
  package var value: Double
  /// Squared standard error of the first stage.
  package var variance: Double
  /// Seed of the base policy; runs of one size without one share a base.
  package var base: Int?

  package init(logSize: Double, value: Double, variance: Double, base: Int? = nil) {
    self.logSize = logSize
    self.value = value
    self.variance = variance
    self.base = base
  }
}

/// Which runs share a base policy and which share a size, as ranges over runs put in that order.
struct RunNesting: Sendable, Hashable {
  /// The runs' places in the caller's list, in order of size and base.
  let order: [Int]
  /// Each base policy's runs, as positions in `order`.
  let bases: [Range<Int>]
  /// Each size's base policies, as positions in `bases`.
  let sizes: [Range<Int>]
  /// ln N of each size, ascending.
  let logSizes: [Double]

  init(_ runs: [(logSize: Double, base: Int?)]) {
    // Runs without a base seed come first among those of their size: they share one base.
    func precedes(_ left: Int, _ right: Int) -> Bool {
      if runs[left].logSize != runs[right].logSize {
        return runs[left].logSize < runs[right].logSize
      }
      switch (runs[left].base, runs[right].base) {
      case (nil, _?): return true
      case (let a?, let b?) where a != b: return a < b
      case (nil, nil), (_?, _?): return left < right
      case (_?, nil): return false
      }
    }
    let order = runs.indices.sorted(by: precedes)
    var bases: [Range<Int>] = []
    var sizes: [Range<Int>] = []
    var logSizes: [Double] = []
    var (start, firstBase) = (0, 0)
    for position in order.indices {
      let run = runs[order[position]]
      let next = position + 1 < order.count ? runs[order[position + 1]] : nil
      let endsSize = next.map { $0.logSize != run.logSize } ?? true
      guard endsSize || next?.base != run.base else { continue }
      bases.append(start..<(position + 1))
      start = position + 1
      guard endsSize else { continue }
      sizes.append(firstBase..<bases.count)
      logSizes.append(run.logSize)
      firstBase = bases.count
    }
    self.order = order
    self.bases = bases
    self.sizes = sizes
    self.logSizes = logSizes
  }

  /// Which variances the design can tell apart: sizes from 3 on; base policies where a size has two
  /// and some base has two runs; runs where a size has two.
  var estimable: ComponentSet {
    var set = ComponentSet()
    set.size = sizes.count >= 3
    set.run = order.count > sizes.count
    set.base = bases.count > sizes.count && order.count > bases.count
    return set
  }
}

/// One value for each of the three variances: of sizes, of base policies of one size, of runs of
/// one base policy.
struct PerComponent<Value: Sendable & Hashable>: Sendable, Hashable {
  var size: Value
  var base: Value
  var run: Value

  var list: [Value] { [size, base, run] }

  func map<Other>(_ change: (Value) -> Other) -> PerComponent<Other> {
    PerComponent<Other>(size: change(size), base: change(base), run: change(run))
  }
}

typealias ComponentSet = PerComponent<Bool>
typealias Components = PerComponent<Double>

extension PerComponent where Value == Bool {
  init() { self.init(size: false, base: false, run: false) }
}

extension PerComponent where Value == Double {
  static let zero = Components(size: 0, base: 0, run: 0)

  init(list: [Double]) { self.init(size: list[0], base: list[1], run: list[2]) }
}
