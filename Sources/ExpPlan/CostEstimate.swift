internal import ExpCore

/// What a run or a base policy should take: an estimate before anything was measured.
public struct CostEstimate: Sendable, Hashable {
  /// Floating-point operations.
  public var flops: Double
  /// Tokens that pass through the model, prompts included; a token that is trained on counts once.
  public var tokens: Double
  /// Seconds on one core at the rate that was assumed.
  public var seconds: Double
  /// Resident memory in bytes.
  public var memoryBytes: Int
  /// Bytes in the run folder once it is done with the last checkpoint kept.
  public var diskBytes: Int

  /// The floating-point rate that is assumed where none was measured: 100 GFLOP/s.
  ///
  /// The trainer reached 120 to 170 on one AVX-512 core at 83k to 974k parameters (docs/benchmarks.md); cores with
  /// AVX2 alone reach about half, and an estimate that proves too long disappoints less than one too short.
  public static let defaultFLOPsPerSecond = 100e9

  /// Makes an estimate.
  public init(
    flops: Double, tokens: Double, seconds: Double, memoryBytes: Int, diskBytes: Int
  ) {
    self.flops = flops
    self.tokens = tokens
    self.seconds = seconds
    self.memoryBytes = memoryBytes
    self.diskBytes = diskBytes
  }

  /// Nothing.
  public static let zero = CostEstimate(
    flops: 0, tokens: 0, seconds: 0, memoryBytes: 0, diskBytes: 0)

  /// Adds work, tokens, time and disk; memory is the larger one's, for runs that follow each other.
  public static func + (left: CostEstimate, right: CostEstimate) -> CostEstimate {
    CostEstimate(
      flops: left.flops + right.flops, tokens: left.tokens + right.tokens,
      seconds: left.seconds + right.seconds,
      memoryBytes: max(left.memoryBytes, right.memoryBytes),
      diskBytes: bytes(Double(left.diskBytes) + Double(right.diskBytes)))
  }

  /// Whole bytes; what no machine has becomes the largest number.
  static func bytes(_ count: Double) -> Int { Int(exactly: count.rounded(.up)) ?? .max }
}

extension CostEstimate {
  /// Estimates the RL stage of a configuration: rollouts, updates and evaluations, without the base policy.
  ///
  /// A forward pass takes `2 N` operations a token plus attention and output head, an update three times that
  /// (Kaplan et al., arXiv:2001.08361, section 2.1). Nothing is taken off for groups that are dropped.
  init(run config: JSONValue, flopsPerSecond: Double = CostEstimate.defaultFLOPsPerSecond) {
    let document = ConfigFigures(config)
    let model = ModelCost(document)
    let lengths = TaskLengths(document)
    let steps = document["train.steps"]
    let algorithm = AlgorithmCost(document, model, lengths)
    let evaluation = CostEstimate.evaluation(document, model, lengths)
    // Step 0 and the last step are always measured.
    let evaluations = (steps / max(document["evaluate.every"], 1)).rounded(.up) + 1
    let flops = steps * algorithm.perStep.flops + evaluations * evaluation.work.flops
    let tokens = steps * algorithm.perStep.tokens + evaluations * evaluation.work.tokens
    self.init(
      flops: flops, tokens: tokens, seconds: flops / max(flopsPerSecond, 1),
      memoryBytes: CostEstimate.bytes(
        model.memoryBytes(
          trainedSequences: min(document["train.micro_batch_size"], algorithm.sequences),
          sampledSequences: max(algorithm.sequences, evaluation.answers),
          copies: algorithm.copies, lengths)),
      diskBytes: CostEstimate.bytes(
        model.diskBytes(steps: steps)
          + evaluations * evaluation.kept * ModelCost.bytesPerSample))
  }

  private static func evaluation(
    _ document: ConfigFigures, _ model: ModelCost, _ lengths: TaskLengths
  ) -> (work: ModelCost.Work, answers: Double, kept: Double) {
    let prompts = document["evaluate.prompts"]
    let greedy: Double = document.flag("evaluate.greedy") ? 1 : 0
    let perPrompt = document["evaluate.samples"] + greedy
    let work = model.sampling(prompts: prompts, answers: prompts * perPrompt, lengths)
    return (
      work, prompts * perPrompt, min(document["evaluate.keep"], prompts) * perPrompt
    )
  }
}

extension PlannedPoint {
  /// Estimates the RL stage at another rate than `cost`.
  public func cost(flopsPerSecond: Double) -> CostEstimate {
    CostEstimate(run: config, flopsPerSecond: flopsPerSecond)
  }
}

extension PlannedBase {
  /// The estimate at the rate that is assumed where none was measured.
  public var cost: CostEstimate { cost(flopsPerSecond: CostEstimate.defaultFLOPsPerSecond) }

  /// Estimates the supervised stage that makes this base policy.
  public func cost(flopsPerSecond: Double) -> CostEstimate {
    let document = ConfigFigures(config)
    let model = ModelCost(document)
    let lengths = TaskLengths(document)
    let steps = document["base.steps"]
    let batch = document["base.batch_size"]
    var work = ModelCost.Work(flops: 0, tokens: 0)
    work.add(model.training(sequences: batch, lengths), times: steps)
    if let judge = document.text("task.judge_size").flatMap(ModelShape.named) {
      // The judge reads question, answer and reference, and says one token.
      work.add(
        ModelCost(judge).training(
          sequences: batch,
          TaskLengths(
            prompt: lengths.prompt + 2 * lengths.answer, answer: 1,
            vocabulary: lengths.vocabulary)),
        times: document["task.judge_steps"])
    }
    return CostEstimate(
      flops: work.flops, tokens: work.tokens, seconds: work.flops / max(flopsPerSecond, 1),
      memoryBytes: CostEstimate.bytes(
        model.memoryBytes(trainedSequences: batch, sampledSequences: 0, copies: 0, lengths)),
      diskBytes: CostEstimate.bytes(model.diskBytes(steps: steps)))
  }
}
