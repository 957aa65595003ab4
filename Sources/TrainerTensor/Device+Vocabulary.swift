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

  /// Scores tokens as `scoreTokens` does, by the same source in double, so that its formulas can be compared exactly.
  ///
  /// `logits` holds a row of `vocabulary` for each target.
  public func scoreTokens(
    _ logits: [Double], vocabulary: Int, targets: [Int32], inverseTemperature: Double
  ) -> (logProbs: [Double], entropies: [Double]) {
    checkScores(logits, vocabulary, targets)
    var logProbs = [Double](repeating: 0, count: targets.count)
    var entropies = logProbs
    done(
      kernels.pointee.token_scores_forward_double(
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
    done(
      kernels.pointee.token_scores_backward_double(
        &gradient, Int64(vocabulary), targets, dLogProbs, dEntropies, inverseTemperature,
        Int64(targets.count), Int64(vocabulary)))
    return gradient
  }

  private func checkScores(_ logits: [Double], _ vocabulary: Int, _ targets: [Int32]) {
    precondition(
      vocabulary > 0 && logits.count == vocabulary * targets.count
        && targets.allSatisfy { $0 >= 0 && $0 < vocabulary },
      "\(logits.count) logits for \(targets.count) targets of \(vocabulary) tokens")
  }
}
