internal import TrainerProtocol

/// Where a step's experience comes from: whole answers in groups, or trees of segments.
package protocol ExperienceSource: AnyObject {
  /// Models that learn beside the policy.
  var companions: [NamedModel] { get }
  /// The policy that samples, where it is another than the one that learns.
  var samplingModel: PolicyModel? { get }
  /// Floating-point operations of those models since it was last set to 0.
  var floatingPointOperations: Double { get set }
  /// Scores a batch again before anything is made of its log-probabilities; see `RLMethod.rescore`.
  var rescore: (inout PolicyBatch, inout StepRecord) throws -> Void { get set }
  /// Takes the run's state, in which whatever lasts from step to step lives.
  func attach(_ state: TrainableState)
  /// Samples, scores, drops and credits: the result has an advantage for every token.
  ///
  /// - Throws: `StopRequested` where a stop is wished for; the caller restores the state.
  func collect(step: Int, into record: inout StepRecord) throws -> PolicyBatch
  /// Lets its own models learn from the batch.
  func learn(from batch: PolicyBatch, step: Int, into record: inout StepRecord) throws
}

extension ExperienceSource {
  package var samplingModel: PolicyModel? { nil }
}

/// Answers in groups, one group a prompt: sampled, filtered, refilled where that is asked for, and credited.
package final class GroupSource: ExperienceSource {
  package var rescore: (inout PolicyBatch, inout StepRecord) throws -> Void = { _, _ in }
  private let sampler: RolloutSampler
  private let credit: any TokenCredit
  private let config: TrainConfig

  /// Makes the source of an algorithm's credit.
  package init(_ sampler: RolloutSampler, credit: any TokenCredit) {
    self.sampler = sampler
    self.credit = credit
    config = sampler.config
  }

  package var companions: [NamedModel] { credit.companions }
  package var floatingPointOperations: Double {
    get { credit.floatingPointOperations }
    set { credit.floatingPointOperations = newValue }
  }

  package func attach(_ state: TrainableState) { credit.attach(state) }

  package func collect(step: Int, into record: inout StepRecord) throws -> PolicyBatch {
    var kept: [PolicyBatch.Sample] = []
    var drawn: [PolicyBatch.Sample] = []
    var problems: [Problem] = []
    var rounds = 0
    while rounds < RolloutSampler.mostRounds {
      let fresh = try sampler.problems(step: step, round: rounds)
      let answers = try sampler.answers(
        to: fresh, count: config.samplesPerPrompt ?? 1, step: step, round: rounds)
      problems += fresh
      drawn += answers
      kept += filtered(answers)
      rounds += 1
      if config.refillGroups != true || keptCount(kept) >= config.promptsPerStep { break }
    }
    let truncated = truncate(kept)
    record.merge(RolloutFigures.values(drawn))
    record.values[StepMetric.groupsKept] =
      Double(keptCount(kept)) / Double(config.promptsPerStep * rounds)
    if config.refillGroups == true {
      record.values[StepMetric.rolloutRounds] = Double(rounds)
      if keptCount(truncated) < config.promptsPerStep {
        record.messages.append(
          "\(rounds) rollouts left \(keptCount(truncated)) groups of the \(config.promptsPerStep) wanted"
        )
      }
    }
    var batch = PolicyBatch(truncated)
    if !batch.samples.isEmpty {
      try rescore(&batch, &record)
      batch.advantages = try credit.advantages(batch, problems: problems, step: step, into: &record)
    }
    record.values[StepMetric.tokens] = Double(sampler.takeTokenCount())
    return batch
  }

  package func learn(from batch: PolicyBatch, step: Int, into record: inout StepRecord) throws {
    try credit.learn(from: batch, step: step, into: &record)
  }

  private func filtered(_ answers: [PolicyBatch.Sample]) -> [PolicyBatch.Sample] {
    guard config.filterGroups == true else { return answers }
    let filter = GroupFilter(
      accuracyLow: config.filterAccuracyLow ?? 0, accuracyHigh: config.filterAccuracyHigh ?? 1)
    let accuracies = answers.map { $0.isRight ? 1.0 : 0 }
    let kept = Set(
      filter.kept(
        rewards: accuracies, accuracies: accuracies, groups: answers.map(\.group)))
    return answers.filter { kept.contains($0.group) }
  }

  private func keptCount(_ samples: [PolicyBatch.Sample]) -> Int {
    samples.count / max(config.samplesPerPrompt ?? 1, 1)
  }

  private func truncate(_ samples: [PolicyBatch.Sample]) -> [PolicyBatch.Sample] {
    Array(samples.prefix(config.promptsPerStep * (config.samplesPerPrompt ?? 1)))
  }
}
