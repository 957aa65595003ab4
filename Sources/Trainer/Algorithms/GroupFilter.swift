/// Drops prompts that teach nothing, or are too hard or too easy; algorithms.md sections 1 and 2.7.
package struct GroupFilter: Sendable, Hashable {
  /// Groups with a smaller share of right answers are dropped.
  package var accuracyLow: Double
  /// Groups with a larger share of right answers are dropped.
  package var accuracyHigh: Double

  /// Makes a filter; unless told otherwise only groups of equal rewards are dropped.
  package init(accuracyLow: Double = 0, accuracyHigh: Double = 1) {
    self.accuracyLow = accuracyLow
    self.accuracyHigh = accuracyHigh
  }

  /// Returns the groups that are kept, in order of their first member.
  ///
  /// A group is dropped when all its rewards are equal (population deviation 0), or when the mean of its accuracies lies
  /// outside the band. Groups of one are kept.
  package func kept(rewards: [Double], accuracies: [Double], groups: [Int]) -> [Int] {
    precondition(
      rewards.count == groups.count && accuracies.count == groups.count,
      "\(rewards.count) rewards, \(accuracies.count) accuracies, \(groups.count) groups")
    return GroupBaseline.members(groups).filter { members in
      guard members.count > 1 else { return true }
      let accuracy = SampleStatistics.mean(members.map { accuracies[$0] })
      return !SampleStatistics.isFlat(members.map { rewards[$0] })
        && accuracy >= accuracyLow && accuracy <= accuracyHigh
    }.map { groups[$0[0]] }
  }
}
