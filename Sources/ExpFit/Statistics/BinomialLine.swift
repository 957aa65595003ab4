/// The line weighted by the binomial variance of a share over n prompts, R (1 - R) / n with R the
/// line's own value, iterated (Wedderburn 1974's quasi-likelihood: the overall size of the variance
/// is estimated from the residuals).
enum BinomialLine {
  /// The line after the weights have settled; R is kept in [1 / (2n), 1 - 1 / (2n)].
  static func fit(
    _ plain: LineDesign, y: [Double], x: [Double], promptCount: Int?
  ) throws(NoFit) -> LineDesign {
    guard let promptCount, promptCount > 0 else {
      throw NoFit(
        "binomial weights need the number of prompts behind each score, which the data do not say")
    }
    guard y.allSatisfy({ (0...1).contains($0) }) else {
      throw NoFit("binomial weights need scores between 0 and 1")
    }
    let prompts = Double(promptCount)
    let edge = 0.5 / prompts
    var line = plain
    for _ in 0..<200 {
      let weights = x.map { place in
        let share = max(edge, min(1 - edge, line.value(at: place)))
        return prompts / (share * (1 - share))
      }
      guard let next = LineDesign(x: x, y: y, weights: weights) else {
        throw NoFit("binomial weights leave values of H too close to compute with")
      }
      let change = abs(next.value(at: plain.center) - line.value(at: plain.center))
      let turn = abs(next.slope - line.slope)
      line = next
      if change <= 1e-15, turn <= 1e-15 * abs(line.slope) { break }
    }
    return line
  }
}
