internal import TrainerKernels

/// The hyperparameters of one AdamW step, with Kingma and Ba's bias corrections 1 - beta^t.
public struct AdamWSettings: Sendable, Hashable {
  /// The step size.
  public var learningRate: Float
  /// Decay of the first moment.
  public var beta1: Float
  /// Decay of the second moment.
  public var beta2: Float
  /// Added to the root of the second moment.
  public var epsilon: Float
  /// Decoupled weight decay.
  public var weightDecay: Float
  /// 1 - beta1^t.
  public var biasCorrection1: Float
  /// The square root of 1 - beta2^t.
  public var biasCorrection2Root: Float
  /// What gradients are multiplied by first.
  public var gradientScale: Float

  /// Makes the settings of one step.
  public init(
    learningRate: Float, beta1: Float, beta2: Float, epsilon: Float, weightDecay: Float,
    biasCorrection1: Float, biasCorrection2Root: Float, gradientScale: Float
  ) {
    self.learningRate = learningRate
    self.beta1 = beta1
    self.beta2 = beta2
    self.epsilon = epsilon
    self.weightDecay = weightDecay
    self.biasCorrection1 = biasCorrection1
    self.biasCorrection2Root = biasCorrection2Root
    self.gradientScale = gradientScale
  }
}

extension Device {
  /// The sum of squares in double precision, in an order that depends on the count alone.
  public func sumOfSquares(_ values: UnsafeMutableBufferPointer<Float>) -> Double {
    guard let base = values.baseAddress else { return 0 }
    let sum = kernels.pointee.sum_of_squares(base, Int64(values.count))
    // A device that failed answers with no number; one that did not says so.
    if sum.isNaN { synchronize() }
    return sum
  }

  /// target += rate * (source - target), element by element, over equally long lists.
  public func follow(
    _ target: UnsafeMutableBufferPointer<Float>, _ source: UnsafeMutableBufferPointer<Float>,
    rate: Float
  ) {
    precondition(target.count == source.count, "\(source.count) numbers for \(target.count)")
    guard let to = target.baseAddress, let from = source.baseAddress else { return }
    done(kernels.pointee.parameters_follow(to, from, rate, Int64(target.count)))
  }

  /// One AdamW step over equally long lists.
  public func stepAdamW(
    parameters: UnsafeMutableBufferPointer<Float>,
    firstMoments: UnsafeMutableBufferPointer<Float>,
    secondMoments: UnsafeMutableBufferPointer<Float>,
    gradients: UnsafeMutableBufferPointer<Float>, settings: AdamWSettings
  ) {
    let count = parameters.count
    precondition(
      firstMoments.count == count && secondMoments.count == count && gradients.count == count)
    guard let p = parameters.baseAddress, let m = firstMoments.baseAddress,
      let v = secondMoments.baseAddress, let g = gradients.baseAddress
    else { return }
    let values = trn_adamw(
      learning_rate: settings.learningRate, beta1: settings.beta1, beta2: settings.beta2,
      epsilon: settings.epsilon, weight_decay: settings.weightDecay,
      bias_correction1: settings.biasCorrection1,
      bias_correction2_sqrt: settings.biasCorrection2Root,
      gradient_scale: settings.gradientScale)
    done(kernels.pointee.adamw_step(p, m, v, g, Int64(count), values))
  }
}
