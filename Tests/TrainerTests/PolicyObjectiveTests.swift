import Testing
import Trainer
import TrainerProtocol

@Suite("Policy losses and entropy control")
struct PolicyObjectiveTests {
  private func input(_ random: inout RandomSequence, count: Int) -> ObjectiveInput {
    let old = (0..<count).map { _ in random.uniform(-3 ... -0.1) }
    return ObjectiveInput(
      advantages: (0..<count).map { _ in random.uniform(-2...2) }, oldLogProbs: old,
      logProbs: old.map { $0 + random.uniform(-0.5...0.5) },
      entropies: (0..<count).map { _ in random.uniform(0...2) },
      referenceLogProbs: old.map { $0 + random.uniform(-1...1) })
  }

  /// Takes the first candidates, so that a selection can be told in advance.
  private let first: TokenChooser = { candidates, count in Array(candidates.prefix(count)) }

  @Test(
    "The gradient of every objective is the derivative of its loss",
    arguments: EntropyControlConfig.Method.allCases)
  func finiteDifferences(method: EntropyControlConfig.Method) {
    var random = TrainerFixtures.random(UInt64(method.rawValue.utf8.count))
    let estimators = EntropyControlConfig.Estimator.allCases
    for round in 0..<12 {
      var config = TrainerFixtures.train(round.isMultiple(of: 2) ? .grpo : .spoChain, method)
      config.entropyControl.estimator = estimators[round % estimators.count]
      config.dualClipRatio = round.isMultiple(of: 3) ? 1.3 : 0
      let objective = PolicyObjective(config)
      let input = input(&random, count: 23)
      let selected = objective.selection(input, chooser: first)
      let weights = objective.weights(TokenRows(lengths: [3, 0, 13, 7]), selected, longest: 13)
      let terms = objective.terms(input, selected)
      let step = 1e-6
      for token in input.logProbs.indices {
        func loss(_ change: Double) -> Double {
          var moved = input
          moved.logProbs[token] += change
          return objective.terms(moved, selected).loss.total(weights)
        }
        let numeric = (loss(step) - loss(-step)) / (2 * step)
        let exact = terms.loss.gradient[token] * weights[token]
        #expect((numeric - exact).magnitude < 1e-7)
      }
    }
  }

  @Test("The entropy bonus is linear in the entropies")
  func entropyGradient() {
    var random = TrainerFixtures.random()
    let objective = PolicyObjective(TrainerFixtures.train(.grpo, .entropyBonus))
    let input = input(&random, count: 5)
    var moved = input
    moved.entropies[2] += 0.5
    let difference =
      objective.terms(moved).loss.values[2] - objective.terms(input).loss.values[2]
    #expect((difference - 0.5 * objective.terms(input).entropyGradient).magnitude < 1e-12)
    #expect(objective.terms(input).entropyGradient == -0.02)
    #expect(PolicyObjective(TrainerFixtures.train()).terms(input).entropyGradient == 0)
  }

  @Test("The clip stops only good tokens above and bad tokens below its band")
  func clip() {
    // Ratios 2, 2, 0.5, 0.5, 1.1 with advantages +, -, +, -, +.
    let ratios = [2.0, 2, 0.5, 0.5, 1.1].map(logarithm)
    let clipped = PolicyLoss.clippedSurrogate(
      advantages: [1, -1, 1, -1, 1], logProbs: ratios, oldLogProbs: [0, 0, 0, 0, 0], low: 0.2,
      high: 0.28)
    let values = clipped.loss.values
    for (value, expected) in zip(values, [-1.28, 2, -0.5, 0.8, -1.1]) {
      #expect((value - expected).magnitude < 1e-12)
    }
    for (value, expected) in zip(clipped.loss.gradient, [0, 2, -0.5, 0, -1.1]) {
      #expect((value - expected).magnitude < 1e-12)
    }
    #expect(clipped.stoppedHigh == [true, false, false, false, false])
    #expect(clipped.stoppedLow == [false, false, false, true, false])
  }

  private func logarithm(_ value: Double) -> Double {
    // Newton's method on exp(x) = value, so that the test needs no other source of logarithms.
    var x = value - 1
    for _ in 0..<60 { x += value / LogRatio.exponential(x) - 1 }
    return x
  }

  @Test("At ratio 1 the clipped surrogate is the plain policy gradient, exactly")
  func onPolicy() {
    let advantages = [0.5, -1.5, 0]
    let logProbs = [-0.3, -2, -7]
    let clipped = PolicyLoss.clippedSurrogate(
      advantages: advantages, logProbs: logProbs, oldLogProbs: logProbs, low: 0.2, high: 0.2)
    let plain = PolicyLoss.policyGradient(advantages: advantages, logProbs: logProbs)
    #expect(clipped.loss.gradient == plain.gradient)
    #expect(!(clipped.stoppedLow + clipped.stoppedHigh).contains(true))
  }

  @Test("Log ratios of any size stay finite")
  func extremes() {
    for method in EntropyControlConfig.Method.allCases {
      let objective = PolicyObjective(TrainerFixtures.train(.grpo, method))
      let input = ObjectiveInput(
        advantages: [1, -1, 1, -1], oldLogProbs: [-1e4, -1e4, 0, 0], logProbs: [0, 0, -1e4, -1e4],
        entropies: [0, 0, 0, 0], referenceLogProbs: [0, -1e4, 0, -1e4])
      let loss = objective.terms(input, objective.selection(input, chooser: first)).loss
      #expect((loss.values + loss.gradient).allSatisfy { $0.isFinite })
    }
  }

  @Test("KL estimators and their derivatives, with verl's clamps on the low-variance form only")
  func estimators() {
    typealias Estimator = EntropyControlConfig.Estimator
    #expect(Estimator.k1.estimate(0.5) == (0.5, 1))
    #expect(Estimator.k2.estimate(0.5) == (0.125, 0.5))
    #expect(Estimator.abs.estimate(-0.5) == (0.5, -1) && Estimator.abs.estimate(0) == (0, 0))
    for estimator in [Estimator.k3, .lowVarianceKL] {
      let third = estimator.estimate(0.5)
      #expect((third.value - (0.6065306597126334 + 0.5 - 1)).magnitude < 1e-15)
      #expect((third.gradient - (1 - 0.6065306597126334)).magnitude < 1e-15)
      #expect(estimator.estimate(0) == (0, 0))
    }
    #expect(Estimator.lowVarianceKL.estimate(-3) == (10, 0))
    #expect(Estimator.lowVarianceKL.estimate(-1e6) == (10, 0))
    #expect(Estimator.lowVarianceKL.estimate(1e6) == (10, 0))
    // exp(3) - 3 - 1 and 1 - exp(3).
    let open = Estimator.k3.estimate(-3)
    #expect((open.value - 16.085536923187668).magnitude < 1e-12)
    #expect((open.gradient + 19.085536923187668).magnitude < 1e-12)
  }

  @Test("Covariances are centred over all tokens, and their mean is the sample covariance")
  func covariance() {
    let values = TokenCovariance.values(advantages: [1, 0, -1], logProbs: [-1, -2, -6])
    #expect(values == [2, 0, 3])
    #expect(SampleStatistics.covariance([1, 0, -1], [-1, -2, -6]) == 5.0 / 3)
    #expect(TokenCovariance.values(advantages: [3], logProbs: [-1]) == [0])
  }

  @Test(
    "Clip-Cov: a strict band, no token that is stopped already, at least one, at most its fraction")
  func clipCov() {
    let covariances = [0.5, 1, 1.5, 2, 5, 4.9, 1.1]
    let stopped = [false, false, true, false, false, false, false]
    func select(_ fraction: Double) -> TokenSelection {
      .clipCov(
        covariances: covariances, stopped: stopped, fraction: fraction, low: 1, high: 5,
        chooser: first)
    }
    #expect(select(0.3).candidateCount == 3)
    #expect(select(0.3).isSelected == [false, false, false, true, false, true, false])
    #expect(select(0).isSelected.count { $0 } == 1)
    #expect(select(1).isSelected == [false, false, false, true, false, true, true])
    let none = TokenSelection.clipCov(
      covariances: [0.5, 7], stopped: [false, false], fraction: 1, low: 1, high: 5,
      chooser: first)
    #expect(none.candidateCount == 0 && none.isSelected == [false, false])
  }

  @Test("KL-Cov: the largest covariances, ties in order of their index")
  func klCov() {
    let selection = TokenSelection.klCov(covariances: [1, 3, 3, 0, 3], fraction: 0.5)
    #expect(selection.isSelected == [false, true, true, false, false])
    let one = TokenSelection.klCov(covariances: [-5, -7], fraction: 1e-9)
    #expect(one.isSelected == [true, false])
  }

  @Test("Selected tokens lose loss and gradient under Clip-Cov and still count in the mean")
  func clipCovLoss() {
    let objective = PolicyObjective(TrainerFixtures.train(.grpo, .clipCov))
    let input = ObjectiveInput(
      advantages: [1, 1], oldLogProbs: [-1, -1], logProbs: [-1, -1])
    let terms = objective.terms(input, TokenSelection([0], of: 2, candidateCount: 1))
    #expect(terms.loss.values == [0, -1] && terms.loss.gradient == [0, -1])
    #expect(terms.loss.total([0.5, 0.5]) == -0.5)
  }

  @Test(
    "KL-Cov's penalty is |d| on selected tokens, has no gradient at d = 0, and there is no clip")
  func klCovLoss() {
    let objective = PolicyObjective(TrainerFixtures.train(.grpo, .klCov))
    let both = TokenSelection([0, 1], of: 2, candidateCount: 2)
    let onPolicy = ObjectiveInput(advantages: [1, -2], oldLogProbs: [-1, -1], logProbs: [-1, -1])
    let quiet = objective.terms(onPolicy, both)
    #expect(quiet.loss.values == [-1, 2] && quiet.loss.gradient == [-1, 2])
    let moved = ObjectiveInput(advantages: [1, 1], oldLogProbs: [-1, -1], logProbs: [0, -3])
    let terms = objective.terms(moved, both)
    let (up, down) = (LogRatio.exponential(1), LogRatio.exponential(-2))
    #expect(terms.loss.values == [-up + 1, -down + 2])
    #expect(terms.loss.gradient == [-up + 1, -down - 1])
  }

  @Test(
    "The random chooser draws each candidate equally often, without repeats, and the same every time"
  )
  func chooser() {
    let stream = RandomStream(seed: 5, stream: .selection)
    var counts = [Int](repeating: 0, count: 10)
    for index in 0..<2000 as Range<UInt64> {
      let choose = TokenSelection.randomChooser(stream, index: index)
      let chosen = choose(Array(0..<10), 3)
      #expect(Set(chosen).count == 3 && choose(Array(0..<10), 3) == chosen)
      for token in chosen { counts[token] += 1 }
    }
    // 600 expected; five standard deviations are 102.
    #expect(counts.allSatisfy { (498...702).contains($0) })
  }

  @Test("REINFORCE's and RLOO's advantages are whitened before they select, scaled GRPO's are not")
  func standardised() {
    // Advantages of about 0.1: their raw covariances lie below any band that unit variance would reach.
    let advantages = [0.1, -0.1, 0.1, -0.1]
    let logProbs = [-0.1, -3, -0.2, -2]
    let input = ObjectiveInput(advantages: advantages, oldLogProbs: logProbs, logProbs: logProbs)
    for algorithm in [TrainConfig.Algorithm.reinforce, .rloo] {
      let objective = PolicyObjective(TrainerFixtures.train(algorithm, .clipCov))
      #expect(objective.selection(input, chooser: first)?.candidateCount == 4)
    }
    let objective = PolicyObjective(TrainerFixtures.train(.grpo, .clipCov))
    #expect(objective.selection(input, chooser: first)?.candidateCount == 0)
    #expect(
      PolicyObjective(TrainerFixtures.train()).selection(input, chooser: first) == nil)
  }

  @Test("Clip-higher moves the upper bound only")
  func clipHigher() {
    let input = ObjectiveInput(
      advantages: [1, -1], oldLogProbs: [0, 0], logProbs: [logarithm(1.25), logarithm(0.75)])
    let plain = PolicyObjective(TrainerFixtures.train()).terms(input)
    let higher = PolicyObjective(TrainerFixtures.train(.grpo, .clipHigher)).terms(input)
    #expect(plain.stoppedHigh == 1 && plain.stoppedLow == 1)
    #expect(higher.stoppedHigh == 0 && higher.stoppedLow == 1)
  }
}
