internal import TrainerProtocol

/// One generated problem: what is asked, one right answer, and what its verifier needs beside the prompt.
package struct Problem: Sendable, Hashable {
  /// The question's tokens.
  package var prompt: [Int32]
  /// The answer that generated it, with its end; other answers may be right too.
  package var reference: [Int32]
  /// Inputs that are not shown, on which an answer must agree with the reference; empty where the prompt says all.
  package var hiddenInputs: [[Int]]

  /// Makes a problem.
  package init(prompt: [Int32], reference: [Int32], hiddenInputs: [[Int]] = []) {
    self.prompt = prompt
    self.reference = reference
    self.hiddenInputs = hiddenInputs
  }
}

/// A family of generated problems with an exact verifier.
///
/// Everything is a pure function of its arguments: problems come from counter-based random numbers.
package protocol TaskFamily: Sendable {
  /// The symbols.
  var vocabulary: Vocabulary { get }
  /// The longest prompt, tokens.
  var maxPromptLength: Int { get }
  /// The longest right answer with its end, tokens; sampling stops there.
  var maxResponseLength: Int { get }
  /// Draws a problem from the family's distribution, whichever split it falls into.
  func draw(_ random: inout RandomSequence) -> Problem
  /// Returns what the supervised stage shows: the reference, or with the slip probability a corrupted one.
  func demonstration(of problem: Problem, _ random: inout RandomSequence) -> [Int32]
  /// Scores an answer: 1 if it is right, else 0, whatever its tokens are.
  func verify(_ response: [Int32], to problem: Problem) -> Double
}

extension TaskFamily {
  /// The longest sequence the model has to hold.
  package var contextLength: Int { maxPromptLength + maxResponseLength }

  /// Returns problem number `index` of a split, a pure function of stream and index.
  ///
  /// Problems of other splits are skipped within the numbers of the index, so none shifts another.
  /// - Throws: `TrainerError` if a thousand draws never met the split.
  package func problem(
    _ index: UInt64, of split: PromptSplit, from stream: RandomStream
  ) throws -> Problem {
    var random = RandomSequence(stream, index: index)
    return try problem(of: split, &random)
  }

  /// Draws the next problem of a split out of a sequence of random numbers.
  package func problem(of split: PromptSplit, _ random: inout RandomSequence) throws -> Problem {
    for _ in 0..<1000 {
      let problem = draw(&random)
      if PromptSplit(of: problem.prompt) == split { return problem }
    }
    throw TrainerError(
      .badRequest, "a thousand drawn prompts had none for the \(split.rawValue) split",
      mend: "make the task larger: more numbers, longer lists, or a larger range of targets")
  }

  /// Returns the demonstration of index `index` with its problem, from the training split.
  package func demonstration(
    _ index: UInt64, from stream: RandomStream
  ) throws -> (prompt: [Int32], response: [Int32]) {
    var random = RandomSequence(stream, index: index)
    let problem = try problem(of: .training, &random)
    return (problem.prompt, demonstration(of: problem, &random))
  }

  /// Returns the fixed validation problems: the same for every run of this task.
  ///
  /// They are independent draws from the family's distribution, as training prompts are, so that scores and rewards
  /// speak of the same mixture of easy and hard; a frequent prompt may come twice. Leaving repeats out would favour
  /// rare prompts, which are the harder ones: on `countdown` it halves the score of the same policy.
  package func validationProblems(count: Int) throws -> [Problem] {
    let stream = RandomStream(seed: 0, stream: .validationPrompts)
    return try (0..<UInt64(count)).map { try problem($0, of: .validation, from: stream) }
  }
}
