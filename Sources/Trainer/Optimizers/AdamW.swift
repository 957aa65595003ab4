import Glibc
import TrainerTensor

/// AdamW with global gradient-norm clipping (Loshchilov and Hutter, arXiv:1711.05101; Kingma and Ba, arXiv:1412.6980).
///
/// As in PyTorch: p *= 1 - lr * decay, then p -= lr * (m / c1) / (sqrt(v / c2) + epsilon), and gradients are scaled by
/// min(1, maxGradNorm / (norm + 1e-6)) first.
package final class AdamW {
  /// First moments, parallel to the model's parameters, in the host's memory.
  package var firstMoments: UnsafeMutableBufferPointer<Float> { firstBuffer.onHost }
  /// Second moments, parallel to the model's parameters, in the host's memory.
  package var secondMoments: UnsafeMutableBufferPointer<Float> { secondBuffer.onHost }
  /// Steps taken, which the bias corrections depend on.
  package var stepCount = 0

  private let model: PolicyModel
  private let beta1: Double
  private let beta2: Double
  private let epsilon: Double
  private let weightDecay: Double
  let firstBuffer: SharedFloats
  let secondBuffer: SharedFloats

  /// Makes an optimiser of all parameters of a model; `weightDecay` applies to matrices only.
  package init(
    model: PolicyModel, beta1: Double, beta2: Double, epsilon: Double = 1e-8, weightDecay: Double
  ) {
    self.model = model
    self.beta1 = beta1
    self.beta2 = beta2
    self.epsilon = epsilon
    self.weightDecay = weightDecay
    firstBuffer = SharedFloats.required(count: model.parameterCount, on: model.device)
    secondBuffer = SharedFloats.required(count: model.parameterCount, on: model.device)
  }

  /// Takes one step along the model's gradients, and returns their global norm before clipping.
  ///
  /// - Throws: `NonFiniteGradient` with everything as it was, where the norm is not finite.
  package func step(
    learningRate: Double, maxGradNorm: Double
  ) throws(NonFiniteGradient) -> Double {
    let device = model.device
    let norm = device.sumOfSquares(model.deviceGradients).squareRoot()
    guard norm.isFinite else { throw NonFiniteGradient(model, norm: norm) }
    stepCount += 1
    let count = Double(stepCount)
    var settings = AdamWSettings(
      learningRate: Float(learningRate), beta1: Float(beta1), beta2: Float(beta2),
      epsilon: Float(epsilon), weightDecay: 0, biasCorrection1: Float(1 - pow(beta1, count)),
      biasCorrection2Root: Float((1 - pow(beta2, count)).squareRoot()),
      gradientScale: Float(min(1, maxGradNorm / (norm + 1e-6))))
    let parameters = model.deviceParameters
    let gradients = model.deviceGradients
    let (first, second) = (firstBuffer.onDevice, secondBuffer.onDevice)
    for tensor in model.tensors {
      settings.weightDecay = tensor.decays ? Float(weightDecay) : 0
      device.stepAdamW(
        parameters: .init(rebasing: parameters[tensor.range]),
        firstMoments: .init(rebasing: first[tensor.range]),
        secondMoments: .init(rebasing: second[tensor.range]),
        gradients: .init(rebasing: gradients[tensor.range]), settings: settings)
    }
    return norm
  }
}
