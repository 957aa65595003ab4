/// What a model computes from the final state of a token.
package enum ModelOutput: Sendable, Hashable {
  /// Logits over the vocabulary: a policy.
  case tokens
  /// One number, a linear function of the state: a critic.
  case value
}
