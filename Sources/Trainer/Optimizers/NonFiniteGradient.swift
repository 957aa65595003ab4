/// A gradient that no step can be taken along: it holds infinities or numbers that are none, or its squares overflow.
package struct NonFiniteGradient: Error, Sendable, Hashable, CustomStringConvertible {
  /// The first tensor, in the order of the forward pass, that is not finite; nil where only the norm is not.
  package var tensor: String?
  /// What the model computes, where it is not the policy.
  package var output: ModelOutput
  /// The norm that was found.
  package var norm: Double

  /// Looks for the tensor in a model's gradients.
  init(_ model: PolicyModel, norm: Double) {
    let gradients = model.gradients
    tensor =
      model.tensors.first { tensor in
        !gradients[tensor.range].allSatisfy(\.isFinite)
      }?.name
    output = model.output
    self.norm = norm
  }

  /// The problem in words.
  package var description: String {
    let owner = output == .value ? " of the critic" : ""
    return tensor.map { "the gradient of '\($0)'\(owner) is not finite" }
      ?? "the norm of the gradient\(owner) is not finite: \(norm)"
  }
}
