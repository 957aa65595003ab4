package import TrainerProtocol

/// The supervised stage: next-token loss on demonstrations, AdamW, linear warm-up, then a cosine to a floor.
///
/// Where the task has a judge, further steps train it behind the policy's, and the last of them measures it.
package final class BaseStage: TrainingStage {
  /// Every how many steps values are recorded; the last step always is.
  private static let recordEvery = 10
  /// Sequences in one forward and backward pass at the most; a constant, since a base has no such setting.
  private static let mostSequences = 128

  package let state: TrainableState
  package var totalSteps: Int { config.steps + (judging?.steps ?? 0) }

  private let config: BaseConfig
  private let family: any TaskFamily
  private let judging: JudgeTrainer?
  private let pass: TrainingPass
  private let microBatchSize: Int
  private let shouldStop: () -> Bool
  private let demonstrations: RandomStream
  private let clock = ContinuousClock()

  /// Makes the stage of a configuration.
  package init(
    _ config: RunConfig, family: any TaskFamily, shouldStop: @escaping () -> Bool
  ) throws {
    self.config = config.base
    self.family = family
    self.shouldStop = shouldStop
    let model = try PolicyModel(
      shape: config.model.shape, vocabulary: family.vocabulary.count,
      contextLength: family.contextLength)
    let optimizer = AdamW(
      model: model, beta1: config.base.beta1, beta2: config.base.beta2,
      weightDecay: config.base.weightDecay)
    judging = try JudgeTrainer(config, family: family)
    state = TrainableState(
      model: model, optimizer: optimizer,
      companions: judging.map {
        [NamedModel(name: Judge.name, model: $0.judge.model, optimizer: $0.optimizer)]
      } ?? [])
    microBatchSize = MicroBatches.sequences(
      min(BaseStage.mostSequences, config.base.batchSize), length: family.contextLength)
    pass = TrainingPass(model: model, tokenCapacity: microBatchSize * family.contextLength)
    demonstrations = RandomStream(seed: UInt64(config.base.seed), stream: .demonstrations)
  }

  package func isRecorded(_ step: Int) -> Bool {
    step > 0
      && (step.isMultiple(of: BaseStage.recordEvery) || step == config.steps || step == totalSteps)
  }

  package func start() throws {
    state.model.initialise(seed: UInt64(config.seed))
    judging?.start()
  }

  package func measureStart() throws -> StepRecord { StepRecord() }

  package func advance(to step: Int) throws -> StepRecord {
    if let judging, step > config.steps { return try advance(judging, to: step) }
    let begin = clock.now
    let examples = try (0..<config.batchSize).map { index in
      try family.demonstration(
        UInt64(step - 1) * UInt64(config.batchSize) + UInt64(index), from: demonstrations)
    }
    let answerTokens = examples.reduce(0) { $0 + $1.response.count }
    pass.floatingPointOperations = 0
    let loss = try accumulateGradients(examples, answerTokens: answerTokens)
    let learningRate = LearningRateSchedule(config).value(at: step)
    let norm = try state.optimizer.step(
      learningRate: learningRate, maxGradNorm: config.maxGradNorm)
    var record = StepRecord()
    guard isRecorded(step) else { return record }
    let tokens = examples.reduce(0) { $0 + $1.prompt.count + $1.response.count }
    let seconds = (clock.now - begin).seconds
    record.values = [
      StepMetric.baseLoss: loss, StepMetric.gradNorm: norm, StepMetric.learningRate: learningRate,
      StepMetric.tokens: Double(tokens),
      StepMetric.flops: pass.floatingPointOperations,
      StepMetric.updateSeconds: seconds,
      StepMetric.updateTokensPerSecond: Double(tokens) / max(seconds, 1e-9),
    ]
    return record
  }

  /// A step of the judge; the step that measures it is undone as a whole where a stop comes in between.
  private func advance(_ judging: JudgeTrainer, to step: Int) throws -> StepRecord {
    let begin = clock.now
    let isLast = step == totalSteps
    if isLast { state.save() }
    var record = StepRecord()
    do {
      let values = try judging.advance(to: step - config.steps, shouldStop: shouldStop)
      guard isRecorded(step) else { return record }
      record.values = values
      if isLast { record.merge(try judging.quality(shouldStop: shouldStop).values) }
    } catch {
      if isLast { state.restore() }
      throw error
    }
    let seconds = (clock.now - begin).seconds
    record.values[StepMetric.updateSeconds] = seconds
    record.values[StepMetric.updateTokensPerSecond] =
      (record.values[StepMetric.tokens] ?? 0) / max(seconds, 1e-9)
    return record
  }

  package var definitions: [String: String] {
    policyDefinitions.merging(judging?.definitions ?? [:]) { first, _ in first }
  }

  private var policyDefinitions: [String: String] {
    [
      StepMetric.baseLoss:
        "cross-entropy in nats on the step's demonstrations, mean over their answer tokens, before the step",
      StepMetric.gradNorm: "global gradient norm before clipping, of this step",
      StepMetric.tokens: "prompt and answer tokens of this step",
      StepMetric.flops: "floating-point operations of this step's forward and backward passes",
    ]
  }

  /// Adds up the gradient of the mean loss over answer tokens; returns that loss.
  private func accumulateGradients(
    _ examples: [(prompt: [Int32], response: [Int32])], answerTokens: Int
  ) throws -> Double {
    state.model.zeroGradients()
    let weight = Float(-1 / Double(answerTokens))
    var loss = 0.0
    for start in stride(from: 0, to: examples.count, by: microBatchSize) {
      if shouldStop() { throw StopRequested() }
      var batch = TokenBatch()
      for example in examples[start..<min(start + microBatchSize, examples.count)] {
        batch.append(prompt: example.prompt, response: example.response)
      }
      pass.forward(batch)
      loss -= pass.logProbs.reduce(0) { $0 + Double($1) }
      Array(repeating: weight, count: batch.scoredCount).withUnsafeBufferPointer {
        pass.backward(dLogProbs: $0, dEntropies: nil)
      }
    }
    return loss / Double(answerTokens)
  }
}
