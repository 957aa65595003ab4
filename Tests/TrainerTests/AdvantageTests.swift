import Testing
import Trainer
import TrainerProtocol

@Suite("Advantages, the group filter, aggregation")
struct AdvantageTests {
  private static let estimators: [AdvantageEstimator] = [
    .reinforce, .rloo, .grpo(scaleByStd: true), .grpo(scaleByStd: false),
  ]

  private func near(_ left: [Double], _ right: [Double], _ tolerance: Double = 1e-12) -> Bool {
    left.count == right.count
      && zip(left, right).allSatisfy { ($0 - $1).magnitude <= tolerance }
  }

  @Test("Two ragged groups in mixed order, by hand")
  func byHand() {
    let rewards = [1.0, 0, 0, 1, 0]
    let groups = [7, 7, 2, 7, 2]
    let third = 1.0 / 3
    #expect(
      AdvantageEstimator.reinforce.advantages(rewards: rewards, groups: groups) == rewards)
    // Group 7 has rewards 1 0 1: mean 2/3, n/(n-1) = 3/2, unbiased deviation sqrt(1/3).
    #expect(
      near(
        AdvantageEstimator.rloo.advantages(rewards: rewards, groups: groups),
        [0.5, -1, 0, 0.5, 0]))
    #expect(
      near(
        AdvantageEstimator.grpo(scaleByStd: false).advantages(rewards: rewards, groups: groups),
        [third, -2 * third, 0, third, 0]))
    let scale = third.squareRoot() + 1e-6
    #expect(
      near(
        AdvantageEstimator.grpo(scaleByStd: true).advantages(rewards: rewards, groups: groups),
        [third / scale, -2 * third / scale, 0, third / scale, 0]))
  }

  @Test("Equal rewards give exactly 0, also where their mean rounds")
  func flat() {
    let rewards = Array(repeating: 0.1, count: 3)
    for estimator in Self.estimators where estimator != .reinforce {
      #expect(estimator.advantages(rewards: rewards, groups: [0, 0, 0]) == [0, 0, 0])
    }
  }

  @Test("A group of one keeps its reward")
  func single() {
    #expect(AdvantageEstimator.rloo.advantages(rewards: [0.7], groups: [0]) == [0.7])
    #expect(
      AdvantageEstimator.grpo(scaleByStd: true).advantages(rewards: [0.7], groups: [0])
        == [0.7 / (1 + 1e-6)])
    #expect(
      AdvantageEstimator.grpo(scaleByStd: false).advantages(rewards: [0.7], groups: [0]) == [0.7])
  }

  @Test("Nothing gives nothing", arguments: estimators)
  func empty(estimator: AdvantageEstimator) {
    #expect(estimator.advantages(rewards: [], groups: []) == [])
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
    for estimator in Self.estimators where estimator != .reinforce {
      let advantages = estimator.advantages(rewards: rewards, groups: groups)
      for group in 0..<4 {
        let members = groups.indices.filter { groups[$0] == group }
        guard members.count > 1 else { continue }
        #expect(members.reduce(0) { $0 + advantages[$1] }.magnitude < 1e-9)
        let shifted = estimator.advantages(
          rewards: members.map { rewards[$0] + 5 }, groups: members.map { _ in 0 })
        #expect(near(shifted, members.map { advantages[$0] }, 1e-9))
      }
      let permuted = estimator.advantages(
        rewards: order.map { rewards[$0] }, groups: order.map { groups[$0] })
      #expect(near(permuted, order.map { advantages[$0] }, 1e-12))
    }
  }

  @Test("Groups whose rewards are all equal are dropped, groups of one are kept")
  func filter() {
    let groups = [4, 4, 1, 1, 9, 3, 3]
    let rewards = [1.0, 1, 0, 1, 0, 0, 0]
    #expect(GroupFilter.kept(rewards: rewards, groups: groups) == [1, 9])
    #expect(GroupFilter.kept(rewards: [], groups: []) == [])
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
  }

  @Test("Whitening: unbiased variance, and 0 where there is nothing to compare")
  func whitening() {
    let values = SampleStatistics.whiten([1, 2, 3])
    #expect(near(values, [-1, 0, 1], 1e-7))
    #expect(SampleStatistics.whiten([5]) == [0] && SampleStatistics.whiten([]) == [])
    #expect(SampleStatistics.whiten([2, 2, 2]) == [0, 0, 0])
    #expect(SampleStatistics.covariance([1, 2, 3], [2, 4, 6]) == 4.0 / 3)
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
