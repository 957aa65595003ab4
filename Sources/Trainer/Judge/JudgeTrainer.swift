package import TrainerProtocol

/// Trains a judge on generated answers that the exact verifier labels, with the base stage's optimiser settings.
///
/// The loss is the cross-entropy of the verdicts, plus that of the reference's tokens behind right answers: one bit an
/// answer teaches a small model too little of how phrasings correspond (times of day: half of the verdicts stay wrong).
package final class JudgeTrainer {
  /// Held-out answers that the finished judge is measured on.
  fileprivate static let heldOut = 2048
  /// Sequences in one forward and backward pass at the most.
  private static let mostSequences = 128

  /// What is trained.
  package let judge: Judge
  /// Its optimiser.
  package let optimizer: AdamW
  /// Steps in all.
  package let steps: Int

  private let family: any JudgedFamily
  private let base: BaseConfig
  private let labelNoise: Double
  private let pass: TrainingPass
  private let microBatchSize: Int
  private let candidates: RandomStream
  private let heldOutCandidates: RandomStream
  private let schedule: LearningRateSchedule

  /// Makes the trainer of a configuration's judge; nil where it has none.
  ///
  /// - Throws: `TrainerError` for settings that are missing or out of range.
  package init?(_ config: RunConfig, family: any TaskFamily) throws {
    guard let settings = try JudgeSettings(config.task),
      let family = family as? any JudgedFamily
    else { return nil }
    self.family = family
    base = config.base
    steps = settings.steps
    labelNoise = settings.labelNoise
    judge = try Judge(settings.shape, family: family)
    optimizer = AdamW(
      model: judge.model, beta1: base.beta1, beta2: base.beta2, weightDecay: base.weightDecay)
    microBatchSize = MicroBatches.sequences(
      min(base.batchSize, JudgeTrainer.mostSequences), length: judge.model.contextLength)
    pass = TrainingPass(
      model: judge.model,
      tokenCapacity: microBatchSize * judge.model.contextLength)
    // The first round of each purpose is the base policy's.
    let seed = UInt64(base.seed)
    candidates = RandomStream(seed: seed, stream: .demonstrations, part: 1)
    heldOutCandidates = RandomStream(seed: 0, stream: .validationPrompts, part: 1)
    var schedule = base
    schedule.steps = settings.steps
    self.schedule = LearningRateSchedule(schedule)
  }

  /// Sets the initial parameters.
  package func start() {
    let words = RandomStream(seed: UInt64(base.seed), stream: .initialWeights, part: 1)
      .words(0, 0, 0)
    judge.model.initialise(seed: UInt64(words.0) << 32 | UInt64(words.1))
  }

  /// Does one of the steps, which count from 1, and returns its values.
  ///
  /// - Throws: `StopRequested` before anything has changed.
  package func advance(to step: Int, shouldStop: () -> Bool) throws -> [String: Double] {
    let examples = try (0..<base.batchSize).map { index in
      try example(UInt64(step - 1) * UInt64(base.batchSize) + UInt64(index))
    }
    pass.floatingPointOperations = 0
    let loss = try accumulateGradients(examples, shouldStop)
    let learningRate = schedule.value(at: step)
    let norm = try optimizer.step(learningRate: learningRate, maxGradNorm: base.maxGradNorm)
    let tokens = examples.reduce(0) { $0 + $1.head.count + $1.tail.count }
    return [
      StepMetric.judgeLoss: loss, StepMetric.gradNorm: norm,
      StepMetric.learningRate: learningRate, StepMetric.tokens: Double(tokens),
      StepMetric.flops: pass.floatingPointOperations,
    ]
  }

  /// Adds up the gradient of the loss; returns the verdicts' part of it, a mean over examples.
  private func accumulateGradients(
    _ examples: [Example], _ shouldStop: () -> Bool
  ) throws -> Double {
    judge.model.zeroGradients()
    let rewritten = examples.reduce(0) { $0 + ($1.isRight ? $1.referenceLength : 0) }
    let verdictWeight = Float(-1 / Double(examples.count))
    let tokenWeight = Float(-1 / Double(max(rewritten, 1)))
    var loss = 0.0
    for start in stride(from: 0, to: examples.count, by: microBatchSize) {
      if shouldStop() { throw StopRequested() }
      var batch = TokenBatch()
      var weights: [Float] = []
      var verdicts: [Int] = []
      for example in examples[start..<min(start + microBatchSize, examples.count)] {
        batch.append(prompt: example.head, response: example.tail)
        for place in example.tail.indices.dropLast() {
          let isRewritten = example.isRight && place < example.referenceLength
          weights.append(isRewritten ? tokenWeight : 0)
        }
        verdicts.append(weights.count)
        weights.append(verdictWeight)
      }
      pass.forward(batch)
      for place in verdicts { loss -= Double(pass.logProbs[place]) }
      weights.withUnsafeBufferPointer { pass.backward(dLogProbs: $0, dEntropies: nil) }
    }
    return loss / Double(examples.count)
  }

  /// Measures the judge on answers to validation prompts, whose labels are the verifier's own.
  ///
  /// - Throws: `StopRequested` where a stop is wished for before all answers are judged.
  package func quality(shouldStop: () -> Bool) throws -> JudgeQuality {
    var problems: [Problem] = []
    var answers: [[Int32]] = []
    for index in 0..<UInt64(JudgeTrainer.heldOut) {
      var random = RandomSequence(heldOutCandidates, index: index)
      let problem = try family.problem(of: .validation, &random)
      problems.append(problem)
      answers.append(family.candidate(for: problem, &random))
    }
    let isRight = zip(answers, problems).map { family.verify($0, to: $1) == 1 }
    let verdicts = try judge.verdicts(
      problems: problems, answers: answers, shouldStop: shouldStop)
    return JudgeQuality(verdicts, isRight: isRight)
  }

  /// A labelled answer: what the judge reads, and from the reference on what it is scored on.
  private struct Example {
    var head: [Int32]
    /// Reference, question and verdict.
    var tail: [Int32]
    var referenceLength: Int
    /// What the verifier says; the verdict in `tail` may be turned round.
    var isRight: Bool
  }

  private func example(_ index: UInt64) throws -> Example {
    var random = RandomSequence(candidates, index: index)
    let problem = try family.problem(of: .training, &random)
    let answer = family.candidate(for: problem, &random)
    let isRight = family.verify(answer, to: problem) == 1
    let isTurned = random.uniform() < labelNoise
    return Example(
      head: judge.head(answer), tail: judge.tail(problem) + [judge.verdict(isRight != isTurned)],
      referenceLength: problem.reference.count, isRight: isRight)
  }
}

extension JudgeTrainer {
  /// What the recorded series mean.
  var definitions: [String: String] {
    let answers =
      "\(JudgeTrainer.heldOut) generated answers to validation prompts, against the exact verifier"
    return [
      StepMetric.judgeLoss:
        "cross-entropy in nats on the labels of the step's generated answers, mean, before the step",
      StepMetric.judgeAccuracy: "share of the judge's verdicts that are right; \(answers)",
      StepMetric.judgeAUC:
        "probability that a right answer gets more of the judge's confidence than a wrong one; \(answers)",
      StepMetric.judgeECE:
        "expected calibration error of the judge's confidence, ten bins of equal width; \(answers)",
    ]
  }
}
