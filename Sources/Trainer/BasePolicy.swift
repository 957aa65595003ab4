package import ExpCore
package import TrainerProtocol

/// The checkpoint that an RL run starts from, checked against the run that asks for it.
package struct BasePolicy: Sendable {
  private let path: String

  /// Checks that the file is the one the request names and holds the policy that the configuration describes.
  ///
  /// - Throws: `TrainerError` saying which of the two differs.
  package init(_ base: RunRequest.Base, config: RunConfig, folder: String) throws {
    path = base.checkpoint.hasPrefix("/") ? base.checkpoint : "\(folder)/\(base.checkpoint)"
    let checkpoint = try CheckpointFile(path: path)
    guard let expected = base.sha256 else {
      throw TrainerError(
        .badRequest, "'base.sha256' of the request is missing: the base policy is not pinned")
    }
    guard checkpoint.contentHash == expected else {
      throw TrainerError(
        .badRequest,
        "'\(path)' has the hash \(checkpoint.contentHash), the request names \(expected)",
        mend: "train the base policy again, or plan the sweep again with the new one")
    }
    guard checkpoint.header.id == base.id else {
      throw TrainerError(
        .badRequest,
        "'\(path)' is the policy of \(checkpoint.header.id), the request names \(base.id)")
    }
    let wanted = try config.baseHash
    guard checkpoint.header.configHash == wanted else {
      throw TrainerError(
        .badRequest,
        "'\(path)' was made by the configuration \(checkpoint.header.configHash), "
          + "this run's base is \(wanted)")
    }
  }

  /// Makes a model of the configuration with the base policy's parameters.
  package func makeModel(_ config: RunConfig, family: any TaskFamily) throws -> PolicyModel {
    let model = try PolicyModel(
      shape: config.model.shape, vocabulary: family.vocabulary.count,
      contextLength: family.contextLength)
    try copyParameters(into: model)
    return model
  }

  /// Copies the parameters into a model of the same shape.
  package func copyParameters(into model: PolicyModel) throws {
    try CheckpointFile(path: path).copy("parameters", into: model.parameters)
  }

  /// Makes the judge that was trained with the base policy.
  ///
  /// - Throws: `TrainerError` where the task has none.
  package func makeJudge(_ config: RunConfig, family: any TaskFamily) throws -> Judge {
    guard let settings = try JudgeSettings(config.task),
      let family = family as? any JudgedFamily
    else {
      throw TrainerError(
        .badRequest, "the task '\(config.task.name.rawValue)' of this run has no judge",
        mend: "score by the exact verifier, or train a judge: 'task.judge_steps' above 0")
    }
    let judge = try Judge(settings.shape, family: family)
    try CheckpointFile(path: path).copy("\(Judge.name).parameters", into: judge.model.parameters)
    return judge
  }
}

extension RunConfig {
  /// Hash of the configuration's canonical JSON.
  package var contentHash: ContentHash {
    get throws { ContentHash(of: try JSONValue(encoding: self)) }
  }

  /// Hash of what determines the base policy: task, model and base stage.
  package var baseHash: ContentHash {
    get throws {
      var base = self
      base.train = nil
      base.evaluate = nil
      base.seed = nil
      return try base.contentHash
    }
  }
}
