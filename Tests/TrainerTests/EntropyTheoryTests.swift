import Foundation
import Testing
import Trainer

@Suite("The entropy theorems on a tabular softmax (algorithms.md section 9)")
struct EntropyTheoryTests {
  private func softmax(_ logits: [Double]) -> [Double] {
    let weights = logits.map { exp($0) }
    let total = weights.reduce(0, +)
    return weights.map { $0 / total }
  }

  private func entropy(_ policy: [Double]) -> Double { -policy.reduce(0) { $0 + $1 * log($1) } }

  private func covariance(_ policy: [Double], _ left: [Double], _ right: [Double]) -> Double {
    func mean(_ values: [Double]) -> Double { zip(policy, values).reduce(0) { $0 + $1.0 * $1.1 } }
    return mean(zip(left, right).map { $0 * $1 }) - mean(left) * mean(right)
  }

  /// Logits, and advantages whose mean under the policy is 0.
  private func problem(_ seed: Int) -> (logits: [Double], advantages: [Double]) {
    var random = TrainerFixtures.random(UInt64(seed))
    let logits = (0..<8).map { _ in random.uniform(-2...2) }
    let raw = (0..<8).map { _ in random.uniform(-1...1) }
    let mean = zip(softmax(logits), raw).reduce(0) { $0 + $1.0 * $1.1 }
    return (logits, raw.map { $0 - mean })
  }

  /// Where a step of size 1 moves the logits.
  enum Step: CaseIterable {
    /// The gradient of the expected advantage (Theorem 1).
    case policyGradient
    /// The same preconditioned by the inverse Fisher matrix (Theorem 2).
    case naturalGradient

    func direction(_ policy: [Double], _ advantages: [Double]) -> [Double] {
      switch self {
      case .policyGradient: zip(policy, advantages).map { $0 * $1 }
      case .naturalGradient: advantages
      }
    }
  }

  /// The change of the entropy under a step, and minus eta times the covariance that the theorem names.
  private func change(
    _ seed: Int, _ eta: Double, _ step: Step
  ) -> (exact: Double, predicted: Double) {
    let (logits, advantages) = problem(seed)
    let policy = softmax(logits)
    let direction = step.direction(policy, advantages)
    let moved = softmax(zip(logits, direction).map { $0 + eta * $1 })
    let predicted = -eta * covariance(policy, policy.map { log($0) }, direction)
    return (entropy(moved) - entropy(policy), predicted)
  }

  @Test(
    "The covariance predicts the entropy's change with an error of second order in the step size",
    arguments: Step.allCases, 0..<20)
  func order(step: Step, seed: Int) {
    // Halved from 4e-3 five times: the error must fall by four each time, its third-order part aside.
    let errors = (0..<6).map { halvings in
      let (exact, predicted) = change(seed, 4e-3 / Double(1 << halvings), step)
      return (exact - predicted).magnitude
    }
    // A draw may have next to no second-order term; then there is no order to see.
    guard errors[0] > 1e-9 else { return }
    let ratios = zip(errors, errors.dropFirst()).map { $0 / $1 }
    #expect(ratios.allSatisfy { (3.6...4.4).contains($0) })
    #expect((3.95...4.05).contains(ratios[4]))
  }

  @Test("The change over its prediction goes to 1 with the step size", arguments: Step.allCases)
  func ratio(step: Step) {
    for seed in 0..<20 {
      let (exact, predicted) = change(seed, 1e-5, step)
      #expect((exact / predicted - 1).magnitude < 1e-3)
    }
  }

  @Test("Adding a constant to the logits' change changes nothing (Lemma 1)")
  func constants() {
    let (logits, advantages) = problem(5)
    let policy = softmax(logits)
    let logarithms = policy.map { log($0) }
    let shifted = advantages.map { $0 + 7 }
    #expect(
      (covariance(policy, logarithms, advantages) - covariance(policy, logarithms, shifted))
        .magnitude < 1e-12)
  }

  @Test("Probability times advantage is the gradient of the expected advantage (Proposition 1)")
  func proposition() {
    let (logits, advantages) = problem(11)
    let exact = Step.policyGradient.direction(softmax(logits), advantages)
    for action in logits.indices {
      func value(_ change: Double) -> Double {
        var moved = logits
        moved[action] += change
        return zip(softmax(moved), advantages).reduce(0) { $0 + $1.0 * $1.1 }
      }
      #expect(((value(1e-6) - value(-1e-6)) / 2e-6 - exact[action]).magnitude < 1e-9)
    }
  }

  @Test(
    "Entropy falls for likely and good or unlikely and bad actions, and rises for the others",
    arguments: [(true, true, -1.0), (false, false, -1), (false, true, 1), (true, false, 1)])
  func signs(likely: Bool, good: Bool, sign: Double) {
    let logits: [Double] = [2, 0, 0]
    let policy = softmax(logits)
    var change = [0.0, 0, 0]
    change[likely ? 0 : 1] = good ? 1e-3 : -1e-3
    let moved = softmax(zip(logits, change).map { $0 + $1 })
    #expect((entropy(moved) - entropy(policy)) * sign > 0)
  }

  @Test("The sampled covariance of tokens estimates the one of Theorem 2")
  func sampled() {
    let (logits, advantages) = problem(3)
    let policy = softmax(logits)
    var random = TrainerFixtures.random(9)
    var (sampledAdvantages, sampledLogProbs): ([Double], [Double]) = ([], [])
    for _ in 0..<20_000 {
      var rest = random.uniform()
      let action =
        policy.firstIndex { share in
          rest -= share
          return rest < 0
        } ?? policy.count - 1
      sampledAdvantages.append(advantages[action])
      sampledLogProbs.append(log(policy[action]))
    }
    let exact = covariance(policy, policy.map { log($0) }, advantages)
    let sampled = SampleStatistics.mean(
      TokenCovariance.values(advantages: sampledAdvantages, logProbs: sampledLogProbs))
    #expect((sampled - exact).magnitude < 0.02)
  }

  @Test("The change measured at visited states is what Lemma 1 predicts from sampled actions")
  func visited() {
    let (logits, advantages) = problem(4)
    let policy = softmax(logits)
    let moved = softmax(zip(logits, advantages).map { $0 + 0.01 * $1 })
    var random = TrainerFixtures.random(2)
    let actions = (0..<20_000).map { _ in
      var rest = random.uniform()
      return policy.firstIndex { share in
        rest -= share
        return rest < 0
      } ?? policy.count - 1
    }
    let change = EntropyChange(
      logProbs: actions.map { log(policy[$0]) }, entropies: actions.map { _ in entropy(policy) },
      newLogProbs: actions.map { log(moved[$0]) }, newEntropies: actions.map { _ in entropy(moved) }
    )
    #expect((change.measured - (entropy(moved) - entropy(policy))).magnitude < 1e-12)
    // The prediction's standard error is 0.01 times the spread of (log p + H) A, about 1, over 141.
    #expect((change.predicted - change.measured).magnitude < 4e-4)
    #expect(change.measured.magnitude > 1e-3)
    // KL is half the variance of the change to second order.
    #expect(change.divergence > 0 && change.divergence < 1e-4)
  }
}
