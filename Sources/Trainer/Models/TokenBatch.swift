/// Ragged sequences packed end to end.
///
/// Sequence i has `tokens[offsets[i]..<offsets[i + 1]]`; of it the tokens from `promptLengths[i]` on are scored. What
/// is computed of the batch is a tree: a beginning that several sequences have in common, be it the prompt of a
/// group, equal answers' first tokens, or the path to a segment in a tree of segments, is computed once. So a node
/// of such a tree is a sequence whose prompt is the path to it. The scores come by sequence in the order of
/// appending, whatever is shared.
package struct TokenBatch: Sendable {
  /// All tokens, sequence after sequence.
  package private(set) var tokens: [Int32] = []
  /// Where each sequence begins, then the count of all tokens.
  package private(set) var offsets: [Int] = [0]
  /// Leading tokens of each sequence that are given and not scored.
  package private(set) var promptLengths: [Int] = []
  /// Scored tokens in all sequences.
  package private(set) var scoredCount = 0

  /// Makes an empty batch.
  package init() {}

  /// Sequences in the batch.
  package var sequenceCount: Int { promptLengths.count }

  /// Appends one sequence.
  ///
  /// - Precondition: `prompt` is not empty, since nothing predicts a first token.
  package mutating func append(prompt: [Int32], response: [Int32]) {
    precondition(!prompt.isEmpty, "a sequence needs a prompt: nothing predicts its first token")
    tokens.append(contentsOf: prompt)
    tokens.append(contentsOf: response)
    offsets.append(tokens.count)
    promptLengths.append(prompt.count)
    scoredCount += response.count
  }

  /// Appends one sequence per response to the same prompt.
  package mutating func append(prompt: [Int32], responses: [[Int32]]) {
    for response in responses { append(prompt: prompt, response: response) }
  }

  /// Empties the batch, keeping its storage for the next one if wished.
  package mutating func removeAll(keepingCapacity: Bool = true) {
    tokens.removeAll(keepingCapacity: keepingCapacity)
    offsets.removeAll(keepingCapacity: keepingCapacity)
    offsets.append(0)
    promptLengths.removeAll(keepingCapacity: keepingCapacity)
    scoredCount = 0
  }
}
