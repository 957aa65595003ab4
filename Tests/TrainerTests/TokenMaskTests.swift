import Testing
import Trainer
import TrainerProtocol

@Suite("Masks that keep a part of the tokens in the loss")
struct TokenMaskTests {
  private let first: TokenChooser = { candidates, count in Array(candidates.prefix(count)) }

  private func input(
    old: [Double], entropies: [Double] = [], advantages: [Double]? = nil
  ) -> ObjectiveInput {
    ObjectiveInput(
      advantages: advantages ?? old.map { _ in 1 }, oldLogProbs: old, logProbs: old,
      entropies: entropies)
  }

  @Test("The top fraction by entropy is kept, ties included; reversed, the others are")
  func highEntropy() {
    let entropies = [0.1, 0.5, 0.5, 0.2, 0.9]
    // The 0.6 quantile of five values lies 0.4 of the way from the third to the fourth: 0.5 both.
    #expect(TokenSelection.entropyThreshold(entropies, fraction: 0.4) == 0.5)
    let kept = TokenSelection.highEntropy(entropies, fraction: 0.4)
    #expect(kept.isKept == [false, true, true, false, true])
    let others = TokenSelection.highEntropy(entropies, fraction: 0.4, reverse: true)
    #expect(others.isKept == [true, false, false, true, false])
    #expect(TokenSelection.highEntropy([0.3], fraction: 0.01).isKept == [true])
    #expect(TokenSelection.highEntropy([], fraction: 0.2).isKept == [])
  }

  @Test("The objective averages over kept tokens of the whole mini-batch")
  func denominators() {
    let objective = PolicyObjective(TrainerFixtures.train(.grpo, .highEntropyTokens))
    let input = input(old: [-1, -1, -1, -1], entropies: [1, 4, 2, 3], advantages: [1, 2, 4, 8])
    let selection = objective.selection(input, chooser: first)
    // Fraction 0.3: the 0.7 quantile of 1 2 3 4 is 3.1, so that one token is kept.
    #expect(selection?.isKept == [false, true, false, false])
    let weights = objective.weights(TokenRows(lengths: [1, 3]), selection, longest: 3)
    #expect(weights == [0, 1, 0, 0])
    #expect(objective.terms(input, selection).loss.total(weights) == -2)
    let part = selection?.slice(1..<3)
    #expect(part?.isKept == [true, false] && part?.isSelected == [true, false])
  }

  @Test(
    "The probability mask keeps what was unlikely; SPO has it of its own, and the control replaces it"
  )
  func probability() {
    // Probabilities 0.95, 0.8 and 0.3.
    let old = [-0.05129329438755058, -0.2231435513142097, -1.2039728043259361]
    func kept(_ algorithm: TrainConfig.Algorithm, _ method: EntropyControlConfig.Method) -> [Bool]?
    {
      var config = TrainerFixtures.train(algorithm, method)
      if method == .probabilityMask { config.entropyControl.threshold = 0.5 }
      return PolicyObjective(config).selection(input(old: old), chooser: first)?.isKept
    }
    #expect(kept(.grpo, .none) == nil)
    #expect(kept(.grpo, .probabilityMask) == [false, false, true])
    #expect(kept(.spoChain, .none) == [false, true, true])
    #expect(kept(.spoTree, .probabilityMask) == [false, false, true])
  }

  @Test("A batch without an unlikely token has weight 0 throughout, so that its loss is 0")
  func empty() {
    let objective = PolicyObjective(TrainerFixtures.train(.spoChain))
    let input = input(old: [-0.01, -0.02])
    let selection = objective.selection(input, chooser: first)
    let weights = objective.weights(TokenRows(lengths: [2]), selection, longest: 2)
    #expect(selection?.isKept == [false, false] && weights == [0, 0])
    #expect(objective.terms(input, selection).loss.total(weights) == 0)
  }

  @Test("Where tokens are masked, covariances compare the kept ones only")
  func covariance() {
    var config = TrainerFixtures.train(.spoChain, .klCov)
    config.entropyControl.tokenFraction = 0.34
    let objective = PolicyObjective(config)
    // The first token has by far the largest covariance of all four, and is masked.
    let input = input(old: [-0.01, -3, -2, -1], advantages: [9, -1, 0.5, 0])
    let selection = objective.selection(input, chooser: first)
    #expect(selection?.isKept == [false, true, true, true])
    #expect(selection?.isSelected == [false, true, false, false])
    #expect(selection?.candidateCount == 3)
  }

  @Test("Stopped tokens are counted where they are kept")
  func stopped() {
    let objective = PolicyObjective(TrainerFixtures.train(.spoChain))
    var input = input(old: [-0.01, -1], advantages: [-1, -1])
    input.logProbs = [-3, -3]
    let terms = objective.terms(input, objective.selection(input, chooser: first))
    #expect(terms.stoppedLow == 1 && terms.stoppedHigh == 0)
  }
}
