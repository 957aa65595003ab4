/// What a score is compared with: the scores of the other answers to its prompt.
package enum GroupBaseline: Sendable, Hashable {
  /// Nothing: `A_i = s_i`; algorithms.md section 2.1.
  case none
  /// The mean of the group's others; section 2.3.
  case leaveOneOut
  /// The mean of the group: GRPO without scaling, REINFORCE++-baseline; sections 2.2 and 2.5.
  case mean
  /// The mean of the group, and divided by its unbiased standard deviation plus epsilon; section 2.2.
  case standardScore(epsilon: Double)

  /// GRPO's, as verl has it.
  package static let grpo = GroupBaseline.standardScore(epsilon: 1e-6)

  /// Returns the advantage of each answer.
  ///
  /// `groups[i]` names the prompt of answer i; groups may be ragged and in any order. Degenerate groups follow
  /// section 7: equal scores give exactly 0, and a group of one gives `s` (scaled: `s / (1 + epsilon)`).
  package func advantages(scores: [Double], groups: [Int]) -> [Double] {
    precondition(scores.count == groups.count, "\(scores.count) scores, \(groups.count) groups")
    guard self != .none else { return scores }
    var result = scores
    for indices in Self.members(groups) {
      for (index, advantage) in zip(indices, within(indices.map { scores[$0] })) {
        result[index] = advantage
      }
    }
    return result
  }

  /// Returns the indices of each group's members, groups in order of their first one.
  package static func members(_ groups: [Int]) -> [[Int]] {
    var places: [Int: Int] = [:]
    var members: [[Int]] = []
    for (index, group) in groups.enumerated() {
      if let place = places[group] {
        members[place].append(index)
      } else {
        places[group] = members.count
        members.append([index])
      }
    }
    return members
  }

  private func within(_ scores: [Double]) -> [Double] {
    let isSingle = scores.count == 1
    // Equal scores must give 0 exactly; their mean may round off them.
    guard isSingle || !SampleStatistics.isFlat(scores) else { return scores.map { _ in 0 } }
    let mean = isSingle ? 0 : SampleStatistics.mean(scores)
    switch self {
    case .none:
      return scores
    case .leaveOneOut:
      let scale = isSingle ? 1 : Double(scores.count) / Double(scores.count - 1)
      return scores.map { ($0 - mean) * scale }
    case .mean:
      return scores.map { $0 - mean }
    case .standardScore(let epsilon):
      let deviation = isSingle ? 1 : SampleStatistics.variance(scores).squareRoot()
      return scores.map { ($0 - mean) / (deviation + epsilon) }
    }
  }
}
