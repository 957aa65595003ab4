internal import ExpCore
internal import TrainerProtocol
internal import TrainerTensor

extension GoldenFunctions {
  /// Scores tokens with the kernels of every set that this processor has, in double; they must agree.
  static func tokenScores(_ golden: GoldenCase) throws -> [String: GoldenValue] {
    let scores = try TokenScores(golden, try golden.rows())
    let all = Device.supported.map { (device: $0, values: scores.values($0)) }
    guard let first = all.first else { throw GoldenError("this processor has no kernels") }
    for other in all.dropFirst() {
      for (key, value) in first.values {
        let numbers = other.values[key]?.numbers ?? []
        guard zip(value.numbers, numbers).allSatisfy({ ($0 - $1).magnitude < 1e-9 }) else {
          throw GoldenError("\(key): the kernels '\(first.device)' and '\(other.device)' differ")
        }
      }
    }
    return first.values
  }
}

/// Logits of the valid tokens, and what the kernels make of them.
private struct TokenScores {
  let tokens: GoldenRows
  let vocabulary: Int
  let logits: [Double]
  let labels: [Int32]
  let inverseTemperature: Double

  init(_ golden: GoldenCase, _ tokens: GoldenRows) throws {
    self.tokens = tokens
    let temperature = try golden.params.number("temperature")
    guard temperature > 0 else { throw GoldenError("a temperature of \(temperature)") }
    inverseTemperature = 1 / temperature
    let matrix = try golden.inputs.array("logits").map { $0.array ?? [] }
    guard matrix.count == tokens.rows.count, matrix.allSatisfy({ $0.count == tokens.columns })
    else { throw GoldenError("'inputs.logits' has not the shape of its mask") }
    let vocabulary = matrix.first?.first?.array?.count ?? 0
    guard vocabulary > 0 else { throw GoldenError("'inputs.logits' has no vocabulary") }
    self.vocabulary = vocabulary
    logits = try tokens.places.flatMap { place in
      let row = matrix[place.row][place.column].array ?? []
      guard row.count == vocabulary else {
        throw GoldenError("'inputs.logits' has rows of other lengths")
      }
      return try row.map { try GoldenObject.number($0, "inputs.logits") }
    }
    labels = try tokens.tokens(golden.inputs, "labels").map { label in
      guard let label = Int32(exactly: label), label >= 0, label < vocabulary else {
        throw GoldenError("'inputs.labels' has something else than a token")
      }
      return label
    }
  }

  func values(_ device: Device) -> [String: GoldenValue] {
    let scores = device.scoreTokens(
      logits, vocabulary: vocabulary, targets: labels, inverseTemperature: inverseTemperature)
    let zeros = [Double](repeating: 0, count: labels.count)
    var entropy = TokenLoss(zeros: labels.count)
    entropy.values = scores.entropies
    let mean = TrainConfig.LossAggregation.tokenMean.weights(tokens.rows)
    let rowMean = TrainConfig.LossAggregation.seqMeanTokenMean.weights(tokens.rows)
    return [
      "token_entropy": .masked(scores.entropies, tokens),
      "log_prob": .masked(scores.logProbs, tokens),
      "entropy_token_mean": .number(entropy.total(mean)),
      "entropy_seq_mean_token_mean": .number(entropy.total(rowMean)),
      "grad_entropy_token_mean_wrt_logits": gradient(device, zeros, mean),
      "grad_masked_sum_log_prob_wrt_logits": gradient(device, zeros.map { _ in 1 }, zeros),
    ]
  }

  private func gradient(
    _ device: Device, _ dLogProbs: [Double], _ dEntropies: [Double]
  ) -> GoldenValue {
    let gradient = device.scoreTokensGradient(
      logits, vocabulary: vocabulary, targets: labels, inverseTemperature: inverseTemperature,
      dLogProbs: dLogProbs, dEntropies: dEntropies)
    var padded = [Double](
      repeating: 0, count: tokens.rows.count * tokens.columns * vocabulary)
    for (token, place) in tokens.places.enumerated() {
      let start = (place.row * tokens.columns + place.column) * vocabulary
      padded.replaceSubrange(
        start..<start + vocabulary,
        with: gradient[token * vocabulary..<(token + 1) * vocabulary])
    }
    return GoldenValue(padded)
  }
}
