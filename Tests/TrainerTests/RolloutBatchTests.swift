import Testing
import Trainer
import TrainerProtocol

@Suite("Batches of samples")
struct RolloutBatchTests {
  fileprivate func sample(
    _ group: Int, reward: Double, tokens: [Int32] = [3, 1]
  ) -> PolicyBatch.Sample {
    PolicyBatch.Sample(
      prompt: [5, 6],
      response: SampledResponse(
        prompt: group, sample: 0, tokens: tokens, logProbs: tokens.map { -Float($0) },
        entropies: tokens.map { Float($0) / 2 }, endedByEOS: true),
      verdict: reward, reward: reward, score: reward, group: group)
  }

  @Test("Mini-batches are whole groups, as even as can be, ragged groups included")
  func miniBatches() {
    let sizes = [2, 1, 3, 2, 4]
    let batch = PolicyBatch(
      sizes.enumerated().flatMap { group, size in
        (0..<size).map { _ in sample(group, reward: 1) }
      })
    #expect(batch.groups == [0..<2, 2..<3, 3..<6, 6..<8, 8..<12])
    #expect(batch.miniBatches(2) == [0..<3, 3..<12])
    #expect(batch.miniBatches(7).count == 5)
    #expect(batch.miniBatches(7).flatMap { Array($0) } == Array(0..<12))
  }

  @Test("Pairs have the right answer first, and prompts without a contrast give none")
  func pairs() {
    let rewards: [[Double]] = [[0, 1, 0, 1], [1, 1], [0, 0], [0.4, 0.9, 0.5]]
    let batch = PolicyBatch(
      rewards.enumerated().flatMap { group, rewards in
        rewards.map { sample(group, reward: $0) }
      })
    #expect(PairSource.pairs(batch, most: 1).map(\.reward) == [1, 0, 0.9, 0.4])
    let two = PairSource.pairs(batch, most: 2)
    #expect(two.map(\.reward) == [1, 0, 1, 0, 0.9, 0.4])
    #expect(two.map(\.group) == [0, 0, 0, 0, 3, 3])
  }

  @Test("A penalty for length changes rewards and neither what is right nor what is wrong")
  func penalties() {
    var right = sample(0, reward: -0.4)
    right.verdict = 1
    let wrong = sample(0, reward: 0)
    let pairs = PairSource.pairs(PolicyBatch([wrong, right]), most: 1)
    #expect(pairs.map(\.verdict) == [1, 0] && pairs.map(\.reward) == [-0.4, 0])
  }

  @Test("A replay buffer gives no more than the total, and mixes the prompts")
  func replayTotal() {
    var buffer = ReplayBuffer([])
    buffer.append(
      (0..<40).map { index in
        ReplayBuffer.Segment(
          step: 1, sample: sample(index / 4, reward: 1), advantage: Float(index))
      })
    let stream = RandomStream(seed: 3, stream: .replay)
    let taken = buffer.take(3, total: 16, stream: stream, step: 2)
    #expect(taken.count == 16)
    let groups = PolicyBatch(taken.map(\.sample)).groups.map { taken[$0.lowerBound].sample.group }
    #expect(groups.count == 6 && groups != groups.sorted())
    #expect(buffer.take(.max, stream: stream, step: 3).count == 24)
  }

  @Test(
    "A replay buffer survives as numbers, takes so many of each prompt, and forgets what is old")
  func replay() {
    var buffer = ReplayBuffer([])
    let segments = (0..<12).map { index in
      ReplayBuffer.Segment(
        step: 3 + index % 2,
        sample: sample(2_000_000 + index % 3, reward: 0.25, tokens: [Int32(index), 1]),
        advantage: Float(index) / 3)
    }
    buffer.append(segments)
    var copy = ReplayBuffer(buffer.numbers)
    #expect(copy.numbers == buffer.numbers)
    let stream = RandomStream(seed: 1, stream: .replay)
    let taken = copy.take(2, stream: stream, step: 5)
    #expect(taken.count == 6)
    #expect(Set(taken.map(\.sample.group)) == [2_000_000, 2_000_001, 2_000_002])
    #expect(taken.allSatisfy { $0.sample.response.logProbs.count == 2 })
    var again = buffer
    #expect(
      again.take(2, stream: stream, step: 5).map(\.advantage) == taken.map(\.advantage))
    let rest = copy.take(.max, stream: stream, step: 6)
    #expect(
      (taken + rest).map(\.advantage).sorted() == segments.map(\.advantage).sorted())
    buffer.dropSegments(before: 4)
    #expect(buffer.take(.max, stream: stream, step: 7).allSatisfy { $0.step == 4 })
  }

  @Test("Numbers that are cut off or impossible end a replay buffer instead of the program")
  func damagedReplay() {
    var whole = ReplayBuffer([])
    whole.append([ReplayBuffer.Segment(step: 1, sample: sample(0, reward: 1), advantage: 1)])
    let numbers = whole.numbers
    for length in 0..<numbers.count {
      #expect(ReplayBuffer(Array(numbers.prefix(length))).numbers.isEmpty)
    }
    for place in numbers.indices {
      for value: Float in [.nan, .infinity, -1, 1e30, 0.5] {
        var bad = numbers
        bad[place] = value
        _ = ReplayBuffer(bad).numbers
      }
    }
  }

  @Test("A reference that follows moves by its rate, one that does not stays")
  func reference() throws {
    let shape = TrainerFixtures.run().model.shape
    for rate in [0, 0.25] {
      var train = TrainerFixtures.train(.grpo, .klReference)
      train.referenceEMA = rate
      let model = try PolicyModel(shape: shape, vocabulary: 12, contextLength: 8)
      let policy = try PolicyModel(shape: shape, vocabulary: 12, contextLength: 8)
      model.parameters.update(repeating: 1)
      policy.parameters.update(repeating: 3)
      let reference = ReferencePolicy(model, config: train, contextLength: 8)
      reference.follow(policy)
      reference.follow(policy)
      // 1 -> 1.5 -> 1.875
      #expect(model.parameters.allSatisfy { $0 == (rate == 0 ? 1 : 1.875) })
      #expect(reference.companions.isEmpty == (rate == 0))
    }
  }
}

extension RolloutBatchTests {
  @Test(
    "Micro-batches hold whole groups where they fit, and never more sequences or tokens than allowed"
  )
  func microBatches() {
    let sizes = [3, 2, 4, 1, 6, 2]
    let batch = PolicyBatch(
      sizes.enumerated().flatMap { group, size in
        (0..<size).map { _ in sample(group, reward: 1) }
      })
    // Groups end at 3, 5, 9, 10, 16, 18; one of six does not fit into four.
    #expect(
      batch.microBatches(0..<18, sequences: 4) == [0..<3, 3..<5, 5..<9, 9..<10, 10..<14, 14..<18])
    #expect(batch.microBatches(5..<18, sequences: 100) == [5..<18])
    #expect(batch.microBatches(0..<18, sequences: 1).count == 18)
    #expect(batch.microBatches(10..<16, sequences: 3, step: 2) == [10..<12, 12..<14, 14..<16])
    let long = PolicyBatch(
      (0..<6).map { sample($0 / 3, reward: 1, tokens: Array(repeating: 3, count: 3000)) })
    #expect(long.microBatches(0..<6, sequences: 128) == [0..<2, 2..<3, 3..<5, 5..<6])
    let huge = PolicyBatch(
      (0..<2).map { sample($0, reward: 1, tokens: Array(repeating: 3, count: 9000)) })
    #expect(huge.microBatches(0..<2, sequences: 128) == [0..<1, 1..<2])
    #expect(PolicyBatch([]).microBatches(0..<0, sequences: 4).isEmpty)
  }
}
