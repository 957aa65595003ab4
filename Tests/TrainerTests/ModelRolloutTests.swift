import ExpCore
import Testing
import TrainerTensor

import Trainer

/// Sampling: the same bits as training, whatever is sampled together.
@Suite("rollouts")
struct ModelRolloutTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var device: Device
    var width: Int
    var heads: Int
    var kvHeads: Int
    var hidden: Int
    var vocabulary: Int
    var layers = 1

    var testDescription: String {
      "\(device.kernelSet), width \(width), heads \(heads)/\(kvHeads), hidden \(hidden)"
    }

    func model() throws -> PolicyModel {
      try ModelFixtures.model(
        tied: true, bias: false, device: device, width: width, heads: heads, kvHeads: kvHeads,
        hidden: hidden, layers: layers, vocabulary: vocabulary)
    }
  }

  /// Widths of the ladder, one whose products have odd tails, and depths of sum beyond one slice.
  static let cases: [Case] = ModelFixtures.invariantDevices.flatMap { device in
    let cases = [
      Case(device: device, width: 24, heads: 2, kvHeads: 2, hidden: 64, vocabulary: 25, layers: 2),
      Case(device: device, width: 48, heads: 3, kvHeads: 3, hidden: 128, vocabulary: 25, layers: 2),
      Case(device: device, width: 60, heads: 6, kvHeads: 2, hidden: 100, vocabulary: 31),
      Case(device: device, width: 128, heads: 8, kvHeads: 8, hidden: 336, vocabulary: 25),
      Case(device: device, width: 416, heads: 4, kvHeads: 2, hidden: 1104, vocabulary: 40),
    ]
    return device.usesHostMemory ? cases : Array(cases[..<3])
  }

  static let stream = RandomStream(seed: 11, stream: .sampling)

  /// Prompts of 1 to 21 tokens, so that prompt and answer meet within and between vectors of keys.
  static func prompts(_ count: Int, vocabulary: Int) -> [[Int32]] {
    var random = RandomSequence(RandomStream(seed: 2, stream: .prompts), index: 0)
    return (0..<count).map { index in
      ModelFixtures.tokens(1 + (index * 7) % 21, vocabulary: vocabulary, &random)
    }
  }

  static func rollout(
    _ model: PolicyModel, _ prompts: [[Int32]], samples: Int, maxSequences: Int = 256,
    temperature: Double = 1, maxNewTokens: Int = 12
  ) -> [SampledResponse] {
    RolloutEngine(model: model, maxSequences: maxSequences, maxLength: 64).generate(
      prompts: prompts, samplesPerPrompt: samples, maxNewTokens: maxNewTokens, eos: 1,
      temperature: temperature, stream: stream, step: 3, shouldStop: { false })
  }

  @Test("a training pass gives the very bits of the rollout", arguments: cases)
  func sameBits(_ test: Case) throws {
    let model = try test.model()
    let prompts = Self.prompts(9, vocabulary: test.vocabulary)
    for temperature in [1, 0.8] {
      let answers = Self.rollout(model, prompts, samples: 3, temperature: temperature)
      var batch = TokenBatch()
      for answer in answers.reversed() {
        batch.append(prompt: prompts[answer.prompt], response: answer.tokens)
      }
      let pass = TrainingPass(model: model, tokenCapacity: batch.tokens.count)
      pass.forward(batch, temperature: temperature)
      let expected = answers.reversed().flatMap(\.logProbs)
      #expect(Array(pass.logProbs) == expected)
      #expect(Array(pass.entropies) == answers.reversed().flatMap(\.entropies))
      #expect(Set(answers.map(\.tokens.count)).count > 1, "lengths should be ragged")
    }
  }

  @Test("batching changes no token and no bit", arguments: cases)
  func batching(_ test: Case) throws {
    let model = try test.model()
    let prompts = Self.prompts(7, vocabulary: test.vocabulary)
    let expected = Self.rollout(model, prompts, samples: 2)
    for maxSequences in [1, 3, 5] {
      #expect(Self.rollout(model, prompts, samples: 2, maxSequences: maxSequences) == expected)
    }
  }

  @Test("answers come by prompt and sample, end with the ending token or at the limit")
  func order() throws {
    let model = try Self.cases[1].model()
    let answers = Self.rollout(
      model, Self.prompts(40, vocabulary: 25), samples: 10, maxNewTokens: 9)
    #expect(answers.count == 400)
    for (index, answer) in answers.enumerated() {
      #expect(answer.prompt == index / 10 && answer.sample == index % 10)
      #expect(answer.tokens.count == answer.logProbs.count)
      #expect(answer.tokens.count == answer.entropies.count)
      #expect(answer.tokens.dropLast().allSatisfy { $0 != 1 })
      #expect(answer.endedByEOS == (answer.tokens.last == 1))
      #expect(answer.endedByEOS || answer.tokens.count == 9)
    }
    #expect(answers.contains { $0.endedByEOS } && answers.contains { !$0.endedByEOS })
  }

  @Test("greedy answers take the likeliest token and are scored at temperature 1")
  func greedy() throws {
    let model = try Self.cases[1].model()
    let prompts = Self.prompts(5, vocabulary: 25)
    for answer in Self.rollout(model, prompts, samples: 1, temperature: 0) {
      for (index, token) in answer.tokens.enumerated() {
        // The probability of every token at this place, from the reference.
        let context = prompts[answer.prompt] + answer.tokens[..<index]
        let logProbs = (0..<25).map { candidate in
          var batch = TokenBatch()
          batch.append(prompt: context, response: [Int32(candidate)])
          let pass = TrainingPass(model: model, tokenCapacity: 64)
          pass.forward(batch)
          return pass.logProbs[0]
        }
        #expect(logProbs.max() == logProbs[Int(token)])
        #expect(answer.logProbs[index] == logProbs[Int(token)])
      }
    }
  }

  /// 4,000 draws of one token: each frequency within 4.5 standard deviations of its probability.
  @Test("first tokens are drawn with their probabilities")
  func frequencies() throws {
    let model = try Self.cases[1].model()
    let answers = Self.rollout(model, [[3, 9]], samples: 4000, maxNewTokens: 1)
    var counts: [Int32: Int] = [:]
    var probabilities: [Int32: Double] = [:]
    for answer in answers {
      counts[answer.tokens[0], default: 0] += 1
      probabilities[answer.tokens[0]] = Double(ModelRolloutTests.exponential(answer.logProbs[0]))
    }
    #expect(abs(probabilities.values.reduce(0, +) - 1) < 0.01)
    for (token, p) in probabilities {
      let deviation = (4000 * p * (1 - p)).squareRoot()
      #expect(abs(Double(counts[token] ?? 0) - 4000 * p) < 4.5 * deviation + 1)
    }
  }

  private static func exponential(_ x: Float) -> Double {
    // e^x by squaring e^(x / 1024), whose series is short.
    let small = Double(x) / 1024
    var value = 1 + small + small * small / 2 + small * small * small / 6
    for _ in 0..<10 { value *= value }
    return value
  }

  @Test("a stop leaves nothing, and an empty question gets an empty answer")
  func stops() throws {
    let model = try Self.cases[0].model()
    let engine = RolloutEngine(model: model, maxSequences: 4, maxLength: 64)
    let stopped = engine.generate(
      prompts: [[1, 2]], samplesPerPrompt: 2, maxNewTokens: 5, eos: 1, temperature: 1,
      stream: Self.stream, step: 0, shouldStop: { true })
    #expect(stopped.isEmpty)
    #expect(Self.rollout(model, [], samples: 4).isEmpty)
    #expect(Self.rollout(model, [[2]], samples: 0).isEmpty)
  }
}
