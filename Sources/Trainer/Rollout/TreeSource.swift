internal import TrainerProtocol

/// SPO-tree's experience: a tree of segments over each prompt, credited edge by edge; algorithms.md section 2.9.
///
/// Segments that a step has no room for are kept for some steps, with the log-probabilities they were sampled at.
package final class TreeSource: ExperienceSource {
  package let companions: [NamedModel] = []
  package var floatingPointOperations = 0.0

  package var rescore: (inout PolicyBatch, inout StepRecord) throws -> Void = { _, _ in }

  private let sampler: RolloutSampler
  private let config: TrainConfig
  private weak var state: TrainableState?

  /// Makes a source of trees out of what a sampler draws.
  package init(_ sampler: RolloutSampler) {
    self.sampler = sampler
    config = sampler.config
  }

  package func attach(_ state: TrainableState) { self.state = state }

  package func collect(step: Int, into record: inout StepRecord) throws -> PolicyBatch {
    let problems = try sampler.problems(step: step)
    var trees = try grow(problems, step: step)
    try score(&trees, problems)
    let leaves = trees.flatMap(\.leaves)
    record.merge(RolloutFigures.values(leaves))
    record.values[StepMetric.tokens] = Double(sampler.takeTokenCount())
    let fresh = trees.flatMap { segments(of: $0, step: step) }
    record.values[StepMetric.groupsKept] =
      Double(Set(fresh.map(\.sample.group)).count) / Double(config.promptsPerStep)
    record.values[StepMetric.segments] = Double(fresh.count) / Double(max(leaves.count, 1))
    let chosen = choose(from: fresh, step: step)
    record.values[StepMetric.replayed] =
      Double(chosen.count { $0.step < step }) / Double(max(chosen.count, 1))
    return try batch(chosen, step: step, into: &record)
  }

  package func learn(from batch: PolicyBatch, step: Int, into record: inout StepRecord) throws {}

  // MARK: Sampling

  /// Grows all trees level by level; a segment that ended by itself is a leaf at once.
  private func grow(_ problems: [Problem], step: Int) throws -> [SampledTree] {
    var trees = problems.enumerated().map {
      SampledTree(
        prompt: $0.element.prompt, group: step * config.promptsPerStep + $0.offset)
    }
    let structure = config.spoTreeStructure ?? []
    let longest = sampler.maxResponseTokens
    var open = trees.indices.map { (tree: $0, node: 0) }
    var depth = 0
    for (level, width) in structure.enumerated() where !open.isEmpty && depth < longest {
      let isLast = level + 1 == structure.count
      let tokens = isLast ? longest - depth : min(config.spoSegmentTokens ?? 1, longest - depth)
      let responses = try sampler.generate(
        open.map { trees[$0.tree].context(of: $0.node) }, count: width, maxTokens: tokens,
        stream: sampler.stream(.sampling, part: UInt32(level)), step: step)
      depth += tokens
      let parents = open
      open = []
      for response in responses {
        let place = parents[response.prompt]
        let child = trees[place.tree].add(response, childOf: place.node)
        if !response.endedByEOS { open.append((tree: place.tree, node: child)) }
      }
    }
    return trees
  }

  private func score(_ trees: inout [SampledTree], _ problems: [Problem]) throws {
    for index in trees.indices {
      let places = trees[index].leafNodes
      let answers = places.map { trees[index].answer(of: $0, prompt: index) }
      let scores = answers.map { sampler.family.verify($0.tokens, to: problems[index]) }
      let verdicts = try sampler.verdicts(on: answers, scores: scores, problems)
      let rewards = sampler.rewards(of: answers, verdicts: verdicts)
      for (order, node) in places.enumerated() {
        trees[index].finish(
          node, answer: answers[order], verdict: verdicts[order], reward: rewards[order],
          score: scores[order])
      }
    }
  }

  /// The segments of a tree that tell something.
  private func segments(of tree: SampledTree, step: Int) -> [ReplayBuffer.Segment] {
    let values = tree.tree.values(rewards: tree.rewards)
    let advantages = tree.tree.advantages(values: values, scaled: config.scaleByStd ?? false)
    return advantages.indices.filter { SPOTree.isTrainedOn(advantages[$0]) }.map { edge in
      let node = edge + 1
      return ReplayBuffer.Segment(
        step: step,
        sample: PolicyBatch.Sample(
          prompt: tree.context(of: tree.tree.parents[node]), response: tree.segment(node),
          verdict: 0, reward: Double(Float(values[node])), score: 0, group: tree.group),
        advantage: Float(advantages[edge]))
    }
  }

  // MARK: Replay

  /// Takes up to so many segments of each prompt, and as many in all as that allows for the step's own prompts; keeps the
  /// rest for later steps.
  private func choose(from fresh: [ReplayBuffer.Segment], step: Int) -> [ReplayBuffer.Segment] {
    var buffer = ReplayBuffer(state?.lists[ReplayBuffer.name] ?? [])
    // A segment is used at the step that sampled it and until it is so many steps old.
    buffer.dropSegments(before: step - max((config.spoReplaySteps ?? 0) - 1, 0))
    buffer.append(fresh)
    let perPrompt = config.spoSegmentsPerPrompt ?? 1
    let chosen = buffer.take(
      perPrompt, total: perPrompt * config.promptsPerStep, stream: sampler.stream(.replay),
      step: step)
    if config.spoReplaySteps == 0 { buffer = ReplayBuffer([]) }
    state?.lists[ReplayBuffer.name] = buffer.numbers
    return chosen
  }

  private func batch(
    _ segments: [ReplayBuffer.Segment], step: Int, into record: inout StepRecord
  ) throws -> PolicyBatch {
    var batch = PolicyBatch(
      segments.map { segment in
        var sample = segment.sample
        sample.isFresh = segment.step == step
        return sample
      })
    try rescore(&batch, &record)
    let advantages = batch.rows.broadcast(segments.map { Double($0.advantage) })
    let mask = TokenSelection.probabilityMask(
      oldLogProbs: batch.oldLogProbs, threshold: config.maskThreshold)
    batch.advantages = AdvantageEstimator(config).whitened(advantages, over: mask)
    return batch
  }
}
