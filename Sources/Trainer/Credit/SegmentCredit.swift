internal import Glibc
internal import TrainerProtocol

/// SPO-chain's credit: segments of an answer, valued by fresh continuations from where they begin; algorithms.md 2.8.
package final class SegmentCredit: TokenCredit {
  private let config: TrainConfig
  private let sampler: RolloutSampler

  /// Makes the credit of a configuration.
  package init(_ sampler: RolloutSampler) {
    self.sampler = sampler
    config = sampler.config
  }

  package func advantages(
    _ batch: PolicyBatch, problems: [Problem], step: Int, into record: inout StepRecord
  ) throws -> [Double] {
    let probabilities = batch.oldLogProbs.map { exp($0) }
    let boundaries = (0..<batch.rows.count).map {
      self.boundaries(Array(probabilities[batch.rows.range($0)]))
    }
    var states = StateTable()
    let places = zip(batch.samples, boundaries).map { sample, boundaries in
      boundaries.map { states.place(of: sample, through: $0) }
    }
    let values = try self.values(of: states, problems: problems, step: step)
    let threshold = config.maskThreshold
    var result: [Double] = []
    result.reserveCapacity(batch.rows.tokenCount)
    for row in 0..<batch.rows.count {
      result += SPOChain.advantages(
        probabilities: Array(probabilities[batch.rows.range(row)]), boundaries: boundaries[row],
        values: places[row].map { values[$0] }, score: batch.samples[row].reward,
        threshold: threshold)
    }
    record.values[StepMetric.segments] =
      Double(boundaries.reduce(0) { $0 + $1.count }) / Double(max(batch.rows.count, 1))
    record.values[StepMetric.valuedStates] = Double(states.count)
    return AdvantageEstimator(config).whitened(
      result,
      over: TokenSelection.probabilityMask(oldLogProbs: batch.oldLogProbs, threshold: threshold))
  }

  private func boundaries(_ probabilities: [Double]) -> [Int] {
    switch config.spoSegmentation ?? .cutPoints {
    case .cutPoints:
      SPOChain.cutPoints(
        probabilities: probabilities, threshold: config.maskThreshold,
        interval: config.spoInterval ?? 1)
    case .fixedLength:
      SPOChain.fixedLength(
        responseLength: probabilities.count, tokens: config.spoSegmentTokens ?? 1)
    }
  }

  /// Mean reward of continuations from each state; states of one depth are continued together.
  private func values(
    of states: StateTable, problems: [Problem], step: Int
  ) throws -> [Double] {
    var values = [Double](repeating: 0, count: states.count)
    let count = config.spoSamples ?? 1
    for (depth, places) in states.byDepth {
      // A depth has numbers of its own, so that none depends on what happens at others.
      let stream = sampler.stream(.continuations, part: UInt32(depth))
      let members = places.map { states.states[$0] }
      let continuations = try sampler.generate(
        members.map { $0.prompt + $0.prefix }, count: count,
        maxTokens: sampler.maxResponseTokens - depth, stream: stream, step: step)
      let whole = continuations.map { continuation in
        var answer = continuation
        answer.tokens = members[continuation.prompt].prefix + continuation.tokens
        return answer
      }
      let asked = members.map { problems[$0.group] }
      let scores = whole.map { sampler.family.verify($0.tokens, to: asked[$0.prompt]) }
      let rewards = sampler.rewards(
        of: whole, verdicts: try sampler.verdicts(on: whole, scores: scores, asked))
      for (answer, reward) in zip(whole, rewards) {
        values[places[answer.prompt]] += reward / Double(count)
      }
    }
    return values
  }
}

/// The states whose values are wanted, each once.
private struct StateTable {
  struct State: Hashable {
    var group: Int
    var prompt: [Int32]
    var prefix: [Int32]
  }

  private(set) var states: [State] = []
  private var known: [State: Int] = [:]

  var count: Int { states.count }

  /// The place of a sample's state just behind a token; -1 is the bare prompt.
  mutating func place(of sample: PolicyBatch.Sample, through token: Int) -> Int {
    let state = State(
      group: sample.group, prompt: sample.prompt,
      prefix: Array(sample.response.tokens[..<(token + 1)]))
    if let place = known[state] { return place }
    known[state] = states.count
    states.append(state)
    return states.count - 1
  }

  /// Places of states by tokens of the answer they hold, few first.
  var byDepth: [(depth: Int, places: [Int])] {
    var places: [Int: [Int]] = [:]
    for (place, state) in states.enumerated() {
      places[state.prefix.count, default: []].append(place)
    }
    return places.sorted { $0.key < $1.key }.map { (depth: $0.key, places: $0.value) }
  }
}
