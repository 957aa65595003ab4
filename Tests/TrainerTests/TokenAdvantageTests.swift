import Testing
import Trainer
import TrainerProtocol

@Suite("Advantages of single tokens")
struct TokenAdvantageTests {
  private func near(_ left: [Double], _ right: [Double], _ tolerance: Double = 1e-12) -> Bool {
    left.count == right.count
      && zip(left, right).allSatisfy { ($0 - $1).magnitude <= tolerance }
  }

  private let rows = TokenRows(lengths: [3, 0, 2])

  @Test("REINFORCE discounts the rewards to come, each row by itself")
  func returns() {
    let rewards = RewardShaping.tokenRewards([1, 7, -1], rows: rows)
    #expect(rewards == [0, 0, 1, 0, -1])
    let estimator = AdvantageEstimator(.returns(gamma: 0.5))
    #expect(
      estimator.tokenAdvantages(rows: rows, tokenRewards: rewards, groups: [0, 0, 0])
        == [0.25, 0.5, 1, -0.5, -1])
  }

  @Test("A penalty on a token reaches the tokens before it, and the score of the whole answer")
  func penalties() {
    let kl = RewardShaping.tokenKL(
      oldLogProbs: [-1, -2, -3, -1, -1], referenceLogProbs: [-1, -3, -3, -1, -1.5])
    let rewards = RewardShaping.tokenRewards(
      [1, 0, 0], penalties: RewardShaping.penalties(kl, coefficient: 0.5), rows: rows)
    #expect(rewards == [0, -0.5, 1, 0, -0.25])
    #expect(
      AdvantageEstimator(.returns(gamma: 1)).tokenAdvantages(
        rows: rows, tokenRewards: rewards, groups: [0, 0, 0]) == [0.5, 0.5, 1, -0.25, -0.25])
    // Scores 0.5, 0 and -0.25 against the means of the two others.
    #expect(
      near(
        AdvantageEstimator(.answers(.leaveOneOut)).tokenAdvantages(
          rows: rows, tokenRewards: rewards, groups: [0, 0, 0]),
        [0.625, 0.625, 0.625, -0.5, -0.5]))
  }

  @Test("REINFORCE++ whitens over tokens: long answers weigh more")
  func whitened() {
    let config = TrainerFixtures.train(.reinforcePP)
    let advantages = AdvantageEstimator(config).tokenAdvantages(
      rows: rows, tokenRewards: [0, 0, 1, 0, 0], groups: [0, 1, 2])
    // Returns 1 1 1 0 0: mean 0.6, unbiased variance 0.3.
    let scale = 1 / (0.3 + 1e-8).squareRoot()
    #expect(near(advantages, [0.4, 0.4, 0.4, -0.6, -0.6].map { $0 * scale }))
    let flat = AdvantageEstimator(config).tokenAdvantages(
      rows: rows, tokenRewards: [0, 0, 0.1, 0, 0.1], groups: [0, 1, 2])
    #expect(flat == [0, 0, 0, 0, 0])
  }

  @Test("ReMax takes the greedy answer's score away, and nothing else")
  func remax() {
    let advantages = AdvantageEstimator(TrainerFixtures.train(.remax)).tokenAdvantages(
      rows: rows, tokenRewards: [0, 0, 1, 0, 0], groups: [0, 1, 2], baselines: [1, 1, 0.25])
    #expect(advantages == [0, 0, 0, -0.25, -0.25])
  }

  @Test(
    "Generalised advantages by hand; lambda 1 gives returns less values, lambda 0 the one-step error"
  )
  func generalized() {
    let (rewards, values) = ([0.0, 0, 1], [0.5, 0.25, 0.75])
    let row = TokenRows(lengths: [3])
    func estimate(_ gamma: Double, _ lambda: Double) -> [Double] {
      GeneralizedAdvantage.estimate(
        rewards: rewards, values: values, rows: row, gamma: gamma, lambda: lambda)
    }
    // delta: 0.25 - 0.5, 0.75 - 0.25, 1 - 0.75.
    #expect(estimate(1, 0) == [-0.25, 0.5, 0.25])
    #expect(estimate(1, 1) == [0.5, 0.75, 0.25])
    // At gamma 0.5: deltas -0.375, 0.125, 0.25; gamma * lambda is 0.25.
    #expect(estimate(0.5, 0.5) == [-0.328125, 0.1875, 0.25])
    let (advantages, returns) = AdvantageEstimator(.critic(gamma: 1, lambda: 1)).criticAdvantages(
      rows: row, tokenRewards: rewards, values: values)
    #expect(advantages == [0.5, 0.75, 0.25] && returns == [1, 1, 1])
  }

  @Test("Generalised advantages know nothing of other rows")
  func generalizedRows() {
    let both = GeneralizedAdvantage.estimate(
      rewards: [1, 2, 3, 4, 5], values: [5, 4, 3, 2, 1], rows: rows, gamma: 0.9, lambda: 0.8)
    let last = GeneralizedAdvantage.estimate(
      rewards: [4, 5], values: [2, 1], rows: TokenRows(lengths: [2]), gamma: 0.9, lambda: 0.8)
    #expect(Array(both[3...]) == last)
  }

  @Test("PRIME as printed: the others' mean process reward and outcome are taken away")
  func primePaper() {
    let prime = PrimeAdvantage(form: .paper, processWeight: 1, outcomeWeight: 1)
    let advantages = prime.advantages(
      processRewards: [1, 2, 3, 4], outcomes: [1, 0], rows: TokenRows(lengths: [2, 2]),
      groups: [5, 5])
    // Means 1.5 and 3.5; outcomes 1 and -1 against the other.
    #expect(near(advantages, [(-2.5 - 1.5) + 1, -1.5 + 1, (1.5 + 2.5) - 1, 2.5 - 1]))
  }

  @Test(
    "PRIME's code adds a term to the paper's process reward that sums to 0 over an answer",
    arguments: 0..<10)
  func primeForms(seed: Int) {
    var random = TrainerFixtures.random(UInt64(seed))
    let rows = TokenRows(lengths: [3, 1, 4, 2, 5, 2])
    let rewards = (0..<rows.tokenCount).map { _ in random.uniform(-1...1) }
    func sums(_ form: TrainConfig.PrimeForm) -> [Double] {
      let prime = PrimeAdvantage(form: form, processWeight: 2, outcomeWeight: 0)
      let advantages = prime.advantages(
        processRewards: rewards, outcomes: [], rows: rows, groups: [1, 0, 1, 0, 1, 0])
      // The first token's advantage is the sum over its row.
      return (0..<rows.count).map { advantages[rows.range($0).lowerBound] }
    }
    #expect(near(sums(.paper), sums(.code), 1e-9))
  }

  @Test(
    "Implicit process rewards: the last token's place is the outcome's; the largest sum becomes 1")
  func implicitRewards() {
    let scores = ImplicitReward.tokenRewards(
      logRatios: [1, -2, 3, 4, 5], rows: rows, beta: 0.5, dropsLast: true)
    #expect(scores == [0.5, -1, 0, 2, 0])
    #expect(
      ImplicitReward.tokenRewards(
        logRatios: [1, -2, 3, 4, 5], rows: rows, beta: 0.5, dropsLast: false)
        == [0.5, -1, 1.5, 2, 2.5])
    let normalized = ImplicitReward.normalized(scores, rows: rows)
    #expect(near(normalized, scores.map { $0 / (2 + 1e-6) }))
    #expect(ImplicitReward.normalized([], rows: TokenRows()) == [])
  }

  @Test("SPO-chain: boundaries before every second unsure token, and segments between them")
  func chain() {
    let probabilities = [0.95, 0.2, 0.99, 0.3, 0.9, 0.4, 0.91]
    let boundaries = SPOChain.cutPoints(
      probabilities: probabilities, threshold: 0.9, interval: 2)
    #expect(boundaries == [0, 4])
    let advantages = SPOChain.advantages(
      probabilities: probabilities, boundaries: boundaries, values: [0.5, 0.25], score: 1,
      threshold: 0.9)
    // Tokens 1...4 and 5...6, the sure ones (above 0.9) left out.
    #expect(advantages == [0, -0.25, 0, -0.25, -0.25, 0.75, 0])
    #expect(SPOChain.cutPoints(probabilities: [0.95], threshold: 0.9, interval: 5) == [])
    #expect(
      SPOChain.advantages(
        probabilities: [0.95], boundaries: [], values: [], score: 1, threshold: 0.9) == [0])
  }

  @Test("SPO-chain with fixed lengths starts at the prompt and ends short of the end")
  func fixedLength() {
    #expect(SPOChain.fixedLength(responseLength: 6, tokens: 2) == [-1, 1, 3])
    #expect(SPOChain.fixedLength(responseLength: 7, tokens: 3) == [-1, 2, 5])
    #expect(SPOChain.fixedLength(responseLength: 0, tokens: 3) == [])
    let advantages = SPOChain.advantages(
      probabilities: [0.5, 0.5, 0.5], boundaries: [-1, 1], values: [0.5, 1], score: 0,
      threshold: 0.9)
    #expect(advantages == [0.5, 0.5, -1])
  }

  @Test("SPO-tree: values are plain means of children, advantages differences to the parent")
  func tree() {
    var tree = SPOTree()
    let inner = tree.add(childOf: 0)
    let leaf = tree.add(childOf: 0)
    let (left, right) = (tree.add(childOf: inner), tree.add(childOf: inner))
    var rewards = [Double](repeating: .nan, count: 5)
    (rewards[leaf], rewards[left], rewards[right]) = (1, 0, 1)
    let values = tree.values(rewards: rewards)
    #expect(values == [0.75, 0.5, 1, 0, 1])
    #expect(tree.advantages(values: values, scaled: false) == [-0.25, 0.25, -0.5, 0.5])
    let scaled = tree.advantages(values: values, scaled: true)
    #expect(near(scaled, [-1, 1, -1, 1], 1e-6))
    #expect(tree.children == [[1, 2], [3, 4], [], [], []])
  }

  @Test("SPO-tree: children that agree leave exactly 0, also where their mean rounds")
  func flatTree() {
    var tree = SPOTree()
    for _ in 0..<3 { _ = tree.add(childOf: 0) }
    let values = tree.values(rewards: [0, 0.1, 0.1, 0.1])
    for scaled in [false, true] {
      let advantages = tree.advantages(values: values, scaled: scaled)
      #expect(advantages == [0, 0, 0] && !advantages.contains(where: SPOTree.isTrainedOn))
    }
  }

  @Test("Each algorithm's own estimator; whitening can be asked for, and left out")
  func configurations() {
    func source(_ algorithm: TrainConfig.Algorithm) -> AdvantageEstimator {
      AdvantageEstimator(TrainerFixtures.train(algorithm))
    }
    #expect(source(.reinforce) == AdvantageEstimator(.returns(gamma: 1)))
    #expect(source(.rloo) == AdvantageEstimator(.answers(.leaveOneOut)))
    #expect(source(.grpo) == AdvantageEstimator(.answers(.grpo)))
    #expect(
      source(.reinforcePPBaseline) == AdvantageEstimator(.answers(.mean), whitening: .unbiased))
    #expect(source(.grpo).hasUnitVariance && source(.ppo).hasUnitVariance)
    #expect(!source(.rloo).hasUnitVariance && !source(.remax).hasUnitVariance)
    var config = TrainerFixtures.train(.rloo)
    config.normalizeAdvantages = true
    #expect(AdvantageEstimator(config).hasUnitVariance)
    config = TrainerFixtures.train(.reinforcePP)
    config.normalizeAdvantages = false
    #expect(AdvantageEstimator(config) == AdvantageEstimator(.returns(gamma: 1)))
  }
}
