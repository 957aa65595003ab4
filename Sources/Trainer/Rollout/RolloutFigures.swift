internal import TrainerProtocol

/// What a step records of its rollout, before anything is dropped.
enum RolloutFigures {
  static func values(_ samples: [PolicyBatch.Sample]) -> [String: Double] {
    let lengths = samples.map { Double($0.response.tokens.count) }
    let entropies = samples.lazy.filter { !$0.response.tokens.isEmpty }.map { sample in
      SampleStatistics.mean(sample.response.entropies.map(Double.init))
    }
    return [
      MetricName.trainReward: SampleStatistics.mean(samples.map(\.reward)),
      StepMetric.trainScore: SampleStatistics.mean(samples.map(\.score)),
      StepMetric.responseLength: SampleStatistics.mean(lengths),
      StepMetric.responseLengthMax: lengths.max() ?? 0,
      StepMetric.truncated: SampleStatistics.mean(
        samples.map { $0.response.endedByEOS ? 0 : 1 }),
      StepMetric.entropyRollout: SampleStatistics.mean(Array(entropies)),
    ]
  }
}

extension StepRecord {
  /// Adds values; new ones take the place of old ones.
  mutating func merge(_ values: [String: Double]) {
    self.values.merge(values) { _, new in new }
  }
}
