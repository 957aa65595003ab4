/// A task family and its difficulty.
///
/// A member that the family does not read is nil.
public struct TaskConfig: Sendable, Hashable, Codable {
  /// The families there are.
  public enum Name: String, Sendable, Hashable, Codable, CaseIterable {
    case countdown
    case prog
    case code
    case phrases
  }

  /// What the questions of `phrases` are about.
  public enum Domain: String, Sendable, Hashable, Codable, CaseIterable {
    /// Lengths in inches, feet and yards.
    case quantity
    /// Times of day.
    case time
  }

  /// The family.
  public var name: Name
  /// `countdown`: how many numbers a prompt may have, drawn uniformly from this list (2...6 each).
  public var numbers: [Int]?
  /// `countdown`: the largest target, 9...99.
  public var maxTarget: Int?
  /// `countdown`: whether an answer writes out the result of every operation.
  public var working: Bool?
  /// `prog`: the most operations in a program (1...4).
  public var maxDepth: Int?
  /// `prog`: how many digits a list may have, drawn uniformly from this list (2...8 each).
  public var listLengths: [Int]?
  /// `code`: the most assignments and returns before the closing `return` (0...6).
  public var maxStatements: Int?
  /// `code`: the most blocks that lie in each other (0...3).
  public var maxNesting: Int?
  /// `code`: how many examples a prompt may show, drawn uniformly from this list (2...10 each).
  public var examples: [Int]?
  /// `code`: steps after which a program counts as endless (10...10000).
  public var stepBudget: Int?
  /// `phrases`: the subjects of its questions, drawn uniformly.
  public var domains: [Domain]?
  /// `phrases`: the named size of the judge.
  public var judgeSize: String?
  /// `phrases`: steps in which the judge is trained behind the base policy; 0 for no judge.
  public var judgeSteps: Int?
  /// `phrases`: probability that a label of the judge's training data is turned round, 0...0.5.
  public var judgeLabelNoise: Double?
  /// Probability that a demonstration has a slip, 0...1.
  public var slipProbability: Double

  enum CodingKeys: String, CodingKey {
    case name, numbers, working, examples, domains
    case maxTarget = "max_target"
    case maxDepth = "max_depth"
    case listLengths = "list_lengths"
    case maxStatements = "max_statements"
    case maxNesting = "max_nesting"
    case stepBudget = "step_budget"
    case judgeSize = "judge_size"
    case judgeSteps = "judge_steps"
    case judgeLabelNoise = "judge_label_noise"
    case slipProbability = "slip_probability"
  }
}
