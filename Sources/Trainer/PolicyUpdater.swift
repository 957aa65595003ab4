package import TrainerProtocol

/// What the updates of one rollout did, over all its mini-batches.
package struct UpdateSummary: Sendable {
  /// Optimiser steps taken.
  package var updates = 0
  /// Optimiser steps left out because the gradient was not finite.
  package var skipped = 0
  package var tokens = 0
  package var loss = 0.0
  package var gradNorm = 0.0
  package var stoppedLow = 0
  package var stoppedHigh = 0
  package var candidates = 0
  package var selected = 0
  package var ratioMax = -Double.infinity
  package var ratioMin = Double.infinity
  package var oldKL = 0.0
  package var referenceKL = 0.0

  /// Makes the summary of nothing.
  package init() {}
}

/// Takes optimiser steps on a batch: forward, objective, backward, in micro-batches with the mini-batch's denominators.
package final class PolicyUpdater {
  private let config: TrainConfig
  private let state: TrainableState
  private let objective: PolicyObjective
  private let pass: TrainingPass
  private let selection: RandomStream
  private let shouldStop: () -> Bool

  /// Makes an updater of the policy in `state`.
  package init(
    _ config: TrainConfig, state: TrainableState, contextLength: Int, seed: UInt64,
    shouldStop: @escaping () -> Bool
  ) {
    self.config = config
    self.state = state
    self.shouldStop = shouldStop
    objective = PolicyObjective(config)
    let sequences = min(config.microBatchSize, config.promptsPerStep * config.samplesPerPrompt)
    pass = TrainingPass(model: state.model, tokenCapacity: sequences * contextLength)
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
    for (index, rows) in batch.miniBatches(config.updatesPerRollout).enumerated() {
      let draw = UInt64(step) * UInt64(config.updatesPerRollout) + UInt64(index)
      try update(batch, rows, reference, draw: draw, &summary)
    }
    return summary
  }

  private func update(
    _ batch: PolicyBatch, _ rows: Range<Int>, _ reference: [Double], draw: UInt64,
    _ summary: inout UpdateSummary
  ) throws {
    let tokens = batch.rows.tokens(rows)
    let weights = config.lossAggregation.weights(
      TokenRows(lengths: rows.map { batch.rows.length($0) }))
    let pieces = stride(from: rows.lowerBound, to: rows.upperBound, by: config.microBatchSize).map {
      $0..<min($0 + config.microBatchSize, rows.upperBound)
    }
    var selected: TokenSelection?
    if objective.selectsTokens && pieces.count > 1 {
      // The selection compares all tokens of the mini-batch, so that forward passes come twice.
      selected = select(try logProbs(batch, pieces), batch, tokens, draw, &summary)
    }
    state.model.zeroGradients()
    for piece in pieces {
      if shouldStop() { throw StopRequested() }
      pass.forward(batch.packed(piece), temperature: config.temperature)
      let input = input(batch, batch.rows.tokens(piece), reference)
      if objective.selectsTokens && pieces.count == 1 {
        selected = select(input.logProbs, batch, tokens, draw, &summary)
      }
      let place = batch.rows.tokens(piece)
      let local = place.lowerBound - tokens.lowerBound..<place.upperBound - tokens.lowerBound
      let terms = objective.terms(input, selected: selected?.isSelected[local])
      backward(terms, weights[local])
      summary.add(terms, input, weights[local])
    }
    let norm = state.optimizer.step(
      learningRate: config.learningRate, maxGradNorm: config.maxGradNorm)
    summary.gradNorm += norm
    summary.updates += norm.isFinite ? 1 : 0
    summary.skipped += norm.isFinite ? 0 : 1
  }

  /// Log-probabilities of all tokens of a mini-batch under the current policy.
  private func logProbs(_ batch: PolicyBatch, _ pieces: [Range<Int>]) throws -> [Double] {
    var result: [Double] = []
    for piece in pieces {
      if shouldStop() { throw StopRequested() }
      pass.forward(batch.packed(piece), temperature: config.temperature)
      result.append(contentsOf: pass.logProbs.map(Double.init))
    }
    return result
  }

  private func select(
    _ logProbs: [Double], _ batch: PolicyBatch, _ tokens: Range<Int>, _ draw: UInt64,
    _ summary: inout UpdateSummary
  ) -> TokenSelection? {
    let input = ObjectiveInput(
      advantages: Array(batch.advantages[tokens]), oldLogProbs: Array(batch.oldLogProbs[tokens]),
      logProbs: logProbs)
    let selected = objective.selection(
      input, chooser: TokenSelection.randomChooser(selection, index: draw))
    summary.candidates += selected?.candidateCount ?? 0
    summary.selected += selected?.isSelected.count { $0 } ?? 0
    return selected
  }

  private func input(
    _ batch: PolicyBatch, _ tokens: Range<Int>, _ reference: [Double]
  ) -> ObjectiveInput {
    ObjectiveInput(
      advantages: Array(batch.advantages[tokens]), oldLogProbs: Array(batch.oldLogProbs[tokens]),
      logProbs: pass.logProbs.map(Double.init),
      entropies: objective.needsEntropyGradient ? pass.entropies.map(Double.init) : [],
      referenceLogProbs: objective.needsReference ? Array(reference[tokens]) : [])
  }

  private func backward(_ terms: PolicyObjective.Terms, _ weights: ArraySlice<Double>) {
    let logProbs = zip(terms.loss.gradient, weights).map { Float($0 * $1) }
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

extension UpdateSummary {
  /// Adds one micro-batch.
  mutating func add(
    _ terms: PolicyObjective.Terms, _ input: ObjectiveInput, _ weights: ArraySlice<Double>
  ) {
    loss += terms.loss.total(weights)
    tokens += input.logProbs.count
    stoppedLow += terms.stoppedLow
    stoppedHigh += terms.stoppedHigh
    referenceKL += terms.referenceKL
    for (new, old) in zip(input.logProbs, input.oldLogProbs) {
      let ratio = LogRatio.exponential(new - old)
      ratioMax = max(ratioMax, ratio)
      ratioMin = min(ratioMin, ratio)
      oldKL += ratio - 1 - (new - old)
    }
  }

  /// The values a step records of its updates.
  func values(for method: EntropyControlConfig.Method) -> [String: Double] {
    guard tokens > 0 else { return [StepMetric.updates: 0] }
    let count = Double(tokens)
    let tries = Double(updates + skipped)
    var values = [
      StepMetric.updates: Double(updates), StepMetric.loss: loss / tries,
      StepMetric.gradNorm: gradNorm / tries, StepMetric.ratioMax: ratioMax,
      StepMetric.ratioMin: ratioMin, StepMetric.klOld: oldKL / count,
    ]
    if method != .klCov {
      values[StepMetric.clipFractionLow] = Double(stoppedLow) / count
      values[StepMetric.clipFractionHigh] = Double(stoppedHigh) / count
    }
    if method == .klReference { values[StepMetric.klReference] = referenceKL / count }
    if method == .clipCov || method == .klCov {
      values[StepMetric.candidateFraction] = Double(candidates) / count
      values[StepMetric.selectedFraction] = Double(selected) / count
    }
    return values
  }
}
