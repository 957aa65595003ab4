/// One sampled answer.
package struct SampledResponse: Sendable, Hashable {
  /// Index of its prompt in the call.
  package var prompt: Int
  /// Its number among the samples of that prompt.
  package var sample: Int
  /// Its tokens, the ending one included.
  package var tokens: [Int32]
  /// Natural log-probability of each token at the sampling temperature (at 1 for greedy answers).
  package var logProbs: [Float]
  /// Entropy in nats of the distribution each token was drawn from.
  package var entropies: [Float]
  /// Whether the ending token came before the limit.
  package var endedByEOS: Bool

  /// Makes an answer.
  package init(
    prompt: Int, sample: Int, tokens: [Int32], logProbs: [Float], entropies: [Float],
    endedByEOS: Bool
  ) {
    self.prompt = prompt
    self.sample = sample
    self.tokens = tokens
    self.logProbs = logProbs
    self.entropies = entropies
    self.endedByEOS = endedByEOS
  }
}
