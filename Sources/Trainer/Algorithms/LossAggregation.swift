package import TrainerProtocol

extension TrainConfig.LossAggregation {
  /// Returns the weight w of each token such that the aggregated loss is the sum of `w * L`; algorithms.md section 0.1.
  ///
  /// Taken over a whole mini-batch: micro-batches use slices of it, so that cutting changes rounding only.
  /// Rows without a token count in no mean. `tokenCount` and `rowCount` stand in for the batch's own denominators
  /// where it is a part of a larger one.
  package func weights(
    _ rows: TokenRows, tokenCount: Int? = nil, rowCount: Int? = nil
  ) -> [Double] {
    let tokens = Double(tokenCount ?? rows.tokenCount)
    let sequences = Double(rowCount ?? rows.nonEmptyCount)
    let perRow = (0..<rows.count).map { row in
      switch self {
      case .tokenMean: 1 / tokens
      case .seqMeanTokenSum: 1 / sequences
      case .seqMeanTokenMean: 1 / (sequences * Double(max(rows.length(row), 1)))
      }
    }
    return rows.broadcast(perRow)
  }
}
