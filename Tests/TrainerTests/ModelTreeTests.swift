import ExpCore
import Testing
import TrainerTensor

import Trainer

/// Sequences with common beginnings: computed once, with the bits and gradients of separate ones.
@Suite("shared beginnings")
struct ModelTreeTests {
  /// Groups with ragged and equal answers, an answer that another continues, an empty one, a lonely sequence, and a
  /// tree of segments level by level, whose inner nodes are scored too.
  static func batch(vocabulary: Int) -> TokenBatch {
    var random = RandomSequence(RandomStream(seed: 4, stream: .prompts), index: 0)
    func tokens(_ count: Int) -> [Int32] {
      ModelFixtures.tokens(count, vocabulary: vocabulary, &random)
    }
    let prompts = [tokens(5), tokens(17), [3]]
    let answer = tokens(6)
    var batch = TokenBatch()
    batch.append(
      prompt: prompts[0],
      responses: [tokens(3), answer, [], tokens(11), answer, Array(answer[..<4])])
    batch.append(prompt: prompts[1], response: tokens(2))
    batch.append(prompt: prompts[2], responses: [tokens(20), [3, 3], tokens(1)])
    batch.append(prompt: prompts[1], responses: [tokens(4), tokens(1)])
    var level = [prompts[0]]
    for _ in 0..<3 {
      level = level.flatMap { path in
        (0..<2).map { _ in
          let segment = tokens(3)
          batch.append(prompt: path, response: segment)
          return path + segment
        }
      }
    }
    return batch
  }

  static func parts(_ batch: TokenBatch) -> [TokenBatch] {
    (0..<batch.sequenceCount).map { index in
      let tokens = Array(batch.tokens[batch.offsets[index]..<batch.offsets[index + 1]])
      let prompt = batch.promptLengths[index]
      var part = TokenBatch()
      part.append(prompt: Array(tokens[..<prompt]), response: Array(tokens[prompt...]))
      return part
    }
  }

  @Test(
    "scores have the bits of separate sequences, in the order of appending",
    arguments: ModelRolloutTests.cases)
  func bits(_ test: ModelRolloutTests.Case) throws {
    let model = try test.model()
    let batch = Self.batch(vocabulary: test.vocabulary)
    let pass = TrainingPass(model: model, tokenCapacity: batch.tokens.count)
    pass.forward(batch)
    let logProbs = Array(pass.logProbs)
    let entropies = Array(pass.entropies)
    pass.floatingPointOperations = 0
    pass.forward(batch)
    let together = pass.floatingPointOperations
    pass.floatingPointOperations = 0
    var separate: (logProbs: [Float], entropies: [Float]) = ([], [])
    for part in Self.parts(batch) {
      pass.forward(part)
      separate.logProbs += pass.logProbs
      separate.entropies += pass.entropies
    }
    #expect(logProbs == separate.logProbs && entropies == separate.entropies)
    #expect(together < 0.75 * pass.floatingPointOperations)
  }

  @Test("gradients agree with finite differences", arguments: ModelFixtures.floatDevices)
  func gradients(_ device: Device) throws {
    let model = try ModelFixtures.model(tied: false, device: device)
    let batch = Self.batch(vocabulary: 11)
    var random = RandomSequence(RandomStream(seed: 6, stream: .selection), index: 0)
    let slopes = (0..<batch.scoredCount).map { _ in Float(random.uniform() - 0.5) }
    let pass = TrainingPass(model: model, tokenCapacity: 500)
    pass.forward(batch)
    slopes.withUnsafeBufferPointer { pass.backward(dLogProbs: $0, dEntropies: nil) }
    ModelFixtures.expectGradients(model) { reference in
      zip(reference.scores(batch, temperature: 1).logProbs, slopes).reduce(0) {
        $0 + $1.0 * Double($1.1)
      }
    }
  }

  /// 7 prompt rows once, and 2 more for each of 3 answers: 13 rows, of which 7 predict (one of them for 3 tokens).
  @Test("a group's prompt is computed once")
  func counted() throws {
    let model = try ModelFixtures.model(
      tied: true, device: ModelFixtures.devices[0], width: 8, heads: 2, kvHeads: 1, hidden: 16,
      layers: 1, vocabulary: 5)
    var batch = TokenBatch()
    batch.append(
      prompt: [0, 1, 2, 3, 4, 0, 1], responses: [[0, 1, 2], [1, 1, 1], [2, 0, 0]])
    let pass = TrainingPass(model: model, tokenCapacity: 16)
    pass.forward(batch)
    let pairs = 28.0 + 3 * (8 + 9)
    #expect(
      pass.floatingPointOperations
        == 2 * (13 * 8 * 16 + 7 * (64 + 3 * 8 * 16)) + 4 * 8 * pairs + 2 * 9 * 8 * 5)
  }

  /// More rows than a tile has, whose sequences all begin with the same token: tiles are cut although they share it.
  @Test("tiles are cut where little is shared, and change no bit")
  func tiles() throws {
    let model = try ModelFixtures.model(tied: true, device: ModelFixtures.devices[0])
    var random = RandomSequence(RandomStream(seed: 9, stream: .prompts), index: 0)
    var batch = TokenBatch()
    for _ in 0..<60 {
      let prompt = [7] + ModelFixtures.tokens(4, vocabulary: 11, &random)
      for _ in 0..<3 {
        let count = random.below(9)
        batch.append(
          prompt: prompt, response: ModelFixtures.tokens(count, vocabulary: 11, &random))
      }
    }
    let pass = TrainingPass(model: model, tokenCapacity: 64)
    pass.forward(batch)
    let together = Array(pass.logProbs)
    #expect(together.count > 600)
    var separate: [Float] = []
    for part in Self.parts(batch) {
      pass.forward(part)
      separate += pass.logProbs
    }
    #expect(together == separate)
  }
}

/// Vocabularies whose logits are not all held.
@Suite("logits in parts")
struct ModelLogitTests {
  @Test(
    "any number of rows at a time gives the same scores",
    arguments: ModelFixtures.floatDevices.filter(\.isBatchInvariant))
  func sameScores(_ device: Device) throws {
    for vocabulary in [11, 200] {
      let model = try ModelFixtures.model(tied: true, device: device, vocabulary: vocabulary)
      let batch = ModelTreeTests.batch(vocabulary: vocabulary)
      let slopes = (0..<batch.scoredCount).map { Float($0 % 5) - 2 }
      var scores: [[Float]] = []
      var gradients: [[Float]] = []
      for rows in [nil, 1, 7] {
        let pass = TrainingPass(model: model, tokenCapacity: 500, logitRows: rows)
        model.zeroGradients()
        pass.forward(batch, temperature: 0.9)
        scores.append(Array(pass.logProbs) + Array(pass.entropies))
        slopes.withUnsafeBufferPointer { pass.backward(dLogProbs: $0, dEntropies: $0) }
        gradients.append(Array(model.gradients))
      }
      #expect(scores[1] == scores[0] && scores[2] == scores[0])
      // Other sums of the same products: a few roundings of numbers up to 10.
      for other in gradients[1...] {
        let worst = zip(gradients[0], other).map { abs($0 - $1) / (1 + abs($0)) }.max() ?? 0
        #expect(worst < 2e-5)
      }
    }
  }

  @Test("gradients of a large vocabulary agree with finite differences")
  func gradients() throws {
    let model = try ModelFixtures.model(
      tied: false, device: ModelFixtures.devices[0], vocabulary: 130)
    let batch = ModelFixtures.batch(vocabulary: 130, lengths: [(3, 4), (1, 6), (6, 12)])
    let slopes = (0..<batch.scoredCount).map { Float($0 % 5) / 4 - 0.5 }
    let pass = TrainingPass(model: model, tokenCapacity: 100, logitRows: 5)
    pass.forward(batch)
    slopes.withUnsafeBufferPointer { pass.backward(dLogProbs: $0, dEntropies: $0) }
    ModelFixtures.expectGradients(model) { reference in
      let scores = reference.scores(batch, temperature: 1)
      return zip(zip(scores.logProbs, scores.entropies), slopes).reduce(0) {
        $0 + ($1.0.0 + $1.0.1) * Double($1.1)
      }
    }
  }
}
