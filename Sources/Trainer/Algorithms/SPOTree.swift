/// A tree of sampled segments: the root is the prompt, a leaf a finished answer; algorithms.md section 2.9.
///
/// Nodes are numbered in the order they are added, parents before children.
package struct SPOTree: Sendable, Hashable {
  /// The parent of each node; -1 for the root, which is node 0.
  package private(set) var parents: [Int] = [-1]

  /// Makes a tree of a root alone.
  package init() {}

  /// Appends a child and returns its number.
  ///
  /// - Precondition: the parent is a node.
  package mutating func add(childOf parent: Int) -> Int {
    precondition(parents.indices.contains(parent), "node \(parent) of \(parents.count)")
    parents.append(parent)
    return parents.count - 1
  }

  /// The children of each node.
  package var children: [[Int]] {
    var children = [[Int]](repeating: [], count: parents.count)
    for (node, parent) in parents.enumerated() where parent >= 0 { children[parent].append(node) }
    return children
  }

  /// Returns the value of each node: a leaf's own reward, an inner node's plain mean of its children.
  ///
  /// `rewards` has an entry for every node; those of inner nodes are not read.
  package func values(rewards: [Double]) -> [Double] {
    precondition(rewards.count == parents.count, "\(rewards.count) rewards, \(parents.count) nodes")
    var values = rewards
    for (node, children) in children.enumerated().reversed() where !children.isEmpty {
      let below = children.map { values[$0] }
      // Children that agree must leave an advantage of 0 exactly; their mean may round off them.
      values[node] = SampleStatistics.isFlat(below) ? below[0] : SampleStatistics.mean(below)
    }
    return values
  }

  /// Returns the advantage of the segment that leads to each node but the root (entry i is node i + 1): its value less its
  /// parent's, and divided by the siblings' biased deviation plus 1e-8 where it is scaled.
  package func advantages(values: [Double], scaled: Bool) -> [Double] {
    let deviations = scaled ? children.map { deviation($0.map { values[$0] }) } : []
    return parents.indices.dropFirst().map { node in
      let difference = values[node] - values[parents[node]]
      return scaled ? difference / (deviations[parents[node]] + 1e-8) : difference
    }
  }

  /// Whether a segment of this advantage has something to teach.
  package static func isTrainedOn(_ advantage: Double) -> Bool { advantage != 0 }

  private func deviation(_ values: [Double]) -> Double {
    SampleStatistics.variance(values, isBiased: true).squareRoot()
  }
}
