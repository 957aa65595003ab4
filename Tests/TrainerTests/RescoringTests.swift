import Testing

import Trainer

@Suite("scoring a rollout again")
struct RescoringTests {
  private func sample(_ logProbs: [Float], isFresh: Bool) -> PolicyBatch.Sample {
    var sample = PolicyBatch.Sample(
      prompt: [1],
      response: SampledResponse(
        prompt: 0, sample: 0, tokens: logProbs.map { _ in 2 }, logProbs: logProbs,
        entropies: logProbs.map { -$0 }, endedByEOS: false),
      verdict: 1, reward: 1, score: 1, group: 0)
    sample.isFresh = isFresh
    return sample
  }

  @Test("fresh samples take the pass's scores, replayed ones keep what they were drawn at")
  func fresh() throws {
    var batch = PolicyBatch([
      sample([-1, -2], isFresh: true), sample([-3], isFresh: false), sample([-4], isFresh: true),
    ])
    let found = batch.rescore(logProbs: [-1.5, -2, -9, -3], entropies: [5, 6, 7, 8])
    let distance = try #require(found)
    #expect(batch.oldLogProbs == [-1.5, -2, -3, -3])
    #expect(batch.entropies == [5, 6, 3, 8])
    #expect(distance.mean == 0.5 && distance.largest == 1)
  }

  @Test("where nothing is fresh there is no distance")
  func replayed() {
    var batch = PolicyBatch([sample([-3], isFresh: false)])
    let distance = batch.rescore(logProbs: [-9], entropies: [7])
    #expect(distance == nil)
    #expect(batch.oldLogProbs == [-3])
  }
}
