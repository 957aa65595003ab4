/// Which labels of the runs tell blocks apart, and which belong to the arms.
///
/// A label that takes one value in each arm says nothing that the arm does not say already: it
/// follows the key, as the learning rate of a reward model follows the algorithm. A label that the
/// arm and the other labels fix together, and whose values are not the same in all arms, follows
/// the key in part, as a clip ratio follows algorithm and entropy control. Neither may keep two
/// runs from being a pair; both are confounded with the arms.
struct ComparisonKeys {
  /// Labels with one value in each arm, in order of the name, of which two arms have different ones.
  let following: [String]
  /// Labels with one value in all arms that have them at all.
  let ownSettings: [String]
  /// Labels that arm and other labels fix together.
  let followingInPart: [String]
  /// Labels in which the two runs of a pair agree.
  let blocking: [String]

  /// Sorts the labels of runs that all have the key.
  init(_ curves: [Curve], key: String) {
    let names = Set(curves.flatMap { Array($0.labels.keys) })
      .filter { $0 != key && !$0.hasPrefix(key + ".") }.sorted()
    var following: [String] = []
    var own: [String] = []
    var open: [String] = []
    for name in names {
      let values = ComparisonKeys.valuesByArm(curves, key: key, of: name)
      let all = Set(values.values.flatMap { Array($0) })
      if all.count < 2 { continue }
      if values.values.allSatisfy({ $0.count == 1 }) {
        if all.compactMap(\.self).count > 1 { following.append(name) } else { own.append(name) }
      } else {
        open.append(name)
      }
    }
    var inPart: [String] = []
    for name in ComparisonKeys.removalOrder(open, curves) {
      let values = ComparisonKeys.valuesByArm(curves, key: key, of: name)
      guard Set(values.values).count > 1 else { continue }
      let rest = open.filter { $0 != name }
      if ComparisonKeys.count(curves, [key] + rest) == ComparisonKeys.count(curves, [key] + open) {
        open = rest
        inPart.append(name)
      }
    }
    // What other labels imply, as settings do of a method, sets no two runs apart.
    for name in ComparisonKeys.removalOrder(open, curves) {
      let rest = open.filter { $0 != name }
      if ComparisonKeys.count(curves, rest) == ComparisonKeys.count(curves, open) { open = rest }
    }
    self.following = following
    ownSettings = own
    followingInPart = inPart.sorted()
    blocking = open
  }

  /// Arms that share no value of a blocking label with any other arm, so that they have no pairs.
  func separations(_ curves: [Curve], key: String, arms: [String]) -> [ArmSeparation] {
    blocking.flatMap { label in
      let values = ComparisonKeys.valuesByArm(curves, key: key, of: label)
      return arms.filter { arm in
        let own = values[arm] ?? []
        return arms.allSatisfy { $0 == arm || own.isDisjoint(with: values[$0] ?? []) }
      }.map { ArmSeparation(arm: $0, label: label) }
    }
  }

  private static func valuesByArm(
    _ curves: [Curve], key: String, of name: String
  ) -> [String: Set<String?>] {
    curves.reduce(into: [:]) { $0[$1.labels[key] ?? "", default: []].insert($1.labels[name]) }
  }

  /// Settings that some runs lack are taken for dependent ones first, names of methods last.
  private static func removalOrder(_ names: [String], _ curves: [Curve]) -> [String] {
    func rank(_ name: String) -> Int {
      if name.hasSuffix(".method") || name.hasSuffix(".algorithm") { return 2 }
      return curves.contains { $0.labels[name] == nil } ? 0 : 1
    }
    return names.sorted { (rank($0), $0) < (rank($1), $1) }
  }

  /// How many different combinations of size, seeds and these labels there are.
  private static func count(_ curves: [Curve], _ names: [String]) -> Int {
    Set(curves.map { BlockKey($0, labels: names) }).count
  }
}

/// An arm that shares no value of a label with any other arm.
public struct ArmSeparation: Sendable, Hashable {
  /// The arm.
  public let arm: String
  /// The label.
  public let label: String
}

/// What identifies a run beside its arm.
struct BlockKey: Hashable {
  let size: UInt64
  let seed: Int?
  let baseSeed: Int?
  let definition: String?
  let labels: [String?]

  init(_ curve: Curve, labels names: [String], definition: String? = nil) {
    size = curve.modelParams.bitPattern
    (seed, baseSeed) = (curve.seed, curve.baseSeed)
    self.definition = definition
    labels = names.map { curve.labels[$0] }
  }
}
