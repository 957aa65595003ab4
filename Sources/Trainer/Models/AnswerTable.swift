/// Answers as they grow: room for `maxNewTokens` tokens each, answer after answer.
struct AnswerTable {
  private let samples: Int
  private let maxNewTokens: Int
  private let eos: Int32
  private var lengths: [Int]
  private var tokens: [Int32]
  private var logProbs: [Float]
  private var entropies: [Float]

  init(prompts: Int, samples: Int, maxNewTokens: Int, eos: Int32) {
    let count = prompts * samples
    self.samples = samples
    self.maxNewTokens = maxNewTokens
    self.eos = eos
    lengths = Array(repeating: 0, count: count)
    tokens = Array(repeating: 0, count: count * maxNewTokens)
    logProbs = Array(repeating: 0, count: count * maxNewTokens)
    entropies = Array(repeating: 0, count: count * maxNewTokens)
  }

  /// Adds a token to an answer, and says whether the answer is complete with it.
  mutating func append(
    _ token: Int32, logProb: Float, entropy: Float, to answer: Int
  ) -> Bool {
    let place = answer * maxNewTokens + lengths[answer]
    tokens[place] = token
    logProbs[place] = logProb
    entropies[place] = entropy
    lengths[answer] += 1
    return token == eos || lengths[answer] == maxNewTokens
  }

  /// Tokens of an answer so far.
  func length(of answer: Int) -> Int { lengths[answer] }

  /// The answers by prompt, then by sample.
  var responses: [SampledResponse] {
    lengths.indices.map { answer in
      let range = answer * maxNewTokens..<answer * maxNewTokens + lengths[answer]
      return SampledResponse(
        prompt: answer / samples, sample: answer % samples, tokens: Array(tokens[range]),
        logProbs: Array(logProbs[range]), entropies: Array(entropies[range]),
        endedByEOS: tokens[range].last == eos)
    }
  }
}
