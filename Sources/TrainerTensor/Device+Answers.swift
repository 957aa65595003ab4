internal import TrainerKernels

/// Answers that grow by a token per decode step, in a device's memory: one entry per row unless said otherwise.
public struct GrowingAnswers {
  /// What each step of a round drew, and its log-probability and entropy: [round, rows].
  public var drawnTokens: UnsafeMutablePointer<Int32>
  /// Log-probabilities of `drawnTokens`.
  public var drawnLogProbs: UnsafeMutablePointer<Float>
  /// Entropies of the distributions they were drawn from.
  public var drawnEntropies: UnsafeMutablePointer<Float>
  /// What each step of a round draws by: [round, rows].
  public var uniformsAhead: UnsafePointer<Double>
  /// What the present step draws by.
  public var uniforms: UnsafeMutablePointer<Double>
  /// One number: the steps of the round recorded so far.
  public var step: UnsafeMutablePointer<Int32>
  /// Tokens of each answer so far.
  public var lengths: UnsafeMutablePointer<Int32>
  /// Position of each answer's last token.
  public var positions: UnsafeMutablePointer<Int32>
  /// Tokens of each answer whose keys and values are cached; -1 before the first token.
  public var suffixLengths: UnsafeMutablePointer<Int32>
  /// 1 where the answer is complete.
  public var complete: UnsafeMutablePointer<Int32>
  /// Answers.
  public var rows: Int
  /// Steps between two looks of the host.
  public var round: Int
  /// Tokens that an answer has at most.
  public var longest: Int
  /// The token that ends an answer.
  public var endToken: Int32

  /// Makes a view of the lists.
  public init(
    drawnTokens: UnsafeMutablePointer<Int32>, drawnLogProbs: UnsafeMutablePointer<Float>,
    drawnEntropies: UnsafeMutablePointer<Float>, uniformsAhead: UnsafePointer<Double>,
    uniforms: UnsafeMutablePointer<Double>, step: UnsafeMutablePointer<Int32>,
    lengths: UnsafeMutablePointer<Int32>, positions: UnsafeMutablePointer<Int32>,
    suffixLengths: UnsafeMutablePointer<Int32>, complete: UnsafeMutablePointer<Int32>, rows: Int,
    round: Int, longest: Int, endToken: Int32
  ) {
    self.drawnTokens = drawnTokens
    self.drawnLogProbs = drawnLogProbs
    self.drawnEntropies = drawnEntropies
    self.uniformsAhead = uniformsAhead
    self.uniforms = uniforms
    self.step = step
    self.lengths = lengths
    self.positions = positions
    self.suffixLengths = suffixLengths
    self.complete = complete
    self.rows = rows
    self.round = round
    self.longest = longest
    self.endToken = endToken
  }
}

extension Device {
  /// Records what a step drew; answers that are not complete grow by it, and are complete if it ends them.
  public func extend(
    _ answers: GrowingAnswers, tokens: UnsafePointer<Int32>, logProbs: UnsafePointer<Float>,
    entropies: UnsafePointer<Float>
  ) {
    let value = trn_answers(
      drawn_tokens: answers.drawnTokens, drawn_log_probs: answers.drawnLogProbs,
      drawn_entropies: answers.drawnEntropies, uniforms_ahead: answers.uniformsAhead,
      uniforms: answers.uniforms, step: answers.step, lengths: answers.lengths,
      positions: answers.positions, suffix_lengths: answers.suffixLengths,
      complete: answers.complete, rows: Int64(answers.rows), round: Int64(answers.round),
      longest: Int32(answers.longest), end_token: answers.endToken)
    done(kernels.pointee.answers_extend(value, tokens, logProbs, entropies))
  }
}
