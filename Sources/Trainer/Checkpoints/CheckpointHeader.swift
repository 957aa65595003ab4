package import ExpCore
package import TrainerProtocol

/// What a checkpoint says of itself, before its numbers.
package struct CheckpointHeader: Sendable, Hashable, Codable {
  /// One array of float32 numbers.
  package struct Section: Sendable, Hashable, Codable {
    /// `parameters`, `first_moments` or `second_moments` of the policy, the same of another model behind its name and a
    /// dot, or another array of the run's.
    package var name: String
    /// Numbers in it.
    package var count: Int
    /// Hash of its bytes.
    package var sha256: ContentHash
  }

  /// The version of this shape: 1.
  package var schema = 1
  /// The run or base policy that wrote it.
  package var id: RunID
  /// The stage that wrote it.
  package var kind: RunRequest.Kind
  /// Hash of the configuration that produced it.
  package var configHash: ContentHash
  /// Steps done.
  package var step: Int
  /// Seconds of all attempts that led here.
  package var seconds: Double
  /// Steps of each optimiser, by the name of its model.
  package var optimizerSteps: [String: Int] = [:]
  /// Single numbers that steps carry on.
  package var numbers: [String: Double] = [:]
  /// The architecture.
  package var shape: ModelShape
  /// Tokens in the vocabulary.
  package var vocabulary: Int
  /// The longest sequence the model holds.
  package var contextLength: Int
  /// The arrays that follow, in order.
  package var sections: [Section] = []

  /// Makes a header without sections, which writing fills in.
  package init(
    id: RunID, kind: RunRequest.Kind, configHash: ContentHash, step: Int, seconds: Double,
    shape: ModelShape, vocabulary: Int, contextLength: Int
  ) {
    self.id = id
    self.kind = kind
    self.configHash = configHash
    self.step = step
    self.seconds = seconds
    self.shape = shape
    self.vocabulary = vocabulary
    self.contextLength = contextLength
  }

  enum CodingKeys: String, CodingKey {
    case schema, id, kind, step, seconds, numbers, shape, vocabulary, sections
    case configHash = "config_hash"
    case optimizerSteps = "optimizer_steps"
    case contextLength = "context_length"
  }
}
