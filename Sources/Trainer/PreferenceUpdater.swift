package import TrainerProtocol

/// Takes optimiser steps on preference pairs: an answer that is right against one that is wrong, of one prompt.
///
/// The reference is the policy that sampled, whose log-probabilities are the rollout's; algorithms.md section 5.
package final class PreferenceUpdater {
  private let config: TrainConfig
  private let state: TrainableState
  private let pass: TrainingPass
  /// Over the policy that samples, where that is another.
  private var samplingPass: TrainingPass?
  private let objective: PolicyObjective
  private let shouldStop: () -> Bool
  private let didStep: () -> Void

  /// Makes an updater of the policy in `state`; `didStep` is called after each optimiser step, for a reference that
  /// follows the policy.
  package init(
    _ config: TrainConfig, state: TrainableState, contextLength: Int,
    shouldStop: @escaping () -> Bool, didStep: @escaping () -> Void = {}
  ) {
    self.config = config
    self.didStep = didStep
    self.state = state
    self.shouldStop = shouldStop
    objective = PolicyObjective(config)
    pass = TrainingPass(
      model: state.model,
      tokenCapacity: PolicyBatch.tokenCapacity(config, contextLength: contextLength))
  }

  /// Floating-point operations since it was last set to 0.
  package var floatingPointOperations: Double {
    get { pass.floatingPointOperations + (samplingPass?.floatingPointOperations ?? 0) }
    set {
      pass.floatingPointOperations = newValue
      samplingPass?.floatingPointOperations = 0
    }
  }

  /// Does all updates of a step on a batch whose rows alternate between right and wrong answers.
  ///
  /// `pairReference` holds the log-probabilities that the pairs' loss compares with, `controlReference` those of an
  /// entropy control, where it needs them.
  /// - Throws: `StopRequested` between micro-batches; the caller restores the state.
  package func update(
    _ batch: PolicyBatch, pairReference: [Double], controlReference: [Double]
  ) throws -> PreferenceSummary {
    var summary = PreferenceSummary()
    let references = References(pairs: pairReference, control: controlReference)
    for _ in 0..<config.epochs {
      for rows in batch.miniBatches(config.updatesPerRollout) {
        try update(batch, rows, references, &summary)
      }
    }
    return summary
  }

  /// Scores a batch under the policy that sampled it, which is this one unless `sampling` is another model, micro-batch by
  /// micro-batch as the first pass over it will.
  ///
  /// - Throws: `StopRequested` between micro-batches.
  package func scores(
    _ batch: PolicyBatch, sampling: PolicyModel
  ) throws -> (logProbs: [Double], entropies: [Double]) {
    let pieces = batch.miniBatches(config.updatesPerRollout).flatMap { self.pieces(batch, $0) }
    if sampling !== state.model && samplingPass == nil {
      samplingPass = TrainingPass(model: sampling, tokenCapacity: pass.tokenCapacity)
    }
    return try (samplingPass ?? pass).scores(
      batch, pieces, temperature: config.temperature, shouldStop)
  }

  /// Both answers of a pair are needed at once.
  private func pieces(_ batch: PolicyBatch, _ rows: Range<Int>) -> [Range<Int>] {
    batch.microBatches(rows, sequences: max(2, config.microBatchSize), step: 2)
  }

  private func update(
    _ batch: PolicyBatch, _ rows: Range<Int>, _ references: References,
    _ summary: inout PreferenceSummary
  ) throws {
    let whole = Whole(pairs: rows.count / 2, tokens: batch.rows.tokens(rows).count)
    state.model.zeroGradients()
    for piece in pieces(batch, rows) {
      if shouldStop() { throw StopRequested() }
      pass.forward(batch.packed(piece), temperature: config.temperature)
      backward(batch, piece, references, whole, &summary)
    }
    let norm = try state.optimizer.step(
      learningRate: config.learningRate, maxGradNorm: config.maxGradNorm)
    summary.add(gradNorm: norm)
    didStep()
  }

  /// Log-probabilities of the batch's tokens to compare with.
  private struct References {
    var pairs: [Double]
    var control: [Double]
  }

  /// What a mini-batch's means divide by.
  private struct Whole {
    var pairs: Int
    var tokens: Int
  }

  private func backward(
    _ batch: PolicyBatch, _ piece: Range<Int>, _ references: References, _ whole: Whole,
    _ summary: inout PreferenceSummary
  ) {
    let tokens = batch.rows.tokens(piece)
    let logProbs = pass.logProbs.map(Double.init)
    let local = TokenRows(lengths: piece.map { batch.rows.length($0) })
    let pairs = PreferencePairs(
      alternating: local.rowSums(logProbs),
      reference: local.rowSums(Array(references.pairs[tokens])))
    let beta = config.dpoBeta ?? 0
    let loss = (config.dpoLoss ?? .sigmoid).losses(
      pairs, beta: beta, labelSmoothing: config.dpoLabelSmoothing ?? 0, count: whole.pairs)
    summary.add(loss.values, pairs.implicitRewards(beta: beta))
    summary.add(logProbs: logProbs, old: batch.oldLogProbs[tokens])
    var gradient = local.broadcast(loss.gradient.flatMap { [$0, -$0] })
    // Whatever else the objective has, a KL to the reference or an entropy bonus, is a mean over the tokens.
    let terms = objective.regulariser(
      ObjectiveInput(
        advantages: [], oldLogProbs: [], logProbs: logProbs,
        entropies: objective.needsEntropies ? pass.entropies.map(Double.init) : [],
        referenceLogProbs: references.control.isEmpty ? [] : Array(references.control[tokens])))
    let weight = 1 / Double(whole.tokens)
    for token in gradient.indices { gradient[token] += terms.loss.gradient[token] * weight }
    gradient.map { Float($0) }.withUnsafeBufferPointer { gradient in
      guard objective.needsEntropyGradient else {
        pass.backward(dLogProbs: gradient, dEntropies: nil)
        return
      }
      Array(repeating: Float(terms.entropyGradient * weight), count: gradient.count)
        .withUnsafeBufferPointer { pass.backward(dLogProbs: gradient, dEntropies: $0) }
    }
  }
}

/// What the updates on one step's pairs did.
package struct PreferenceSummary: Sendable {
  private var updates = 0
  private var gradNorm = 0.0
  private var pairs = 0
  private var loss = 0.0
  private var rightGain = 0.0
  private var wrongGain = 0.0
  private var ordered = 0
  private var tokens = 0
  private var oldKL = 0.0

  mutating func add(_ losses: [Double], _ rewards: (chosen: [Double], rejected: [Double])) {
    pairs += losses.count
    loss += losses.reduce(0, +)
    rightGain += rewards.chosen.reduce(0, +)
    wrongGain += rewards.rejected.reduce(0, +)
    ordered += zip(rewards.chosen, rewards.rejected).count { $0 > $1 }
  }

  mutating func add(logProbs: [Double], old: ArraySlice<Double>) {
    tokens += logProbs.count
    for (new, old) in zip(logProbs, old) {
      oldKL += LogRatio.exponential(new - old) - 1 - (new - old)
    }
  }

  mutating func add(gradNorm norm: Double) {
    gradNorm += norm
    updates += 1
  }

  /// The values a step records of its updates.
  var values: [String: Double] {
    guard pairs > 0 else { return [StepMetric.updates: 0, StepMetric.pairs: 0] }
    let count = Double(pairs)
    return [
      StepMetric.updates: Double(updates), StepMetric.pairs: count, StepMetric.loss: loss / count,
      StepMetric.gradNorm: gradNorm / Double(updates),
      StepMetric.pairsOrdered: Double(ordered) / count,
      StepMetric.rightGain: rightGain / count, StepMetric.wrongGain: wrongGain / count,
      StepMetric.klOld: oldKL / Double(max(tokens, 1)),
    ]
  }
}

extension PreferencePairs {
  /// Makes pairs of sums over answers that alternate between better and worse.
  init(alternating sums: [Double], reference: [Double]) {
    func every(_ first: Int, of values: [Double]) -> [Double] {
      stride(from: first, to: values.count, by: 2).map { values[$0] }
    }
    self.init(
      chosen: every(0, of: sums), rejected: every(1, of: sums),
      referenceChosen: every(0, of: reference), referenceRejected: every(1, of: reference))
  }
}
