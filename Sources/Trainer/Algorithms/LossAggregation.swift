package import TrainerProtocol

extension TrainConfig.LossAggregation {
  /// What the sums are divided by, where it is not the batch's own; nil takes the batch's own.
  package struct Denominators: Sendable, Hashable {
    /// Tokens, for `token_mean`.
    package var tokens: Double?
    /// Rows that hold a token, for the means over rows.
    package var rows: Double?
    /// The constant length of `seq_mean_token_sum_norm`; else the longest row.
    package var length: Double?

    /// Makes denominators.
    package init(tokens: Double? = nil, rows: Double? = nil, length: Double? = nil) {
      self.tokens = tokens
      self.rows = rows
      self.length = length
    }
  }

  /// Returns the weight w of each token such that the aggregated loss is the sum of `w * L`; algorithms.md section 0.1.
  ///
  /// Taken over a whole mini-batch: micro-batches use slices of it, so that cutting changes rounding only. Tokens that
  /// `kept` leaves out weigh 0 and count in no denominator, and rows without a token that counts count in no mean; with
  /// nothing kept all weights are 0.
  package func weights(
    _ rows: TokenRows, kept: [Bool]? = nil, over denominators: Denominators = Denominators()
  ) -> [Double] {
    let lengths = (0..<rows.count).map { row in
      kept.map { kept in rows.range(row).count { kept[$0] } } ?? rows.length(row)
    }
    let tokens = denominators.tokens ?? Double(lengths.reduce(0, +))
    let sequences = denominators.rows ?? Double(lengths.count { $0 > 0 })
    let longest =
      denominators.length ?? Double((0..<rows.count).lazy.map { rows.length($0) }.max() ?? 1)
    let perRow = lengths.map { length in
      guard length > 0 else { return 0.0 }
      return switch self {
      case .tokenMean: 1 / tokens
      case .seqMeanTokenSum: 1 / sequences
      case .seqMeanTokenMean: 1 / (sequences * Double(length))
      case .seqMeanTokenSumNorm: 1 / longest
      }
    }
    let weights = rows.broadcast(perRow)
    return kept.map { zip(weights, $0).map { $1 ? $0 : 0 } } ?? weights
  }
}
