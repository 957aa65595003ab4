package import TrainerProtocol

/// PRIME's advantage out of process rewards and outcomes, before whitening; algorithms.md section 2.7.
package struct PrimeAdvantage: Sendable, Hashable {
  /// The paper's formula or the code's.
  package var form: TrainConfig.PrimeForm
  /// Weight of the process rewards; a source of weight 0 is left out.
  package var processWeight: Double
  /// Weight of the outcome.
  package var outcomeWeight: Double
  /// Discount of later process rewards; the code form knows none.
  package var gamma: Double

  /// Makes an advantage.
  package init(
    form: TrainConfig.PrimeForm, processWeight: Double, outcomeWeight: Double, gamma: Double = 1
  ) {
    self.form = form
    self.processWeight = processWeight
    self.outcomeWeight = outcomeWeight
    self.gamma = gamma
  }

  /// Takes its settings out of a configuration; absent ones have PRIME's defaults.
  package init(_ config: TrainConfig) {
    let form = config.primeForm ?? .code
    let weight = form == .code ? 5.0 : 1
    self.init(
      form: form, processWeight: config.primeProcessWeight ?? weight,
      outcomeWeight: config.primeOutcomeWeight ?? weight, gamma: config.gamma ?? 1)
  }

  /// Returns the advantage of each token.
  ///
  /// The outcome is taken against the group's others and reaches all tokens. Of a process reward the paper subtracts
  /// the mean, over the group's others, of their mean process reward; the code scales it by K / (K - 1) and subtracts
  /// the sum over all K of those means over K - 1, which differs by a term that sums to 0 over the answer. Then they
  /// are summed towards the end. A group of one has no baseline.
  package func advantages(
    processRewards: [Double], outcomes: [Double], rows: TokenRows, groups: [Int]
  ) -> [Double] {
    var result = [Double](repeating: 0, count: rows.tokenCount)
    if processWeight != 0 {
      let centred = centred(processRewards, rows, groups)
      let sums = rows.sumsToEnd(centred, discount: form == .paper ? gamma : 1)
      for token in result.indices { result[token] += processWeight * sums[token] }
    }
    if outcomeWeight != 0 {
      let centred = GroupBaseline.leaveOneOut.advantages(scores: outcomes, groups: groups)
      for (token, value) in rows.broadcast(centred).enumerated() {
        result[token] += outcomeWeight * value
      }
    }
    return result
  }

  private func centred(_ rewards: [Double], _ rows: TokenRows, _ groups: [Int]) -> [Double] {
    precondition(
      rewards.count == rows.tokenCount, "\(rewards.count) rewards, \(rows.tokenCount) tokens")
    let means = (0..<rows.count).map { SampleStatistics.mean(rewards[rows.range($0)]) }
    var result = rewards
    for members in GroupBaseline.members(groups) where members.count > 1 {
      let others = Double(members.count - 1)
      let sum = members.reduce(0) { $0 + means[$1] }
      for row in members {
        for token in rows.range(row) {
          switch form {
          case .paper: result[token] -= (sum - means[row]) / others
          case .code: result[token] = (rewards[token] * (others + 1) - sum) / others
          }
        }
      }
    }
    return result
  }
}
