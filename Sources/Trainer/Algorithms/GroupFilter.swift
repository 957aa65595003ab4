/// Drops prompts whose answers are all equally good: they teach nothing; algorithms.md section 1.
package enum GroupFilter {
  /// Returns the groups that are kept, in order of their first member.
  ///
  /// A group is dropped when all its rewards are equal (population deviation 0). Groups of one are kept.
  package static func kept(rewards: [Double], groups: [Int]) -> [Int] {
    var order: [Int] = []
    var members: [Int: [Double]] = [:]
    for (reward, group) in zip(rewards, groups) {
      if members[group] == nil { order.append(group) }
      members[group, default: []].append(reward)
    }
    return order.filter { group in
      guard let rewards = members[group] else { return false }
      return rewards.count == 1 || rewards.contains { $0 != rewards[0] }
    }
  }
}
