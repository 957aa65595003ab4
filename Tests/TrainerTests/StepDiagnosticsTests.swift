import Testing
import Trainer
import TrainerProtocol

@Suite("Diagnostics of a step")
struct StepDiagnosticsTests {
  private func sample(
    _ group: Int, score: Double, logProbs: [Float], entropies: [Float]
  ) -> PolicyBatch.Sample {
    PolicyBatch.Sample(
      prompt: [5],
      response: SampledResponse(
        prompt: group, sample: 0, tokens: logProbs.map { _ in 3 }, logProbs: logProbs,
        entropies: entropies, endedByEOS: true),
      verdict: score, reward: score, score: score, group: group)
  }

  /// A hard prompt (0 of 2 right), an easy one (2 of 2), with advantages set by hand.
  private var batch: PolicyBatch {
    var batch = PolicyBatch([
      sample(0, score: 0, logProbs: [-1, -2], entropies: [1, 3]),
      sample(0, score: 0, logProbs: [-3], entropies: [2]),
      sample(1, score: 1, logProbs: [-2], entropies: [0]),
      sample(1, score: 1, logProbs: [-2, -2], entropies: [1, 1]),
    ])
    batch.advantages = [1, 1, -1, 1, -1, -1]
    return batch
  }

  private func values(_ batch: PolicyBatch) -> [String: Double] {
    StepDiagnostics.values(batch, estimator: AdvantageEstimator(.answers(.grpo)))
  }

  @Test("Bands by accuracy: a third and below is hard, two thirds and above easy")
  func bands() {
    #expect(DifficultyBand(accuracy: 0) == .hard && DifficultyBand(accuracy: 1.0 / 3) == .hard)
    #expect(DifficultyBand(accuracy: 0.5) == .medium)
    #expect(DifficultyBand(accuracy: 2.0 / 3) == .easy && DifficultyBand(accuracy: 1) == .easy)
  }

  @Test("Entropy and covariance by difficulty, by hand; a band without prompts has no series")
  func byDifficulty() {
    let values = values(batch)
    // Rows' means: 2, 2 in the hard group, 0, 1 in the easy one; sums of entropies 6 and 2.
    #expect(values["entropy_hard"] == 2 && values["entropy_easy"] == 0.5)
    #expect(values["entropy_share_hard"] == 0.75 && values["entropy_share_easy"] == 0.25)
    #expect(values["entropy_medium"] == nil && values["cov_medium"] == nil)
    // A has mean 0, log p mean -2: products 1, 0, 1 and 0, 0, 0.
    #expect(values["cov_hard"] == 2.0 / 3 && values["cov_easy"] == 0)
    #expect(values["cov_mean"] == 1.0 / 3)
  }

  @Test("Quantiles run over tokens, means over answers and tokens")
  func quantiles() {
    let values = values(batch)
    // 0 1 1 1 2 3 in order.
    #expect(
      values["entropy_p50"] == 1 && values["entropy_p80"] == 2 && values["entropy_p10"] == 0.5)
    #expect(values[MetricName.entropyTrain] == 1.25)
    #expect(values[MetricName.entropyTokenMean] == 8.0 / 6)
  }

  @Test("Response-level covariances are means over prompts")
  func theorems() {
    let values = values(batch)
    // Means of log p: -1.5 and -3 with A 1 and -1 (covariance 0.75); -2 and -2 (covariance 0).
    #expect(((values["theorem2_cov"] ?? 0) - 0.375).magnitude < 1e-12)
    let first = 0.75 / 2 * (LogRatio.exponential(-1.5) + LogRatio.exponential(-3)) / 2
    #expect(((values["theorem1_cov"] ?? 0) - first).magnitude < 1e-12)
  }

  @Test("An empty batch has no diagnostics")
  func empty() {
    #expect(values(PolicyBatch([])).isEmpty)
  }
}
