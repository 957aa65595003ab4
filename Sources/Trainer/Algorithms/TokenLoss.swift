/// A loss per token and its derivative with respect to that token's log-probability; both before aggregation.
package struct TokenLoss: Sendable {
  /// The loss L of each token, minimised.
  package var values: [Double]
  /// dL / d(log-probability) of each token.
  package var gradient: [Double]

  /// Makes a loss of zero over so many tokens.
  package init(zeros count: Int) {
    values = Array(repeating: 0, count: count)
    gradient = values
  }

  /// Adds `factor` times another loss over the same tokens.
  package mutating func add(_ other: TokenLoss, times factor: Double) {
    for token in values.indices {
      values[token] += factor * other.values[token]
      gradient[token] += factor * other.gradient[token]
    }
  }

  /// Returns the aggregated loss for the weights of an aggregation.
  package func total(_ weights: some Collection<Double>) -> Double {
    precondition(weights.count == values.count, "\(weights.count) weights, \(values.count) tokens")
    return zip(values, weights).reduce(0) { $0 + $1.0 * $1.1 }
  }

  /// Returns the derivative of the aggregated loss with respect to each token's log-probability.
  package func gradient(_ weights: some Collection<Double>) -> [Double] {
    precondition(
      weights.count == gradient.count, "\(weights.count) weights, \(gradient.count) tokens")
    return zip(gradient, weights).map { $0 * $1 }
  }
}
