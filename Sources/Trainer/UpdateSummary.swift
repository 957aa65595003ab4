package import TrainerProtocol

/// What the updates of one rollout did, over all its mini-batches.
package struct UpdateSummary: Sendable {
  /// Optimiser steps taken.
  package var updates = 0
  package var tokens = 0
  package var loss = 0.0
  package var gradNorm = 0.0
  package var stoppedLow = 0
  package var stoppedHigh = 0
  package var stoppedDual = 0
  package var candidates = 0
  package var selected = 0
  package var kept = 0
  package var ratioMax = -Double.infinity
  package var ratioMin = Double.infinity
  package var oldKL = 0.0
  package var approximateKL = 0.0
  package var referenceKL = 0.0
  /// What the updates did to the entropy; nil before they are done.
  package var change: EntropyChange?
  /// The change that Theorems 1 and 2 predict for steps of plain and natural gradient.
  package var theoremChanges: (first: Double, second: Double)?

  /// Makes the summary of nothing.
  package init() {}

  /// Adds what was selected in a mini-batch.
  mutating func add(_ selection: TokenSelection?) {
    candidates += selection?.candidateCount ?? 0
    selected += selection?.isSelected.count { $0 } ?? 0
    kept += selection?.isKept?.count { $0 } ?? 0
  }

  /// Adds one micro-batch.
  mutating func add(
    _ terms: PolicyObjective.Terms, _ input: ObjectiveInput, _ weights: ArraySlice<Double>
  ) {
    loss += terms.loss.total(weights)
    tokens += input.logProbs.count
    stoppedLow += terms.stoppedLow
    stoppedHigh += terms.stoppedHigh
    stoppedDual += terms.stoppedDual
    referenceKL += terms.referenceKL
    for (new, old) in zip(input.logProbs, input.oldLogProbs) {
      let ratio = LogRatio.exponential(new - old)
      ratioMax = max(ratioMax, ratio)
      ratioMin = min(ratioMin, ratio)
      oldKL += ratio - 1 - (new - old)
      approximateKL += old - new
    }
  }

  /// The values a step records of its updates.
  package func values(for config: TrainConfig) -> [String: Double] {
    guard tokens > 0 else { return [StepMetric.updates: 0] }
    let count = Double(tokens)
    let steps = Double(updates)
    let method = config.entropyControl.method
    var values = [
      StepMetric.updates: Double(updates), StepMetric.loss: loss / steps,
      StepMetric.gradNorm: gradNorm / steps, StepMetric.ratioMax: ratioMax,
      StepMetric.ratioMin: ratioMin, StepMetric.klOld: oldKL / count,
      StepMetric.approximateKL: approximateKL / count,
    ]
    if method != .klCov {
      values[StepMetric.clipFractionLow] = Double(stoppedLow) / count
      values[StepMetric.clipFractionHigh] = Double(stoppedHigh) / count
    }
    if PolicyObjective(config).hasDualClip {
      values[StepMetric.clipFractionDual] = Double(stoppedDual) / count
    }
    if PolicyObjective(config).hasMask {
      values[StepMetric.keptFraction] = Double(kept) / count
    }
    if method == .klReference { values[StepMetric.klReference] = referenceKL / count }
    if method == .clipCov || method == .klCov {
      values[StepMetric.candidateFraction] = Double(candidates) / count
      values[StepMetric.selectedFraction] = Double(selected) / count
    }
    values[StepMetric.measuredChange] = change?.measured
    values[StepMetric.lemma1Change] = change?.predicted
    values[StepMetric.klUpdated] = change?.divergence
    values[StepMetric.theorem1Change] = theoremChanges?.first
    values[StepMetric.theorem2Change] = theoremChanges?.second
    return values
  }
}
