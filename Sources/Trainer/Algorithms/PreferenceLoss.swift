package import TrainerProtocol

/// Log-probabilities of pairs of answers, each summed over its tokens, under the policy and the reference.
package struct PreferencePairs: Sendable, Hashable {
  /// The better answers under the policy.
  package var chosen: [Double]
  /// The worse answers under the policy.
  package var rejected: [Double]
  /// The better answers under the reference.
  package var referenceChosen: [Double]
  /// The worse answers under the reference.
  package var referenceRejected: [Double]

  /// Makes pairs.
  ///
  /// - Precondition: all four have one length.
  package init(
    chosen: [Double], rejected: [Double], referenceChosen: [Double], referenceRejected: [Double]
  ) {
    precondition(
      Set([chosen.count, rejected.count, referenceChosen.count, referenceRejected.count]).count
        == 1,
      "pairs of different counts")
    self.chosen = chosen
    self.rejected = rejected
    self.referenceChosen = referenceChosen
    self.referenceRejected = referenceRejected
  }

  /// How much more each pair is told apart by the policy than by the reference: `(lp_w - lp_l) - (ref_w - ref_l)`.
  package var margins: [Double] {
    chosen.indices.map {
      (chosen[$0] - rejected[$0]) - (referenceChosen[$0] - referenceRejected[$0])
    }
  }

  /// Returns `beta * (lp - ref)` of the better and of the worse answers.
  package func implicitRewards(beta: Double) -> (chosen: [Double], rejected: [Double]) {
    (
      zip(chosen, referenceChosen).map { beta * ($0 - $1) },
      zip(rejected, referenceRejected).map { beta * ($0 - $1) }
    )
  }
}

extension TrainConfig.PreferenceLoss {
  /// Returns the loss of a margin x and its derivative; algorithms.md section 5.1.
  ///
  /// Sigmoid: `-(1 - e) ln s(beta x) - e ln s(-beta x)` with e the label smoothing; IPO: `(x - 1 / (2 beta))^2`;
  /// hinge: `max(0, 1 - beta x)`. Only sigmoid smooths.
  package func value(
    margin x: Double, beta: Double, labelSmoothing: Double = 0
  ) -> (value: Double, gradient: Double) {
    switch self {
    case .sigmoid:
      let logit = beta * x
      let value =
        (1 - labelSmoothing) * Logistic.logOnePlusExp(-logit)
        + labelSmoothing * Logistic.logOnePlusExp(logit)
      let slope =
        labelSmoothing * Logistic.sigmoid(logit)
        - (1 - labelSmoothing) * Logistic.sigmoid(-logit)
      return (value, beta * slope)
    case .ipo:
      let distance = x - 1 / (2 * beta)
      return (distance * distance, 2 * distance)
    case .hinge:
      let slack = 1 - beta * x
      return (max(0, slack), slack > 0 ? -beta : 0)
    }
  }

  /// Returns the loss of each pair, and the derivative of their mean with respect to each better answer's
  /// log-probability; that of the worse one is its negative.
  ///
  /// `count` is the mean's denominator, where the pairs are a part of a larger batch.
  package func losses(
    _ pairs: PreferencePairs, beta: Double, labelSmoothing: Double = 0, count: Int? = nil
  ) -> (values: [Double], gradient: [Double]) {
    let terms = pairs.margins.map {
      value(margin: $0, beta: beta, labelSmoothing: labelSmoothing)
    }
    let scale = 1 / Double(max(count ?? terms.count, 1))
    return (terms.map(\.value), terms.map { $0.gradient * scale })
  }
}
