internal import TrainerProtocol

/// Preference pairs from verified rollouts: a right and a wrong answer to one prompt, the right one first.
package final class PairSource: ExperienceSource {
  package let companions: [NamedModel] = []
  /// Of the policy that samples, where it is another than the one that learns.
  package var floatingPointOperations: Double {
    get { ownsEngine ? sampler.engine.floatingPointOperations : 0 }
    set { if ownsEngine { sampler.engine.floatingPointOperations = newValue } }
  }

  package var rescore: (inout PolicyBatch, inout StepRecord) throws -> Void = { _, _ in }

  private let sampler: RolloutSampler
  private let ownsEngine: Bool

  /// Makes pairs of what a sampler draws; `ownsEngine` where it samples from the base policy.
  package init(_ sampler: RolloutSampler, ownsEngine: Bool) {
    self.sampler = sampler
    self.ownsEngine = ownsEngine
  }

  package var samplingModel: PolicyModel? { ownsEngine ? sampler.engine.model : nil }

  package func attach(_ state: TrainableState) {}

  package func collect(step: Int, into record: inout StepRecord) throws -> PolicyBatch {
    let config = sampler.config
    let problems = try sampler.problems(step: step)
    let answers = try sampler.answers(
      to: problems, count: config.samplesPerPrompt ?? 1, step: step)
    var batch = PolicyBatch(
      PairSource.pairs(PolicyBatch(answers), most: config.pairsPerPrompt ?? 1))
    try rescore(&batch, &record)
    record.merge(RolloutFigures.values(answers))
    record.values[StepMetric.tokens] = Double(sampler.takeTokenCount())
    record.values[StepMetric.groupsKept] =
      Double(batch.groups.count) / Double(config.promptsPerStep)
    return batch
  }

  package func learn(from batch: PolicyBatch, step: Int, into record: inout StepRecord) throws {}

  /// Of each group the first right and the first wrong answer, then the second ones, up to `most` pairs.
  ///
  /// Prompts without a contrast give no pair.
  package static func pairs(_ batch: PolicyBatch, most: Int) -> [PolicyBatch.Sample] {
    batch.groups.flatMap { group -> [PolicyBatch.Sample] in
      let samples = batch.samples[group].filter { !$0.response.tokens.isEmpty }
      let right = samples.filter { $0.isRight }
      let wrong = samples.filter { !$0.isRight }
      return zip(right, wrong).prefix(most).flatMap { [$0, $1] }
    }
  }
}
