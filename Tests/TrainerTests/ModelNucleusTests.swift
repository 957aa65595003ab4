import Testing
import Trainer
import TrainerTensor

@Suite("nucleus sampling")
struct ModelNucleusTests {
  private func first(
    _ model: PolicyModel, samples: Int, topP: Double, temperature: Double = 1
  ) -> [SampledResponse] {
    RolloutEngine(model: model, maxSequences: 512, maxLength: 8).generate(
      prompts: [[3, 5, 7]], samplesPerPrompt: samples, maxNewTokens: 1, eos: 1,
      temperature: temperature, topP: topP, stream: ModelRolloutTests.stream, step: 1,
      shouldStop: { false })
  }

  /// Probability of every token after the prompt, from a training pass over each of them.
  private func distribution(_ model: PolicyModel, temperature: Double) -> [Double] {
    var batch = TokenBatch()
    for token in 0..<model.vocabulary {
      batch.append(prompt: [3, 5, 7], response: [Int32(token)])
    }
    let pass = TrainingPass(model: model, tokenCapacity: batch.tokens.count)
    pass.forward(batch, temperature: temperature)
    return pass.logProbs.map { LogRatio.exponential(Double($0)) }
  }

  @Test(
    "Tokens come from the least set of likeliest ones that reaches the share, in proportion",
    arguments: [0.3, 0.6, 0.9])
  func nucleus(share: Double) throws {
    let model = try ModelFixtures.model(tied: true, bias: false, device: ModelFixtures.devices[0])
    for temperature in [1, 0.5] {
      let probabilities = distribution(model, temperature: temperature)
      let order = probabilities.indices.sorted { probabilities[$0] > probabilities[$1] }
      var nucleus: [Int] = []
      while nucleus.reduce(0, { $0 + probabilities[$1] }) < share {
        nucleus.append(order[nucleus.count])
      }
      let count = 4000
      let answers = first(model, samples: count, topP: share, temperature: temperature)
      var counts = [Int](repeating: 0, count: model.vocabulary)
      for answer in answers { counts[Int(answer.tokens[0])] += 1 }
      #expect(counts.indices.filter { counts[$0] > 0 }.allSatisfy(nucleus.contains))
      let mass = nucleus.reduce(0) { $0 + probabilities[$1] }
      for token in nucleus {
        let expected = probabilities[token] / mass
        let deviation = (expected * (1 - expected) / Double(count)).squareRoot()
        #expect((Double(counts[token]) / Double(count) - expected).magnitude < 5 * deviation + 1e-9)
      }
      // What is recorded is the whole distribution's probability.
      for answer in answers.prefix(50) {
        let recorded = LogRatio.exponential(Double(answer.logProbs[0]))
        #expect(recorded == probabilities[Int(answer.tokens[0])])
      }
    }
  }

  @Test("The smallest share leaves the likeliest token, the whole share changes nothing")
  func ends() throws {
    let model = try ModelFixtures.model(tied: true, bias: false, device: ModelFixtures.devices[0])
    let probabilities = distribution(model, temperature: 1)
    let likeliest = probabilities.indices.max { probabilities[$0] < probabilities[$1] }
    #expect(first(model, samples: 64, topP: 1e-9).allSatisfy { Int($0.tokens[0]) == likeliest })
    #expect(
      first(model, samples: 64, topP: 1).map(\.tokens)
        == first(model, samples: 64, topP: 0.999_999_999).map(\.tokens))
  }
}
