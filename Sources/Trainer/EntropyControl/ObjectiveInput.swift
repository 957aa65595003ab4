/// Flat arrays over the tokens of a mini-batch, or of a slice of it.
package struct ObjectiveInput: Sendable {
  /// Advantage of each token.
  package var advantages: [Double]
  /// Log-probabilities under the policy that sampled.
  package var oldLogProbs: [Double]
  /// Log-probabilities under the policy that is updated.
  package var logProbs: [Double]
  /// Entropies of the policy that is updated, at the training temperature; empty where no method asks for them.
  package var entropies: [Double]
  /// Log-probabilities under the reference policy; empty where no method asks for them.
  package var referenceLogProbs: [Double]

  /// Makes an input.
  package init(
    advantages: [Double], oldLogProbs: [Double], logProbs: [Double], entropies: [Double] = [],
    referenceLogProbs: [Double] = []
  ) {
    self.advantages = advantages
    self.oldLogProbs = oldLogProbs
    self.logProbs = logProbs
    self.entropies = entropies
    self.referenceLogProbs = referenceLogProbs
  }

  /// Returns the tokens that a mask keeps.
  func kept(by mask: [Bool]) -> ObjectiveInput {
    func kept(_ values: [Double]) -> [Double] {
      values.indices.lazy.filter { mask[$0] }.map { values[$0] }
    }
    return ObjectiveInput(
      advantages: kept(advantages), oldLogProbs: kept(oldLogProbs), logProbs: kept(logProbs),
      entropies: kept(entropies), referenceLogProbs: kept(referenceLogProbs))
  }
}
