/// The answers, or segments of answers, that an update learns from, as rows over flat token arrays.
package struct PolicyBatch: Sendable {
  /// One answer, or a segment of one, with what it was drawn after.
  package struct Sample: Sendable {
    /// The tokens it continues: its prompt, and what comes between where it is a segment.
    package var prompt: [Int32]
    /// What was sampled.
    package var response: SampledResponse
    /// What the verifier or the judge says of it, 0 to 1.
    package var verdict: Double
    /// Its reward: the verdict less penalties.
    package var reward: Double
    /// What the exact verifier says of it, 0 or 1.
    package var score: Double
    /// Which of the step's prompts it answers.
    package var group: Int
    /// Whether the policy as it is now sampled it, and not an earlier one.
    package var isFresh = true

    /// Whether it counts as right: a soft verdict does from one half on, whatever is taken off for its length.
    package var isRight: Bool { verdict >= 0.5 }

    /// Makes a sample.
    package init(
      prompt: [Int32], response: SampledResponse, verdict: Double, reward: Double, score: Double,
      group: Int
    ) {
      self.prompt = prompt
      self.response = response
      self.verdict = verdict
      self.reward = reward
      self.score = score
      self.group = group
    }
  }

  /// The samples, group after group.
  package let samples: [Sample]
  /// Their tokens.
  package let rows: TokenRows
  /// The rows of each prompt.
  package let groups: [Range<Int>]
  /// Advantage of each token.
  package var advantages: [Double]
  /// Log-probability of each token under the policy that sampled it, at the sampling temperature.
  package private(set) var oldLogProbs: [Double]
  /// Entropy of that policy at each token.
  package private(set) var entropies: [Double]

  /// Packs samples whose groups are contiguous; advantages are 0 until somebody sets them.
  package init(_ samples: [Sample]) {
    self.samples = samples
    rows = TokenRows(lengths: samples.lazy.map(\.response.tokens.count))
    groups = PolicyBatch.runs(samples.map(\.group))
    advantages = Array(repeating: 0, count: rows.tokenCount)
    oldLogProbs = samples.flatMap { $0.response.logProbs.map(Double.init) }
    entropies = samples.flatMap { $0.response.entropies.map(Double.init) }
  }

  /// Takes what a training pass says of the fresh samples' tokens in place of what the rollout said, and returns how far
  /// the log-probabilities were apart: the mean and the largest absolute difference in nats; nil where nothing is fresh.
  ///
  /// - Precondition: a number for every token of the batch.
  package mutating func rescore(
    logProbs: [Double], entropies newEntropies: [Double]
  ) -> (mean: Double, largest: Double)? {
    precondition(
      logProbs.count == rows.tokenCount && newEntropies.count == rows.tokenCount,
      "\(logProbs.count) scores for \(rows.tokenCount) tokens")
    var (sum, largest, count) = (0.0, 0.0, 0)
    for (row, sample) in samples.enumerated() where sample.isFresh {
      for token in rows.range(row) {
        let distance = abs(logProbs[token] - oldLogProbs[token])
        sum += distance
        largest = max(largest, distance)
        count += 1
        oldLogProbs[token] = logProbs[token]
        entropies[token] = newEntropies[token]
      }
    }
    return count > 0 ? (sum / Double(count), largest) : nil
  }

  /// Ranges of equal neighbours.
  private static func runs(_ groups: [Int]) -> [Range<Int>] {
    var runs: [Range<Int>] = []
    var start = 0
    for index in groups.indices
    where index + 1 == groups.count || groups[index + 1] != groups[index] {
      runs.append(start..<index + 1)
      start = index + 1
    }
    return runs
  }

  /// Reward of each row.
  package var rewards: [Double] { samples.map(\.reward) }
  /// The group of each row.
  package var groupOfRow: [Int] { samples.map(\.group) }
  /// Mean advantage of each row that holds a token, 0 for an empty one.
  package var rowAdvantages: [Double] {
    (0..<rows.count).map { SampleStatistics.mean(advantages[rows.range($0)]) }
  }

  /// Cuts the rows into so many mini-batches of whole groups, in order and as even as can be; empty ones are left out.
  package func miniBatches(_ count: Int) -> [Range<Int>] {
    (0..<count).compactMap { index in
      let first = groups.count * index / count
      let end = groups.count * (index + 1) / count
      return first < end ? groups[first].lowerBound..<groups[end - 1].upperBound : nil
    }
  }

  /// Packs a range of rows for the model.
  package func packed(_ rows: Range<Int>) -> TokenBatch {
    var batch = TokenBatch()
    for sample in samples[rows] {
      batch.append(prompt: sample.prompt, response: sample.response.tokens)
    }
    return batch
  }

  /// Prompt and answer tokens of all rows: what an update learns from.
  package var learntTokens: Int {
    samples.reduce(0) { $0 + $1.prompt.count + $1.response.tokens.count }
  }
}
