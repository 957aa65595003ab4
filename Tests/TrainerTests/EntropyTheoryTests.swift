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

  /// The relative error of a prediction of the entropy's change, at a step size.
  private func error(
    _ seed: Int, _ eta: Double, direction: ([Double], [Double]) -> [Double]
  ) -> Double {
    let (logits, advantages) = problem(seed)
    let policy = softmax(logits)
    let change = direction(policy, advantages)
    let moved = softmax(zip(logits, change).map { $0 + eta * $1 })
    let predicted = -eta * covariance(policy, policy.map { log($0) }, change)
    return (entropy(moved) - entropy(policy) - predicted).magnitude / eta
  }

  @Test(
    "Theorem 1 (policy gradient): the error over the step size shrinks with the step size",
    arguments: 0..<20)
  func policyGradient(seed: Int) {
    let direction = { (policy: [Double], advantages: [Double]) in
      zip(policy, advantages).map { $0 * $1 }
    }
    let coarse = error(seed, 1e-3, direction: direction)
    let fine = error(seed, 1e-4, direction: direction)
    #expect((8...12).contains(coarse / fine))
  }

  @Test(
    "Theorem 2 (natural gradient): the error over the step size shrinks with the step size",
    arguments: 0..<20)
  func naturalGradient(seed: Int) {
    let direction = { (_: [Double], advantages: [Double]) in advantages }
    let coarse = error(seed, 1e-3, direction: direction)
    let fine = error(seed, 1e-4, direction: direction)
    #expect((8...12).contains(coarse / fine))
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
}
