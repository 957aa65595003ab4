internal import TrainerProtocol

/// An algorithm put together: where its experience comes from, what learns from it, and the models that takes.
final class RLMethod {
  let state: TrainableState
  let source: any ExperienceSource
  /// Samples from the policy that learns.
  let engine: RolloutEngine

  private let config: TrainConfig
  private let reference: ReferencePolicy?
  private let updater: PolicyUpdater?
  private let preference: PreferenceUpdater?
  private let comparesWithReference: Bool
  private let shouldStop: () -> Bool

  init(
    _ run: RunConfig, train: TrainConfig, seed: UInt64, family: any TaskFamily, base: BasePolicy,
    validationAnswers: Int, shouldStop: @escaping () -> Bool
  ) throws {
    config = train
    self.shouldStop = shouldStop
    let length = family.contextLength
    let model = try base.makeModel(run, family: family)
    let parts = Parts(run, train, family, base, seed: seed, shouldStop: shouldStop)
    engine = parts.engine(model, validationAnswers: validationAnswers)
    let objective = PolicyObjective(train)
    reference =
      parts.needsReference
      ? ReferencePolicy(
        try base.makeModel(run, family: family), config: train, contextLength: length) : nil
    comparesWithReference = objective.needsReference
    let rewards = TokenRewards(train, reference: reference, shouldStop: shouldStop)
    source = try parts.source(engine, rewards: rewards, policy: model)
    state = TrainableState(
      model: model,
      optimizer: AdamW(
        model: model, beta1: train.beta1, beta2: train.beta2, weightDecay: train.weightDecay),
      companions: source.companions + (reference?.companions ?? []))
    source.attach(state)
    let (follower, policy) = (reference, model)
    let didStep = { follower?.follow(policy) ?? () }
    if train.isPreference {
      updater = nil
      preference = PreferenceUpdater(
        train, state: state, contextLength: length, shouldStop: shouldStop, didStep: didStep)
    } else {
      updater = PolicyUpdater(
        train, state: state, contextLength: length, longestResponse: family.maxResponseLength,
        seed: seed, shouldStop: shouldStop, didStep: didStep)
      preference = nil
    }
    source.rescore = { [unowned self] batch, record in try rescore(&batch, into: &record) }
  }

  /// Sets the policy to the base policy; what learns beside it was made from it already.
  func start(from base: BasePolicy) throws { try base.copyParameters(into: state.model) }

  /// Scores a batch again by the passes that will learn from it, on devices whose rollouts and passes round differently.
  ///
  /// Importance ratios then begin at exactly 1; how far the two were apart is recorded.
  private func rescore(_ batch: inout PolicyBatch, into record: inout StepRecord) throws {
    guard !state.model.isBatchInvariant, batch.rows.tokenCount > 0 else { return }
    let scores =
      try preference?.scores(batch, sampling: source.samplingModel ?? state.model)
      ?? updater?.scores(batch)
    guard let scores else { return }
    guard let distance = batch.rescore(logProbs: scores.logProbs, entropies: scores.entropies)
    else { return }
    record.values[StepMetric.mismatchMean] = distance.mean
    record.values[StepMetric.mismatchMax] = distance.largest
  }

  /// Lets the policy, and whatever is trained beside it, learn from a batch that is not empty.
  func learn(from batch: PolicyBatch, step: Int, into record: inout StepRecord) throws {
    let isMoving = preference != nil && config.referenceRate > 0
    let referenceLogProbs =
      comparesWithReference || isMoving
      ? try reference?.logProbs(batch, step: step, shouldStop) ?? [] : []
    if let preference {
      // Unless the reference moves, pairs are compared with the policy that sampled them: the rollout has its numbers.
      let summary = try preference.update(
        batch, pairReference: isMoving ? referenceLogProbs : batch.oldLogProbs,
        controlReference: comparesWithReference ? referenceLogProbs : [])
      record.merge(summary.values)
    }
    if let updater, step > config.criticWarmupSteps ?? 0 {
      let summary = try updater.update(batch, reference: referenceLogProbs, step: step)
      record.merge(summary.values(for: config))
    }
    try source.learn(from: batch, step: step, into: &record)
  }

  /// Floating-point operations of all models since it was last set to 0.
  var floatingPointOperations: Double {
    get {
      engine.floatingPointOperations + source.floatingPointOperations
        + (updater?.floatingPointOperations ?? 0) + (preference?.floatingPointOperations ?? 0)
        + (reference?.floatingPointOperations ?? 0)
    }
    set {
      engine.floatingPointOperations = newValue
      source.floatingPointOperations = newValue
      updater?.floatingPointOperations = newValue
      preference?.floatingPointOperations = newValue
      reference?.floatingPointOperations = newValue
    }
  }
}

/// What the parts of a method are made of.
private struct Parts {
  let run: RunConfig
  let train: TrainConfig
  let family: any TaskFamily
  let base: BasePolicy
  let seed: UInt64
  let shouldStop: () -> Bool

  init(
    _ run: RunConfig, _ train: TrainConfig, _ family: any TaskFamily, _ base: BasePolicy,
    seed: UInt64, shouldStop: @escaping () -> Bool
  ) {
    self.run = run
    self.train = train
    self.family = family
    self.base = base
    self.seed = seed
    self.shouldStop = shouldStop
  }

  var needsReference: Bool {
    PolicyObjective(train).needsReference || (train.rewardKLCoefficient ?? 0) > 0
      || train.isPreference && train.referenceRate > 0
  }

  func engine(_ model: PolicyModel, validationAnswers: Int) -> RolloutEngine {
    let wanted = max(
      train.promptsPerStep * max(train.samplesPerPrompt ?? 1, train.spoSamples ?? 1),
      validationAnswers)
    return RolloutEngine(
      model: model,
      maxSequences: RolloutCapacity.sequences(
        wanted: wanted, shape: run.model.shape, length: family.contextLength),
      maxLength: family.contextLength)
  }

  private func sampler(_ engine: RolloutEngine) throws -> RolloutSampler {
    let sampler = RolloutSampler(
      train, family: family, engine: engine, seed: seed,
      judge: train.rewardForm == .exact ? nil : try base.makeJudge(run, family: family),
      shouldStop: shouldStop)
    guard train.penalisedTokens <= sampler.maxResponseTokens else {
      throw TrainerError(
        .badRequest,
        "'config.train.overlong_buffer' is \(train.penalisedTokens); the longest answer has "
          + "\(sampler.maxResponseTokens) tokens")
    }
    return sampler
  }

  func source(
    _ engine: RolloutEngine, rewards: TokenRewards, policy: PolicyModel
  ) throws -> any ExperienceSource {
    switch train.algorithm {
    case .reinforce, .reinforcePP, .reinforcePPBaseline, .rloo, .remax, .grpo:
      let sampler = try sampler(engine)
      return GroupSource(sampler, credit: GroupCredit(sampler, rewards: rewards))
    case .ppo:
      let sampler = try sampler(engine)
      return GroupSource(
        sampler, credit: try CriticCredit(sampler, rewards: rewards, policy: policy))
    case .prime:
      let sampler = try sampler(engine)
      return GroupSource(
        sampler,
        credit: ProcessCredit(
          sampler, rewardModel: try base.makeModel(run, family: family),
          reference: try base.makeModel(run, family: family)))
    case .spoChain:
      let sampler = try sampler(engine)
      return GroupSource(sampler, credit: SegmentCredit(sampler))
    case .spoTree:
      return TreeSource(try sampler(engine))
    case .dpo:
      // Pairs of offline DPO come from the base policy all along.
      let frozen = self.engine(try base.makeModel(run, family: family), validationAnswers: 0)
      return PairSource(try sampler(frozen), ownsEngine: true)
    case .iterativeDPO:
      return PairSource(try sampler(engine), ownsEngine: false)
    }
  }
}
