import Testing
import Trainer
import TrainerProtocol

@Suite("Advantages, the group filter, aggregation")
struct AdvantageTests {
  private static let baselines: [GroupBaseline] = [.none, .leaveOneOut, .grpo, .mean]

  private func near(_ left: [Double], _ right: [Double], _ tolerance: Double = 1e-12) -> Bool {
    left.count == right.count
      && zip(left, right).allSatisfy { ($0 - $1).magnitude <= tolerance }
  }

  @Test("Two ragged groups in mixed order, by hand")
  func byHand() {
    let rewards = [1.0, 0, 0, 1, 0]
    let groups = [7, 7, 2, 7, 2]
    let third = 1.0 / 3
    #expect(GroupBaseline.none.advantages(scores: rewards, groups: groups) == rewards)
    // Group 7 has rewards 1 0 1: mean 2/3, n/(n-1) = 3/2, unbiased deviation sqrt(1/3).
    #expect(
      near(
        GroupBaseline.leaveOneOut.advantages(scores: rewards, groups: groups),
        [0.5, -1, 0, 0.5, 0]))
    #expect(
      near(
        GroupBaseline.mean.advantages(scores: rewards, groups: groups),
        [third, -2 * third, 0, third, 0]))
    let scale = third.squareRoot() + 1e-6
    #expect(
      near(
        GroupBaseline.grpo.advantages(scores: rewards, groups: groups),
        [third / scale, -2 * third / scale, 0, third / scale, 0]))
  }

  @Test("Equal rewards give exactly 0, also where their mean rounds")
  func flat() {
    let rewards = Array(repeating: 0.1, count: 3)
    for baseline in Self.baselines where baseline != .none {
      #expect(baseline.advantages(scores: rewards, groups: [0, 0, 0]) == [0, 0, 0])
    }
  }

  @Test("A group of one keeps its reward")
  func single() {
    #expect(GroupBaseline.leaveOneOut.advantages(scores: [0.7], groups: [0]) == [0.7])
    #expect(
      GroupBaseline.grpo.advantages(scores: [0.7], groups: [0])
        == [0.7 / (1 + 1e-6)])
    #expect(
      GroupBaseline.mean.advantages(scores: [0.7], groups: [0]) == [0.7])
  }

  @Test("Nothing gives nothing", arguments: baselines)
  func empty(baseline: GroupBaseline) {
    #expect(baseline.advantages(scores: [], groups: []) == [])
  }

  @Test(
    "Baselines centre every group, ignore a shift of rewards, and follow a permutation",
    arguments: 0..<20)
  func properties(seed: Int) {
    var random = TrainerFixtures.random(UInt64(seed))
    let count = 2 + random.below(20)
    let groups = (0..<count).map { _ in random.below(4) }
    let rewards = (0..<count).map { _ in random.uniform(-1...1) }
    let order = (0..<count).shuffled(using: &random)
    for baseline in Self.baselines where baseline != .none {
      let advantages = baseline.advantages(scores: rewards, groups: groups)
      for group in 0..<4 {
        let members = groups.indices.filter { groups[$0] == group }
        guard members.count > 1 else { continue }
        #expect(members.reduce(0) { $0 + advantages[$1] }.magnitude < 1e-9)
        let shifted = baseline.advantages(
          scores: members.map { rewards[$0] + 5 }, groups: members.map { _ in 0 })
        #expect(near(shifted, members.map { advantages[$0] }, 1e-9))
      }
      let permuted = baseline.advantages(
        scores: order.map { rewards[$0] }, groups: order.map { groups[$0] })
      #expect(near(permuted, order.map { advantages[$0] }, 1e-12))
    }
  }

  @Test("Groups whose rewards are all equal are dropped, groups of one are kept")
  func filter() {
    let groups = [4, 4, 1, 1, 9, 3, 3]
    let rewards = [1.0, 1, 0, 1, 0, 0, 0]
    let filter = GroupFilter()
    #expect(filter.kept(rewards: rewards, accuracies: rewards, groups: groups) == [1, 9])
    #expect(filter.kept(rewards: [], accuracies: [], groups: []) == [])
  }

  @Test("An accuracy band drops prompts that are too hard or too easy, its ends included")
  func band() {
    // Accuracies 1/5, 4/5 and 2/5; the last has soft rewards that differ.
    let accuracies = [1.0, 0, 0, 0, 0] + [1, 1, 1, 1, 0] + [1, 1, 0, 0, 0]
    let rewards = accuracies.enumerated().map { $1 * 0.9 + 0.001 * Double($0) }
    let groups = (0..<15).map { $0 / 5 }
    func kept(_ low: Double, _ high: Double) -> [Int] {
      GroupFilter(accuracyLow: low, accuracyHigh: high).kept(
        rewards: rewards, accuracies: accuracies, groups: groups)
    }
    #expect(kept(0.2, 0.8) == [0, 1, 2])
    #expect(kept(0.21, 0.8) == [1, 2])
    #expect(kept(0.2, 0.79) == [0, 2])
  }

  @Test("Weights of each aggregation, with an empty row that counts in no mean")
  func aggregation() {
    let rows = TokenRows(lengths: [1, 0, 3])
    #expect(near(TrainConfig.LossAggregation.tokenMean.weights(rows), [0.25, 0.25, 0.25, 0.25]))
    #expect(near(TrainConfig.LossAggregation.seqMeanTokenSum.weights(rows), [0.5, 0.5, 0.5, 0.5]))
    #expect(
      near(
        TrainConfig.LossAggregation.seqMeanTokenMean.weights(rows),
        [0.5, 1.0 / 6, 1.0 / 6, 1.0 / 6]))
    #expect(TrainConfig.LossAggregation.tokenMean.weights(TokenRows()) == [])
    let norm = TrainConfig.LossAggregation.seqMeanTokenSumNorm
    let third = 1.0 / 3
    #expect(near(norm.weights(rows), [third, third, third, third]))
    #expect(norm.weights(rows, over: .init(length: 8)) == [0.125, 0.125, 0.125, 0.125])
  }

  @Test("Tokens that a mask leaves out weigh nothing and count in no denominator")
  func masked() {
    let rows = TokenRows(lengths: [2, 1, 3])
    let kept = [false, false, true, true, false, true]
    #expect(
      near(
        TrainConfig.LossAggregation.tokenMean.weights(rows, kept: kept),
        [0, 0, 1.0 / 3, 1.0 / 3, 0, 1.0 / 3]))
    // The first row keeps no token: two rows are left.
    #expect(
      near(
        TrainConfig.LossAggregation.seqMeanTokenSum.weights(rows, kept: kept),
        [0, 0, 0.5, 0.5, 0, 0.5]))
    #expect(
      near(
        TrainConfig.LossAggregation.seqMeanTokenMean.weights(rows, kept: kept),
        [0, 0, 0.5, 0.25, 0, 0.25]))
    for mode in TrainConfig.LossAggregation.allCases {
      #expect(mode.weights(rows, kept: kept.map { _ in false }) == [0, 0, 0, 0, 0, 0])
    }
  }

  @Test("Whitening: unbiased variance, and 0 where there is nothing to compare")
  func whitening() {
    let values = SampleStatistics.whiten([1, 2, 3])
    #expect(near(values, [-1, 0, 1], 1e-7))
    #expect(SampleStatistics.whiten([5]) == [0] && SampleStatistics.whiten([]) == [])
    #expect(SampleStatistics.whiten([2, 2, 2]) == [0, 0, 0])
    #expect(SampleStatistics.covariance([1, 2, 3], [2, 4, 6]) == 4.0 / 3)
    // OpenRLHF divides by the biased deviation, sqrt(2/3), which is at least 1e-4.
    #expect(
      near(
        SampleStatistics.whiten([1, 2, 3], .clampedBiased),
        [-1.5.squareRoot(), 0, 1.5.squareRoot()]))
    #expect(near(SampleStatistics.whiten([0, 1e-6], .clampedBiased), [-0.005, 0.005]))
    #expect(near(SampleStatistics.whiten([1, 2, 3], keepsMean: true), [1, 2, 3], 1e-7))
  }

  @Test(
    "Whitening over a mask takes its mean and spread from the kept values, from all where none is kept"
  )
  func maskedWhitening() {
    let values = [1.0, 2, 3, 100]
    let kept = [true, true, true, false]
    #expect(near(SampleStatistics.whiten(values, over: kept), [-1, 0, 1, 98], 1e-5))
    let none = SampleStatistics.whiten(values, over: [false, false, false, false])
    #expect(none == SampleStatistics.whiten(values))
    #expect(SampleStatistics.whiten(values, over: [true, false, false, false]) == [0, 0, 0, 0])
  }

  @Test("Quantiles interpolate between neighbours; z-scores of equal values are 0")
  func quantiles() {
    #expect(SampleStatistics.quantile(0.5, of: [3, 1, 2]) == 2)
    #expect(SampleStatistics.quantile(0.25, of: [0, 4, 8]) == 2)
    #expect(SampleStatistics.quantile(1, of: [0, 4, 8]) == 8)
    #expect(SampleStatistics.quantile(0.3, of: []) == nil)
    // 1 - 0.7 is a little more than 0.3; the fourth of eleven values is meant.
    #expect(SampleStatistics.quantile(1 - 0.7, of: (0...10).map(Double.init)) == 3)
    #expect(SampleStatistics.standardised([1, 3]) == [-1, 1])
    #expect(SampleStatistics.standardised([0.1, 0.1, 0.1]) == [0, 0, 0])
    #expect(SampleStatistics.standardised([]) == [])
  }

  @Test("Standard errors count repeats of one prompt as one, and are the usual ones otherwise")
  func clusters() {
    // Mean 0.5; cluster 1 deviates by 1 in sum, cluster 2 by -1: sqrt((1 + 1) * 2 / 1) / 4.
    #expect(
      Evaluation.clusteredStandardError(of: [1, 1, 0, 0], clusters: [[1], [1], [2], [2]]) == 0.5)
    let single = Evaluation.clusteredStandardError(
      of: [1, 1, 0, 0], clusters: [[1], [2], [3], [4]])
    #expect(near([single ?? 0], [(1.0 / 12).squareRoot()]))
    #expect(Evaluation.clusteredStandardError(of: [1, 0], clusters: [[1], [1]]) == nil)
    #expect(Evaluation.clusteredStandardError(of: [], clusters: []) == nil)
  }
}
