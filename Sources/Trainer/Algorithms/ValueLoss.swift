/// The critic's clipped loss; algorithms.md section 2.6.
package enum ValueLoss {
  /// Returns `0.5 * max((v - R)^2, (clamp(v, old - clip, old + clip) - R)^2)` of each token, its derivative with respect
  /// to v, and the tokens where the clamped branch is the larger.
  ///
  /// There the derivative is 0: v has left the band, and the clamped value does not move with it.
  package static func clipped(
    values: [Double], oldValues: [Double], returns: [Double], clip: Double
  ) -> (loss: TokenLoss, isClipped: [Bool]) {
    var loss = TokenLoss(zeros: values.count)
    var isClipped = [Bool](repeating: false, count: values.count)
    for token in values.indices {
      let open = values[token] - returns[token]
      let low = oldValues[token] - clip
      let bounded = min(max(values[token], low), oldValues[token] + clip) - returns[token]
      isClipped[token] = bounded * bounded > open * open
      loss.values[token] = 0.5 * max(open * open, bounded * bounded)
      loss.gradient[token] = isClipped[token] ? 0 : open
    }
    return (loss, isClipped)
  }
}
