/// One line of `samples.jsonl`: a validation prompt with the answers that an evaluation sampled for it.
public struct SampleRecord: Sendable, Hashable, Codable {
  /// One sampled answer.
  public struct Answer: Sendable, Hashable, Codable {
    /// The answer's tokens as text, its end included where there is one.
    public var text: String
    /// What the verifier gave it.
    public var reward: Double
    /// Full-vocabulary entropy at each token, nats.
    public var entropies: [Double]

    /// Makes an answer.
    public init(text: String, reward: Double, entropies: [Double]) {
      self.text = text
      self.reward = reward
      self.entropies = entropies
    }
  }

  /// The step after which the policy was measured; 0 is the base policy.
  public var step: Int
  /// The prompt's tokens as text.
  public var prompt: String
  /// A right answer.
  public var reference: String
  /// The answers sampled at temperature 1.
  public var answers: [Answer]
  /// The greedy answer; nil where none was asked for.
  public var greedy: Answer?

  /// Makes a record.
  public init(
    step: Int, prompt: String, reference: String, answers: [Answer], greedy: Answer? = nil
  ) {
    self.step = step
    self.prompt = prompt
    self.reference = reference
    self.answers = answers
    self.greedy = greedy
  }
}
