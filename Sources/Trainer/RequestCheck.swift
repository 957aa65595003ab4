internal import ExpCore
package import TrainerProtocol

/// Checks a request as a whole: it may come from anywhere, and a wrong number must not end in a crash.
package enum RequestCheck {
  /// Reads and checks `request.json`.
  ///
  /// - Throws: `TrainerError` that names the key.
  package static func read(_ text: some Sequence<UInt8>, path: String) throws -> RunRequest {
    let request: RunRequest
    do {
      request = try JSONValue(parsing: text).decoded(as: RunRequest.self)
    } catch {
      throw TrainerError(.badRequest, "'\(path)' is not a run request: \(error)")
    }
    try check(request)
    return request
  }

  /// Checks every number of a request.
  package static func check(_ request: RunRequest) throws {
    try integer(request.schema, in: 1...1, "schema")
    try number(request.checkpointSeconds, in: 0...1e9, "checkpoint_seconds")
    try integer(request.compute.threads, in: 1...1024, "compute.threads")
    let config = request.config
    _ = try TaskCatalogue.family(config.task)
    _ = try JudgeSettings(config.task)
    try check(config.model)
    try check(config.base)
    let isRL = request.kind == .rl
    guard (config.train != nil) == isRL, (config.evaluate != nil) == isRL,
      (config.seed != nil) == isRL, (request.base != nil) == isRL
    else {
      throw TrainerError(
        .badRequest,
        "a request of kind '\(request.kind.rawValue)' has "
          + (isRL
            ? "'config.train', 'config.evaluate', 'config.seed' and 'base'; one is missing"
            : "no 'config.train', 'config.evaluate', 'config.seed' or 'base'; one is there"))
    }
    if let train = config.train { try check(train) }
    if let evaluate = config.evaluate { try check(evaluate) }
    if let seed = config.seed { try integer(seed, in: 0...Int.max, "config.seed") }
  }

  private static func check(_ model: ModelConfig) throws {
    try integer(model.width, in: 8...4096, "config.model.width")
    try integer(model.layers, in: 1...64, "config.model.layers")
    try integer(model.heads, in: 1...model.width, "config.model.heads")
    try integer(model.kvHeads, in: 1...model.heads, "config.model.kv_heads")
    try integer(model.hidden, in: 1...65_536, "config.model.hidden")
    guard model.width.isMultiple(of: model.heads), model.heads.isMultiple(of: model.kvHeads),
      (model.width / model.heads).isMultiple(of: 2)
    else {
      throw TrainerError(
        .badRequest,
        "'config.model': \(model.heads) heads, \(model.kvHeads) of keys and values, do not divide a width of "
          + "\(model.width) into heads of an even width")
    }
    let params = model.shape.nonEmbeddingParameterCount
    guard model.params == params else {
      throw TrainerError(
        .badRequest, "'config.model.params' is \(model.params); these widths have \(params)")
    }
  }

  private static func check(_ base: BaseConfig) throws {
    try integer(base.steps, in: 0...Int(UInt32.max), "config.base.steps")
    try integer(base.batchSize, in: 1...1_000_000, "config.base.batch_size")
    try integer(base.warmupSteps, in: 0...Int(UInt32.max), "config.base.warmup_steps")
    try integer(base.seed, in: 0...Int.max, "config.base.seed")
    try number(base.learningRate, in: 0...1e3, "config.base.learning_rate")
    try number(
      base.finalLearningRateFraction, in: 0...1, "config.base.final_learning_rate_fraction")
    try optimizer(
      base.weightDecay, base.beta1, base.beta2, base.maxGradNorm, "config.base")
  }

  private static func check(_ evaluate: EvaluateConfig) throws {
    try integer(evaluate.every, in: 1...Int(Int32.max), "config.evaluate.every")
    try integer(evaluate.prompts, in: 1...1_000_000, "config.evaluate.prompts")
    try integer(evaluate.samples, in: 1...10_000, "config.evaluate.samples")
    try integer(evaluate.keep, in: 0...1_000_000, "config.evaluate.keep")
  }

  static func optimizer(
    _ weightDecay: Double, _ beta1: Double, _ beta2: Double, _ maxGradNorm: Double, _ place: String
  ) throws {
    try number(weightDecay, in: 0...1e3, "\(place).weight_decay")
    try number(beta1, in: 0...0.999_999_999, "\(place).beta1")
    try number(beta2, in: 0...0.999_999_999, "\(place).beta2")
    try number(maxGradNorm, in: 1e-12...1e12, "\(place).max_grad_norm")
  }

  static func integer(_ value: Int, in range: ClosedRange<Int>, _ key: String) throws {
    guard range.contains(value) else {
      throw TrainerError(
        .badRequest, "'\(key)' is \(value); it must be in \(range.lowerBound)...\(range.upperBound)"
      )
    }
  }

  static func number(
    _ value: Double, in range: ClosedRange<Double>, _ key: String
  ) throws {
    guard range.contains(value) else {
      throw TrainerError(
        .badRequest, "'\(key)' is \(value); it must be in \(range.lowerBound)...\(range.upperBound)"
      )
    }
  }
}
