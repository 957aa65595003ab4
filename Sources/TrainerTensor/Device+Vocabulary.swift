internal import TrainerKernels

extension Device {
  /// Log-probabilities of `targets` and entropies, in nats, under the softmax of each row.
  ///
  /// The softmax is over the first `vocabulary` columns of `logits`, times `inverseTemperature`.
  public func scoreTokens(
    _ logits: Matrix, vocabulary: Int, targets: UnsafePointer<Int32>, inverseTemperature: Float,
    logProbs: UnsafeMutablePointer<Float>, entropies: UnsafeMutablePointer<Float>
  ) {
    check(vocabulary > 0 && logits.columns >= vocabulary, logits)
    done(
      kernels.pointee.token_scores_forward(
        logProbs, entropies, logits.base, Int64(logits.columns), targets, inverseTemperature,
        Int64(logits.rows), Int64(vocabulary)))
  }

  /// The gradient of sum(dLogProbs * logProbs + dEntropies * entropies) into `dLogits`, which may be `logits` itself
  /// where activations are floats.
  public func scoreTokensBackward(
    _ logits: Matrix, vocabulary: Int, targets: UnsafePointer<Int32>, inverseTemperature: Float,
    dLogProbs: UnsafePointer<Float>, dEntropies: UnsafePointer<Float>?, into dLogits: Activations
  ) {
    check(vocabulary > 0 && logits.columns >= vocabulary && same(logits, dLogits), dLogits)
    done(
      kernels.pointee.token_scores_backward(
        dLogits.base, logits.base, Int64(logits.columns), targets, dLogProbs, dEntropies,
        inverseTemperature,
        Int64(logits.rows), Int64(vocabulary)))
  }

  /// What a critic says of states: the first column of its outputs, plus a bias of one number.
  public func stateValues(
    _ outputs: Matrix, bias: Matrix, into values: UnsafeMutablePointer<Float>
  ) {
    check(outputs.columns > 0 && bias.rows * bias.columns == 1, outputs, bias)
    done(
      kernels.pointee.state_values_forward(
        values, outputs.base, Int64(outputs.columns), bias.base, Int64(outputs.rows)))
  }

  /// The gradient of `stateValues` with respect to the outputs into `dOutputs`; adds the bias's to `dBias`.
  public func stateValuesBackward(
    _ dValues: UnsafePointer<Float>, dBias: Matrix, into dOutputs: Activations
  ) {
    check(dOutputs.columns > 0 && dBias.rows * dBias.columns == 1, dOutputs)
    done(
      kernels.pointee.state_values_backward(
        dOutputs.base, dBias.base, dValues, Int64(dOutputs.columns), Int64(dOutputs.rows)))
  }

  /// Copies logits with those outside the nucleus of softmax(logits * inverseTemperature) excluded
  /// (arXiv:1904.09751, section 3.1).
  ///
  /// The likeliest token always stays; equal ones are taken in order of their index. `scratch` has room for 4 floats per
  /// token of the vocabulary.
  public func restrictToNucleus(
    _ logits: Matrix, vocabulary: Int, inverseTemperature: Float, share: Double, into out: Matrix,
    scratch: UnsafeMutablePointer<Float>
  ) {
    check(vocabulary > 0 && logits.columns >= vocabulary && same(logits, out), logits, out)
    done(
      kernels.pointee.nucleus_restrict(
        out.base, logits.base, Int64(logits.columns), inverseTemperature, share,
        Int64(logits.rows), Int64(vocabulary), scratch))
  }

  /// Draws a token per row from its softmax: the first whose cumulative weight exceeds `uniforms` times the sum.
  ///
  /// `scratch` has room for `logits.columns` floats.
  public func sampleTokens(
    _ logits: Matrix, vocabulary: Int, uniforms: UnsafePointer<Double>,
    inverseTemperature: Float, into tokens: UnsafeMutablePointer<Int32>,
    scratch: UnsafeMutablePointer<Float>
  ) {
    check(vocabulary > 0 && logits.columns >= vocabulary, logits)
    done(
      kernels.pointee.tokens_sample(
        tokens, logits.base, Int64(logits.columns), uniforms, inverseTemperature,
        Int64(logits.rows), Int64(vocabulary), scratch))
  }

  /// Finds the first largest logit of each row.
  public func likeliestTokens(
    _ logits: Matrix, vocabulary: Int, into tokens: UnsafeMutablePointer<Int32>
  ) {
    check(vocabulary > 0 && logits.columns >= vocabulary, logits)
    done(
      kernels.pointee.tokens_argmax(
        tokens, logits.base, Int64(logits.columns), Int64(logits.rows), Int64(vocabulary)))
  }

  /// Scores tokens as `scoreTokens` does, by the same source in double, so that its formulas can be compared exactly.
  ///
  /// - Precondition: the device works on ordinary memory, here and below.
  ///
  /// `logits` holds a row of `vocabulary` for each target.
  public func scoreTokens(
    _ logits: [Double], vocabulary: Int, targets: [Int32], inverseTemperature: Double
  ) -> (logProbs: [Double], entropies: [Double]) {
    checkScores(logits, vocabulary, targets)
    var logProbs = [Double](repeating: 0, count: targets.count)
    var entropies = logProbs
    guard let score = kernels.pointee.token_scores_forward_double else { onlyOnHosts() }
    done(
      score(
        &logProbs, &entropies, logits, Int64(vocabulary), targets, inverseTemperature,
        Int64(targets.count), Int64(vocabulary)))
    return (logProbs, entropies)
  }

  /// Returns the gradient of sum(dLogProbs * logProbs + dEntropies * entropies) with respect to the logits, in double.
  public func scoreTokensGradient(
    _ logits: [Double], vocabulary: Int, targets: [Int32], inverseTemperature: Double,
    dLogProbs: [Double], dEntropies: [Double]
  ) -> [Double] {
    checkScores(logits, vocabulary, targets)
    precondition(
      dLogProbs.count == targets.count && dEntropies.count == targets.count,
      "gradients of other tokens")
    var gradient = logits
    guard let score = kernels.pointee.token_scores_backward_double else { onlyOnHosts() }
    done(
      score(
        &gradient, Int64(vocabulary), targets, dLogProbs, dEntropies, inverseTemperature,
        Int64(targets.count), Int64(vocabulary)))
    return gradient
  }

  private func onlyOnHosts() -> Never {
    preconditionFailure("\(kernelSet) has no double-precision scores")
  }

  private func checkScores(_ logits: [Double], _ vocabulary: Int, _ targets: [Int32]) {
    precondition(
      vocabulary > 0 && logits.count == vocabulary * targets.count
        && targets.allSatisfy { $0 >= 0 && $0 < vocabulary },
      "\(logits.count) logits for \(targets.count) targets of \(vocabulary) tokens")
  }
}
