package import TrainerProtocol

/// Takes optimiser steps on a batch: forward, objective, backward, in micro-batches with the mini-batch's denominators.
///
/// The batch is passed over once an epoch; each pass visits the same mini-batches in the same order.
package final class PolicyUpdater {
  /// Rows whose entropy is compared before and after a step's updates.
  package static let comparedRows = 32

  private let config: TrainConfig
  private let state: TrainableState
  private let objective: PolicyObjective
  private let pass: TrainingPass
  private let selection: RandomStream
  private let longestResponse: Int
  private let shouldStop: () -> Bool
  private let didStep: () -> Void

  /// Makes an updater of the policy in `state`.
  ///
  /// `longestResponse` is the constant that `seq_mean_token_sum_norm` divides by. `didStep` is called after each
  /// optimiser step that changed the policy, for a reference that follows it.
  package init(
    _ config: TrainConfig, state: TrainableState, contextLength: Int, longestResponse: Int,
    seed: UInt64, shouldStop: @escaping () -> Bool, didStep: @escaping () -> Void = {}
  ) {
    self.config = config
    self.state = state
    self.longestResponse = longestResponse
    self.shouldStop = shouldStop
    self.didStep = didStep
    objective = PolicyObjective(config)
    pass = TrainingPass(
      model: state.model,
      tokenCapacity: PolicyBatch.tokenCapacity(config, contextLength: contextLength))
    selection = RandomStream(seed: seed, stream: .selection)
  }

  /// Floating-point operations since it was last set to 0.
  package var floatingPointOperations: Double {
    get { pass.floatingPointOperations }
    set { pass.floatingPointOperations = newValue }
  }

  /// Does all updates of a step; `reference` holds the reference policy's log-probabilities, where they are needed.
  ///
  /// - Throws: `StopRequested` between micro-batches; the caller restores the state.
  package func update(
    _ batch: PolicyBatch, reference: [Double], step: Int
  ) throws -> UpdateSummary {
    var summary = UpdateSummary()
    let miniBatches = batch.miniBatches(config.updatesPerRollout)
    for epoch in 0..<config.epochs {
      let pass = UInt64(step) * UInt64(config.epochs) + UInt64(epoch)
      for (index, rows) in miniBatches.enumerated() {
        let draw = pass * UInt64(config.updatesPerRollout) + UInt64(index)
        try update(batch, rows, reference, draw: draw, &summary)
      }
    }
    summary.change = try change(batch)
    let (first, second) = StepDiagnostics.theoremCovariances(batch)
    let distance = -config.learningRate * Double(summary.updates)
    summary.theoremChanges = (distance * first, distance * second)
    return summary
  }

  /// Scores a batch as the first pass over it will, micro-batch by micro-batch, so that first ratios are exactly 1.
  ///
  /// - Throws: `StopRequested` between micro-batches.
  package func scores(
    _ batch: PolicyBatch
  ) throws -> (logProbs: [Double], entropies: [Double]) {
    let pieces = batch.miniBatches(config.updatesPerRollout).flatMap {
      batch.microBatches($0, sequences: config.microBatchSize)
    }
    return try pass.scores(batch, pieces, temperature: config.temperature, shouldStop)
  }

  private func update(
    _ batch: PolicyBatch, _ rows: Range<Int>, _ reference: [Double], draw: UInt64,
    _ summary: inout UpdateSummary
  ) throws {
    let pieces = batch.microBatches(rows, sequences: config.microBatchSize)
    // A selection compares all tokens of the mini-batch: with several micro-batches forward passes come twice.
    let tokens = batch.rows.tokens(rows)
    let compared =
      objective.comparesTokens
      ? try scored(batch, tokens, pieces) : unscored(batch, tokens)
    let selected = objective.selection(
      compared, chooser: TokenSelection.randomChooser(selection, index: draw))
    let weights = objective.weights(
      TokenRows(lengths: rows.map { batch.rows.length($0) }), selected, longest: longestResponse)
    // Where a mask keeps nothing there is nothing to learn, and momentum alone shall not move the policy.
    guard weights.contains(where: { $0 != 0 }) else { return }
    summary.add(selected)
    state.model.zeroGradients()
    for piece in pieces {
      let isForwarded = objective.comparesTokens && pieces.count == 1
      if !isForwarded { try forward(batch, piece) }
      let place = batch.rows.tokens(piece)
      let local = place.lowerBound - tokens.lowerBound..<place.upperBound - tokens.lowerBound
      let input = input(batch, place, reference)
      let terms = objective.terms(input, selected?.slice(local))
      backward(terms, weights[local])
      summary.add(terms, input, weights[local])
    }
    try step(&summary)
  }

  private func step(_ summary: inout UpdateSummary) throws {
    let norm = try state.optimizer.step(
      learningRate: config.learningRate, maxGradNorm: config.maxGradNorm)
    summary.gradNorm += norm
    summary.updates += 1
    didStep()
  }

  private func forward(_ batch: PolicyBatch, _ rows: Range<Int>) throws {
    if shouldStop() { throw StopRequested() }
    pass.forward(batch.packed(rows), temperature: config.temperature)
  }

  /// Scores some rows again, after the updates.
  private func change(_ batch: PolicyBatch) throws -> EntropyChange {
    let count = min(Self.comparedRows, batch.rows.count)
    let rows = (0..<count).map { $0 * batch.rows.count / count }
    let tokens = rows.flatMap(batch.rows.range)
    var (logProbs, entropies): ([Double], [Double]) = ([], [])
    for start in stride(from: 0, to: count, by: config.microBatchSize) {
      if shouldStop() { throw StopRequested() }
      var packed = TokenBatch()
      for row in rows[start..<min(start + config.microBatchSize, count)] {
        let sample = batch.samples[row]
        packed.append(prompt: sample.prompt, response: sample.response.tokens)
      }
      pass.forward(packed, temperature: config.temperature)
      logProbs.append(contentsOf: pass.logProbs.lazy.map(Double.init))
      entropies.append(contentsOf: pass.entropies.lazy.map(Double.init))
    }
    return EntropyChange(
      logProbs: tokens.map { batch.oldLogProbs[$0] }, entropies: tokens.map { batch.entropies[$0] },
      newLogProbs: logProbs, newEntropies: entropies)
  }

  /// What is known of a mini-batch before any forward pass.
  private func unscored(_ batch: PolicyBatch, _ tokens: Range<Int>) -> ObjectiveInput {
    ObjectiveInput(
      advantages: Array(batch.advantages[tokens]), oldLogProbs: Array(batch.oldLogProbs[tokens]),
      logProbs: [])
  }

  /// What selections compare, from forward passes over all micro-batches.
  private func scored(
    _ batch: PolicyBatch, _ tokens: Range<Int>, _ pieces: [Range<Int>]
  ) throws -> ObjectiveInput {
    var input = unscored(batch, tokens)
    for piece in pieces {
      try forward(batch, piece)
      input.logProbs.append(contentsOf: pass.logProbs.lazy.map(Double.init))
      if objective.needsEntropies {
        input.entropies.append(contentsOf: pass.entropies.lazy.map(Double.init))
      }
    }
    return input
  }

  private func input(
    _ batch: PolicyBatch, _ tokens: Range<Int>, _ reference: [Double]
  ) -> ObjectiveInput {
    ObjectiveInput(
      advantages: Array(batch.advantages[tokens]), oldLogProbs: Array(batch.oldLogProbs[tokens]),
      logProbs: pass.logProbs.map(Double.init),
      entropies: objective.needsEntropies ? pass.entropies.map(Double.init) : [],
      referenceLogProbs: objective.needsReference ? Array(reference[tokens]) : [])
  }

  private func backward(_ terms: PolicyObjective.Terms, _ weights: ArraySlice<Double>) {
    let logProbs = terms.loss.gradient(weights).map(Float.init)
    logProbs.withUnsafeBufferPointer { logProbs in
      guard objective.needsEntropyGradient else {
        pass.backward(dLogProbs: logProbs, dEntropies: nil)
        return
      }
      weights.map { Float(terms.entropyGradient * $0) }.withUnsafeBufferPointer { entropies in
        pass.backward(dLogProbs: logProbs, dEntropies: entropies)
      }
    }
  }
}
