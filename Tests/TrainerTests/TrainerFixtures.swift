import ExpCore
import FoundationEssentials
import Trainer
import TrainerProtocol

/// Configurations and requests small enough for a test.
enum TrainerFixtures {
  static func countdown(
    numbers: [Int] = [4], maxTarget: Int = 99, slip: Double = 0.2
  ) -> TaskConfig {
    decoded([
      "name": "countdown", "numbers": .array(numbers.map { .number(Double($0)) }),
      "max_target": .number(Double(maxTarget)), "slip_probability": .number(slip),
      "working": false,
    ])
  }

  static func prog(
    maxDepth: Int = 2, lengths: [Int] = [4], slip: Double = 0.2
  ) -> TaskConfig {
    decoded([
      "name": "prog", "list_lengths": .array(lengths.map { .number(Double($0)) }),
      "max_depth": .number(Double(maxDepth)), "slip_probability": .number(slip),
    ])
  }

  static func control(_ method: EntropyControlConfig.Method) -> EntropyControlConfig {
    var settings: JSONValue =
      switch method {
      case .none: [:]
      case .entropyBonus: ["coefficient": 0.02]
      case .klReference: ["coefficient": 0.1, "estimator": "low_var_kl"]
      case .clipHigher: ["clip_ratio_high": 0.28]
      case .clipCov: ["token_fraction": 0.1, "covariance_low": 0.2, "covariance_high": 5]
      case .klCov: ["token_fraction": 0.1, "coefficient": 1]
      case .highEntropyTokens: ["token_fraction": 0.3, "reverse": false]
      case .probabilityMask: ["threshold": 0.9]
      }
    settings[path: "method"] = .string(method.rawValue)
    return decoded(settings)
  }

  static func train(
    _ algorithm: TrainConfig.Algorithm = .grpo,
    _ method: EntropyControlConfig.Method = .none
  ) -> TrainConfig {
    var config: TrainConfig = decoded([
      "algorithm": .string(algorithm.rawValue), "entropy_control": ["method": "none"],
      "steps": 6, "prompts_per_step": 24, "samples_per_prompt": 4, "updates_per_rollout": 2,
      "micro_batch_size": 64, "learning_rate": 1e-3, "weight_decay": 0, "beta1": 0.9,
      "beta2": 0.99, "max_grad_norm": 1, "temperature": 1, "reward": "exact",
      "epochs_per_rollout": 1, "top_p": 1, "max_response_tokens": 0, "overlong_buffer": 0,
      "overlong_factor": 1, "reference_ema": 0,
    ])
    config.entropyControl = control(method)
    complete(&config)
    return config
  }

  /// Gives the settings that the algorithm reads, as a resolved spec does.
  private static func complete(_ config: inout TrainConfig) {
    switch config.algorithm {
    case .dpo, .iterativeDPO:
      (config.dpoBeta, config.dpoLoss, config.dpoLabelSmoothing) = (0.1, .sigmoid, 0)
      config.pairsPerPrompt = 2
      return
    case .grpo: config.scaleByStd = true
    case .reinforcePP: config.gamma = 1
    case .ppo:
      (config.gamma, config.gaeLambda, config.valueClip) = (1, 0.95, 0.5)
      (config.criticLearningRate, config.criticWarmupSteps) = (3e-3, 1)
      config.normalizeAdvantages = true
    case .prime:
      (config.primeBeta, config.primeLearningRate, config.primeMaxGradNorm) = (0.05, 1e-3, 10)
      (config.primeUpdate, config.primeForm) = (.after, .code)
      (config.primeProcessWeight, config.primeOutcomeWeight) = (5, 5)
    case .spoChain:
      (config.spoSegmentation, config.spoInterval, config.spoSegmentTokens) = (.cutPoints, 1, 2)
      (config.spoSamples, config.spoProbabilityThreshold) = (3, 0.9)
      config.normalizeAdvantages = true
    case .spoTree:
      (config.spoTreeStructure, config.spoSegmentTokens) = ([3, 2], 1)
      (config.spoSegmentsPerPrompt, config.spoReplaySteps) = (4, 2)
      (config.spoProbabilityThreshold, config.scaleByStd) = (0.9, false)
      config.normalizeAdvantages = true
      config.samplesPerPrompt = nil
    case .reinforce, .reinforcePPBaseline, .rloo, .remax: break
    }
    (config.clipRatioLow, config.clipRatioHigh, config.dualClipRatio) = (0.2, 0.2, 0)
    config.lossAggregation = .tokenMean
    guard config.algorithm != .spoTree else { return }
    (config.filterGroups, config.refillGroups) = (config.algorithm != .spoChain, false)
    (config.filterAccuracyLow, config.filterAccuracyHigh) = (0, 1)
  }

  static func run(task: TaskConfig? = nil, train: TrainConfig? = nil) -> RunConfig {
    let shape = ModelShape(width: 16, layers: 1, heads: 2, hidden: 32)
    var config: RunConfig = decoded([
      "task": [
        "name": "prog", "max_depth": 2, "list_lengths": [2, 3], "slip_probability": 0.2,
      ],
      "model": [
        "width": 16, "layers": 1, "heads": 2, "kv_heads": 2, "hidden": 32,
        "tied_embeddings": true, "qkv_bias": false,
        "params": .number(Double(shape.nonEmbeddingParameterCount)),
      ],
      "base": [
        "steps": 120, "batch_size": 32, "learning_rate": 1e-2, "warmup_steps": 5,
        "final_learning_rate_fraction": 0.1, "weight_decay": 0.01, "beta1": 0.9, "beta2": 0.95,
        "max_grad_norm": 1, "seed": 0,
      ],
      "evaluate": ["every": 3, "prompts": 16, "samples": 2, "greedy": true, "keep": 2],
      "seed": 1,
    ])
    if let task { config.task = task }
    config.train = train ?? self.train()
    return config
  }

  /// Configurations have no initialiser of their own: they are what resolved documents decode to.
  private static func decoded<Value: Decodable>(_ document: JSONValue) -> Value {
    do {
      return try document.decoded(as: Value.self)
    } catch {
      preconditionFailure("a fixture does not decode: \(error)")
    }
  }

  static let compute = RunRequest.Compute(blasCoreType: "", kernelSet: "generic", threads: 1)
  static let sources = ContentHash(of: "sources")
  static let identity = TrainingRun.Identity(
    sourceFingerprint: sources, binarySHA256: nil, blas: "test")

  /// The request of the base policy of a run.
  static func baseRequest(_ config: RunConfig) -> RunRequest {
    var base = config
    (base.train, base.evaluate, base.seed) = (nil, nil, nil)
    return RunRequest(
      id: id("base"), kind: .base, config: base, base: nil, compute: compute,
      sourceFingerprint: sources, checkpointSeconds: 1e6)
  }

  /// Trains a base policy into `folder/base` and returns the request of the run that starts from it.
  static func runRequest(_ config: RunConfig, below folder: String) throws -> RunRequest {
    let base = try makeFolder("\(folder)/base")
    _ = try TrainingRun(
      baseRequest(config), in: base, identity: identity, stopReason: { nil }
    ).run()
    let checkpoint = "\(base.checkpoints)/\(CheckpointFolder.finalName)"
    return RunRequest(
      id: id("run"), kind: .rl, config: config,
      base: RunRequest.Base(
        id: id("base"), checkpoint: checkpoint,
        sha256: try CheckpointFile(path: checkpoint).contentHash),
      compute: compute, sourceFingerprint: sources, checkpointSeconds: 1e6)
  }

  static func id(_ name: String) -> RunID {
    RunID(configHash: ContentHash(of: name), sourceFingerprint: sources, inputs: [])
  }

  static func makeFolder(_ path: String) throws -> RunFolder {
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    return RunFolder(path: path)
  }

  static func result(_ folder: RunFolder) throws -> RunResult {
    guard let result = ResultFile.read(folder.result) else {
      throw TrainerError(.failed, "there is no result in '\(folder.path)'")
    }
    return result
  }

  static func events(_ folder: RunFolder) throws -> [TrainEvent] {
    try LineLog.lines(folder.events).map { line in
      try JSONValue(parsing: line).decoded(as: TrainEvent.self)
    }
  }

  /// Numbers of one seed for property tests.
  static func random(_ seed: UInt64 = 0) -> RandomSequence {
    RandomSequence(RandomStream(seed: seed, stream: .selection), index: 0)
  }
}

extension RandomSequence {
  /// A number in a range.
  mutating func uniform(_ range: ClosedRange<Double>) -> Double {
    range.lowerBound + (range.upperBound - range.lowerBound) * uniform()
  }
}
