/// A judge's answer to one question: how probable its two verdicts are.
package struct JudgeVerdict: Sendable, Hashable {
  /// Probability of the token 1, right.
  package var right: Double
  /// Probability of the token 0, wrong.
  package var wrong: Double

  /// Makes a verdict.
  package init(right: Double, wrong: Double) {
    self.right = right
    self.wrong = wrong
  }

  /// The token a judge emits: 1 or 0 where it is the most probable one, nil for any other.
  ///
  /// All other tokens together stand for the most probable of them, which matters only to a judge that is no judge yet.
  package var token: Int? {
    let other = 1 - right - wrong
    if right >= wrong && right >= other { return 1 }
    return wrong >= other ? 0 : nil
  }

  /// 1 where the token is 1, else 0.
  package var binaryReward: Double { token == 1 ? 1 : 0 }

  /// The judge's confidence that the answer is right, in [0, 1] (arXiv:2503.23829, section 3.2).
  package var softReward: Double {
    let reward = RewardShaping.soft(
      verdict: token, probabilityOfOne: right, probabilityOfZero: wrong)
    // Rounding can take a probability a little beyond 1.
    return min(max(reward, 0), 1)
  }
}
