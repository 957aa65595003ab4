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

  /// Turns `logits` into the gradient of sum(dLogProbs * logProbs + dEntropies * entropies).
  public func scoreTokensBackward(
    _ logits: Matrix, vocabulary: Int, targets: UnsafePointer<Int32>, inverseTemperature: Float,
    dLogProbs: UnsafePointer<Float>, dEntropies: UnsafePointer<Float>?
  ) {
    check(vocabulary > 0 && logits.columns >= vocabulary, logits)
    done(
      kernels.pointee.token_scores_backward(
        logits.base, Int64(logits.columns), targets, dLogProbs, dEntropies, inverseTemperature,
        Int64(logits.rows), Int64(vocabulary)))
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
}
