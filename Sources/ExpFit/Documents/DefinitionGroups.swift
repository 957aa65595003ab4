/// Which H stands beside which R of a run.
public enum LawPairing: String, Sendable, Hashable, CaseIterable {
  /// H and R of the same sampled answers to the validation prompts, under the same policy.
  case validation
  /// As the paper's code stores them: H of the rollout batch, after the group filter and before the
  /// step's updates, with the validation score after those updates, by step number.
  case paper

  /// What is paired, in words.
  public var words: String {
    switch self {
    case .validation: "H and R of the same validation answers, after the step's updates"
    case .paper:
      "H of the rollout batch (filtered, before the step's updates) with R of the validation "
        + "answers after them, by step, as in the paper's code; step 0 has no rollout"
    }
  }
}

/// A run that has not ended well, with the law of its curve so far; it is in no fit across runs.
public struct UnfinishedRun: Sendable, Hashable {
  /// The curve so far with its law.
  public var run: RunFit
  /// Its state in one word, such as `failed`.
  public var state: String
  /// The last step that it recorded.
  public var step: Int
  /// The steps that it was to do; nil where that is not known.
  public var plannedSteps: Int?

  /// Makes an unfinished run.
  public init(_ run: RunFit, state: String, step: Int, plannedSteps: Int?) {
    self.run = run
    self.state = state
    self.step = step
    self.plannedSteps = plannedSteps
  }
}

/// The runs of a sweep by what their entropy and score were averaged over.
public struct DefinitionGroups: Sendable, Hashable {
  /// Runs that share a definition.
  public struct Group: Sendable, Hashable {
    /// The definition.
    public let definition: String
    /// The part of it in which the groups differ.
    public let difference: String
    /// Ids of its runs, in the order given.
    public let runs: [String]
  }

  /// The groups in the order of their first run; runs without a definition are in none, for they
  /// may be fitted with any.
  public let groups: [Group]

  /// Groups the runs.
  public init(_ curves: [Curve]) {
    var definitions: [String] = []
    var runs: [String: [String]] = [:]
    for curve in curves {
      guard let definition = curve.definition else { continue }
      if runs[definition] == nil { definitions.append(definition) }
      runs[definition, default: []].append(curve.id)
    }
    let differences = DefinitionGroups.differences(definitions)
    groups = zip(definitions, differences).map {
      Group(definition: $0, difference: $1, runs: runs[$0] ?? [])
    }
  }

  /// Whether there is more than one, so that no fit may use all runs.
  public var areMixed: Bool { groups.count > 1 }

  /// The texts without the words that all begin and end with.
  private static func differences(_ texts: [String]) -> [String] {
    let words = texts.map { $0.split(separator: " ") }
    guard let first = words.first, texts.count > 1 else { return texts }
    let shortest = words.map(\.count).min() ?? 0
    var start = 0
    while start < shortest, words.allSatisfy({ $0[start] == first[start] }) { start += 1 }
    var end = 0
    while end < shortest - start,
      words.allSatisfy({ $0[$0.count - 1 - end] == first[first.count - 1 - end] })
    { end += 1 }
    // Some words on either side, so that the difference can be understood.
    let (from, after) = (max(0, start - 4), max(0, end - 4))
    return words.map { words in
      let shown = words[from..<(words.count - after)].joined(separator: " ")
      return "\(from > 0 ? "… " : "")\(shown)\(after > 0 ? " …" : "")"
    }
  }
}
