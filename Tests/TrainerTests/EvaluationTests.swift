import ExpCore
import Testing
import Trainer
import TrainerProtocol

@Suite("Evaluations")
struct EvaluationTests {
  private func measure(samples: Int, greedy: Bool = true) throws -> [String: Double] {
    // So small a task that an untrained policy is right now and then.
    let family = try ProgramTask(maxDepth: 1, lengths: [2], slipProbability: 0)
    let model = try PolicyModel(
      shape: ModelShape(width: 16, layers: 1, heads: 2, hidden: 32),
      vocabulary: family.vocabulary.count, contextLength: family.contextLength)
    model.initialise(seed: 3)
    let config = EvaluateConfig.decoded(
      prompts: 400, samples: samples, greedy: greedy)
    let evaluation = try Evaluation(config, family: family, seed: 5)
    let engine = RolloutEngine(model: model, maxSequences: 64, maxLength: family.contextLength)
    return try evaluation.measure(engine, step: 0, shouldStop: { false }).values
  }

  @Test("pass@1 is the score, pass@n the share of prompts with a right answer, and it grows")
  func passAtK() throws {
    let values = try measure(samples: 6)
    let curve = (1...6).compactMap { values[MetricName.passAt($0)] }
    #expect(curve.count == 6)
    let score = try #require(values[MetricName.valScore])
    #expect(score > 0 && score < 0.5)
    #expect(abs(curve[0] - score) < 1e-12)
    #expect(curve[5] == values[MetricName.passAtK])
    #expect(zip(curve, curve.dropFirst()).allSatisfy { $0 < $1 })
    // Of independent answers, pass@k is at most 1 - (1 - p)^k, prompts differing in difficulty.
    #expect(curve[5] <= 6 * score)
    let errors = (1...6).compactMap { values[MetricName.passAtSE($0)] }
    #expect(errors.count == 6 && errors.allSatisfy { $0 > 0 && $0 < 0.05 })
    #expect(abs(errors[0] - (values[MetricName.valScoreSE] ?? 0)) < 1e-12)
  }

  @Test("Errors come with greedy scores too, and lengths with the share that met the limit")
  func lengths() throws {
    let values = try measure(samples: 2)
    #expect((values[MetricName.valGreedySE] ?? 0) >= 0)
    #expect(values[MetricName.valGreedySE] != nil)
    // Answers have one token or two, the limit: one operation and the end.
    #expect(values["val_response_length_max"] == 2)
    let mean = try #require(values["val_response_length"])
    let cut = try #require(values["val_cut_fraction"])
    #expect(mean > 1 && mean <= 2 && cut > 0.5 && cut < 1)
    let plain = try measure(samples: 2, greedy: false)
    #expect(plain[MetricName.valGreedy] == nil && plain[MetricName.valGreedySE] == nil)
  }
}

extension EvaluateConfig {
  /// A configuration, which only a resolved document makes.
  static func decoded(prompts: Int, samples: Int, greedy: Bool) -> EvaluateConfig {
    let document: JSONValue = [
      "every": 4, "prompts": .number(Double(prompts)), "samples": .number(Double(samples)),
      "greedy": .bool(greedy), "keep": 0,
    ]
    do {
      return try document.decoded(as: EvaluateConfig.self)
    } catch {
      preconditionFailure("a fixture does not decode: \(error)")
    }
  }
}
