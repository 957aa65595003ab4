/// A family whose answers have so many phrasings that a judge is trained to compare them with the reference.
package protocol JudgedFamily: TaskFamily {
  /// Returns an answer for a judge to learn from, right or wrong: phrasings of the right value, of values near it and of
  /// any value, and broken phrases. Its label is the exact verifier's.
  func candidate(for problem: Problem, _ random: inout RandomSequence) -> [Int32]
}
