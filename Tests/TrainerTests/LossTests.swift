import Foundation
import Testing
import Trainer
import TrainerProtocol

@Suite("Losses of critics, reward models and preferences; shaping of rewards")
struct LossTests {
  private func slope(_ value: (Double) -> Double) -> Double {
    let step = 1e-6
    return (value(step) - value(-step)) / (2 * step)
  }

  @Test(
    "The value loss is 0.5 of the larger square, and 0 gradient where the clamped one is larger")
  func value() {
    // Old value 0 and clip 0.5. Returns 0, 3, 0, -1; values 0.3, 1, 1, 1.
    let (loss, isClipped) = ValueLoss.clipped(
      values: [0.25, 1, 1, 1], oldValues: [0, 0, 0, 0], returns: [0, 3, 0, -1], clip: 0.5)
    #expect(loss.values == [0.03125, 3.125, 0.5, 2])
    #expect(loss.gradient == [0.25, 0, 1, 2])
    #expect(isClipped == [false, true, false, false])
  }

  @Test("Value gradients are the derivatives", arguments: 0..<20)
  func valueGradient(seed: Int) {
    var random = TrainerFixtures.random(UInt64(seed))
    let (value, old, goal) = (
      random.uniform(-2...2), random.uniform(-2...2), random.uniform(-2...2)
    )
    func loss(_ change: Double) -> TokenLoss {
      ValueLoss.clipped(values: [value + change], oldValues: [old], returns: [goal], clip: 0.5).loss
    }
    #expect((slope { loss($0).values[0] } - loss(0).gradient[0]).magnitude < 1e-6)
  }

  @Test("The reward model's cross-entropy: ln 2 at 0, its gradient the derivative, no overflow")
  func crossEntropy() {
    let rows = TokenRows(lengths: [2, 0, 1])
    func loss(_ logRatios: [Double]) -> ImplicitReward.CrossEntropy {
      ImplicitReward.crossEntropy(
        logRatios: logRatios, outcomes: [1, 0, 0.25], rows: rows, beta: 0.5)
    }
    #expect((loss([0, 0, 0]).loss - 0.6931471805599453).magnitude < 1e-15)
    let point = [0.7, -1.9, 2.5]
    for token in point.indices {
      let numeric = slope { change in
        var moved = point
        moved[token] += change
        return loss(moved).loss
      }
      #expect((numeric - loss(point).gradient[token]).magnitude < 1e-8)
    }
    let extreme = loss([1e6, 0, -1e6])
    #expect(extreme.loss.isFinite && extreme.gradient.allSatisfy { $0.isFinite })
    // Sums 3, 0 and -1 against outcomes 1, 0 and 0.25: all three signs are right.
    #expect(loss([3, 0, -1]).signAccuracy == 1)
    #expect(loss([-3, 0, 1]).signAccuracy == 1.0 / 3)
  }

  @Test("A part of a batch with the batch's denominator adds up to the whole")
  func parts() {
    let (logRatios, outcomes) = ([0.5, -1, 2, 0.3], [1.0, 0, 1])
    let whole = ImplicitReward.crossEntropy(
      logRatios: logRatios, outcomes: outcomes, rows: TokenRows(lengths: [1, 2, 1]), beta: 0.1)
    let first = ImplicitReward.crossEntropy(
      logRatios: [0.5], outcomes: [1], rows: TokenRows(lengths: [1]), beta: 0.1, answers: 3)
    let rest = ImplicitReward.crossEntropy(
      logRatios: [-1, 2, 0.3], outcomes: [0, 1], rows: TokenRows(lengths: [2, 1]), beta: 0.1,
      answers: 3)
    #expect((first.loss + rest.loss - whole.loss).magnitude < 1e-15)
    #expect(first.gradient + rest.gradient == whole.gradient)
  }

  @Test("Preference losses by hand", arguments: TrainConfig.PreferenceLoss.allCases)
  func preferences(loss: TrainConfig.PreferenceLoss) {
    // Margin 2 and beta 0.5: logit 1.
    let (value, gradient) = loss.value(margin: 2, beta: 0.5)
    switch loss {
    case .sigmoid:
      #expect((value - 0.31326168751822286).magnitude < 1e-15)
      #expect((gradient + 0.5 * 0.2689414213699951).magnitude < 1e-15)
      let smoothed = loss.value(margin: 2, beta: 0.5, labelSmoothing: 0.1)
      #expect((smoothed.value - (0.31326168751822286 + 0.1)).magnitude < 1e-15)
    case .ipo:
      #expect(value == 1 && gradient == 2)
    case .hinge:
      #expect(value == 0 && gradient == 0)
      #expect(loss.value(margin: 1, beta: 0.5) == (0.5, -0.5))
    }
    for margin in [-80.0, -3, 0.4, 90] {
      let numeric = slope { loss.value(margin: margin + $0, beta: 0.3, labelSmoothing: 0.05).value }
      let exact = loss.value(margin: margin, beta: 0.3, labelSmoothing: 0.05).gradient
      #expect((numeric - exact).magnitude < 1e-5)
    }
    #expect(loss.value(margin: -1e6, beta: 1).value.isFinite)
  }

  @Test("Pairs: margins against the reference, implicit rewards, gradient of the mean")
  func pairs() {
    let pairs = PreferencePairs(
      chosen: [-1, -5], rejected: [-2, -4], referenceChosen: [-1, -1], referenceRejected: [-1, -3])
    #expect(pairs.margins == [1, -3])
    #expect(pairs.implicitRewards(beta: 0.5).chosen == [0, -2])
    #expect(pairs.implicitRewards(beta: 0.5).rejected == [-0.5, -0.5])
    let (values, gradient) = TrainConfig.PreferenceLoss.ipo.losses(pairs, beta: 0.5)
    #expect(values == [0, 16] && gradient == [0, -4])
  }

  @Test("Every PPO optimum minimises DPO, but not the reverse (algorithms.md section 5.3)")
  func preferenceCanLose() {
    // Three answers, the reference (1/2, 1/2, 0), one pair: the first is better than the second.
    func loss(_ policy: [Double]) -> Double {
      let pairs = PreferencePairs(
        chosen: [policy[0]].map(logarithm), rejected: [policy[1]].map(logarithm),
        referenceChosen: [logarithm(0.5)], referenceRejected: [logarithm(0.5)])
      return TrainConfig.PreferenceLoss.sigmoid.losses(pairs, beta: 0.1).values[0]
    }
    // Both minimise DPO; the first answer is the right one, and a policy that is better at it is no minimum.
    #expect(loss([0.1, 0, 0.9]) < 1e-12 && loss([1, 0, 0]) < 1e-12)
    #expect(loss([0.9, 0.1, 0]) > 0.1)
  }

  /// ln x, and a number below any that a policy reaches for 0.
  private func logarithm(_ x: Double) -> Double { x > 0 ? log(x) : -1e4 }

  @Test("Overlong answers lose linearly over the buffer")
  func overlong() {
    func penalty(_ tokens: Int, buffer: Int = 4) -> Double {
      RewardShaping.overlongPenalty(tokens: tokens, limit: 10, buffer: buffer, factor: 0.5)
    }
    #expect(penalty(6) == 0 && penalty(0) == 0)
    #expect(penalty(7) == -0.125 && penalty(10) == -0.5)
    #expect(penalty(10, buffer: 0) == 0)
  }

  @Test("A judge's confidence: P(1) where it said yes, 1 - P(0) where it said no, else 0")
  func soft() {
    func soft(_ verdict: Int?) -> Double {
      RewardShaping.soft(verdict: verdict, probabilityOfOne: 0.75, probabilityOfZero: 0.125)
    }
    #expect(soft(1) == 0.75 && soft(0) == 0.875 && soft(nil) == 0 && soft(2) == 0)
  }

  @Test("The KL weight moves towards its target by a fifth at most, or not at all")
  func controller() {
    let controller = AdaptiveKLController(coefficient: 0.5, target: 0.1, horizon: 100)
    #expect((controller.updated(kl: 0.11, count: 10) - 0.5 * 1.01).magnitude < 1e-12)
    #expect(controller.updated(kl: 9, count: 10) == 0.5 * 1.02)
    #expect(controller.updated(kl: 0, count: 10) == 0.5 * 0.98)
    let fixed = AdaptiveKLController(coefficient: 0.5, target: 0, horizon: 100)
    #expect(fixed.updated(kl: 9, count: 10) == 0.5)
  }

  @Test("The dual clip bounds bad tokens from above, and only them")
  func dualClip() {
    func clipped(_ advantage: Double, _ logRatio: Double) -> PolicyLoss.Clipped {
      PolicyLoss.clippedSurrogate(
        advantages: [advantage], logProbs: [logRatio], oldLogProbs: [0], low: 0.2, high: 0.2,
        dualClip: 3)
    }
    let stopped = clipped(-2, 1.5)
    #expect(stopped.loss.values == [6] && stopped.loss.gradient == [0])
    #expect(stopped.stoppedDual == [true])
    let open = clipped(-2, 1)
    #expect(open.loss.gradient == open.loss.values && open.stoppedDual == [false])
    #expect(clipped(2, 1.5).stoppedDual == [false])
  }
}
