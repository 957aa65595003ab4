/// How well a judge's confidence agrees with the exact verifier.
package struct JudgeQuality: Sendable, Hashable {
  /// Share of answers on which its verdict is the verifier's.
  package var accuracy: Double
  /// Probability that a right answer gets more confidence than a wrong one, ties half; nil without either.
  package var areaUnderCurve: Double?
  /// Expected calibration error over ten bins of equal width (Guo et al., arXiv:1706.04599, equation 3).
  package var calibrationError: Double

  private static let bins = 10

  /// Compares verdicts with what the verifier says; both have one entry per answer, at least one.
  package init(_ verdicts: [JudgeVerdict], isRight: [Bool]) {
    precondition(verdicts.count == isRight.count && !isRight.isEmpty, "verdicts without answers")
    let confidence = verdicts.map(\.softReward)
    accuracy = SampleStatistics.mean(
      zip(verdicts, isRight).map { ($0.token == 1) == $1 && $0.token != nil ? 1 : 0 })
    areaUnderCurve = JudgeQuality.areaUnderCurve(confidence, isRight)
    calibrationError = JudgeQuality.calibrationError(confidence, isRight)
  }

  /// The rank sum of right answers, tied ranks averaged (Mann and Whitney, 1947).
  private static func areaUnderCurve(_ confidence: [Double], _ isRight: [Bool]) -> Double? {
    let order = confidence.indices.sorted { confidence[$0] < confidence[$1] }
    let right = isRight.count { $0 }
    let wrong = isRight.count - right
    guard right > 0, wrong > 0 else { return nil }
    var rankSum = 0.0
    var start = 0
    while start < order.count {
      var end = start
      while end < order.count && confidence[order[end]] == confidence[order[start]] { end += 1 }
      let rank = Double(start + 1 + end) / 2
      rankSum += rank * Double(order[start..<end].count { isRight[$0] })
      start = end
    }
    let least = Double(right) * Double(right + 1) / 2
    return (rankSum - least) / (Double(right) * Double(wrong))
  }

  /// Sum over bins of the share of answers times |share that is right - mean confidence|.
  private static func calibrationError(_ confidence: [Double], _ isRight: [Bool]) -> Double {
    var surplus = [Double](repeating: 0, count: bins)
    for (confidence, isRight) in zip(confidence, isRight) {
      let bin = min(bins - 1, Int(confidence * Double(bins)))
      surplus[bin] += (isRight ? 1 : 0) - confidence
    }
    return surplus.reduce(0) { $0 + abs($1) } / Double(confidence.count)
  }
}

extension JudgeQuality {
  /// The values that a base stage records of its finished judge.
  var values: [String: Double] {
    var values = [
      StepMetric.judgeAccuracy: accuracy, StepMetric.judgeECE: calibrationError,
    ]
    values[StepMetric.judgeAUC] = areaUnderCurve
    return values
  }
}
