import ExpCore
import Foundation
import TrainerProtocol

/// Requests, events and results as they are written, some with every member set.
enum ProtocolSamples {
  static let hash = ContentHash(of: "anything")

  static func id() throws -> RunID {
    guard let id = RunID(text: "0123456789abcdef") else { throw SampleError.notAnID }
    return id
  }

  enum SampleError: Error {
    case notAnID
  }

  static let compute = RunRequest.Compute(
    blasCoreType: "SkylakeX", kernelSet: "avx512", threads: 1)

  static let countdown =
    #"{"name":"countdown","numbers":[4],"max_target":99,"slip_probability":0.2}"#
  static let prog = #"{"name":"prog","max_depth":2,"list_lengths":[4,5],"slip_probability":0.2}"#
  static let noControl = #"{"method":"none"}"#

  /// A configuration by its texts; `rl` false leaves out what only an RL run has.
  static func config(
    task: String = countdown, algorithm: String = "grpo", control: String = noControl,
    rl: Bool = true
  ) throws -> RunConfig {
    let scale = algorithm == "grpo" ? #""scale_by_std":true,"# : ""
    let rlPart = """
      ,"train":{"algorithm":"\(algorithm)","entropy_control":\(control),"steps":160,
      "prompts_per_step":128,"samples_per_prompt":8,"updates_per_rollout":2,
      "micro_batch_size":128,"learning_rate":2e-4,"weight_decay":0,"beta1":0.9,"beta2":0.99,
      "max_grad_norm":1,"clip_ratio_low":0.2,"clip_ratio_high":0.2,\(scale)
      "loss_aggregation":"token_mean","filter_groups":true,"temperature":1},
      "evaluate":{"every":4,"prompts":1024,"samples":4,"greedy":true,"keep":8},"seed":0
      """
    let text = """
      {"task":\(task),
      "model":{"width":48,"layers":3,"heads":3,"kv_heads":3,"hidden":128,
      "tied_embeddings":true,"qkv_bias":false,"params":83232},
      "base":{"steps":1200,"batch_size":128,"learning_rate":3e-3,"warmup_steps":50,
      "final_learning_rate_fraction":0.1,"weight_decay":0.01,"beta1":0.9,"beta2":0.95,
      "max_grad_norm":1,"seed":0}\(rl ? rlPart : "")}
      """
    return try JSONDecoder().decode(RunConfig.self, from: Data(text.utf8))
  }

  static func request(config: RunConfig) throws -> RunRequest {
    let isBase = config.train == nil
    return RunRequest(
      id: try id(), kind: isBase ? .base : .rl, config: config,
      base: isBase
        ? nil
        : RunRequest.Base(
          id: try id(), checkpoint: "../bases/0123456789abcdef/checkpoints/final", sha256: hash),
      compute: compute, sourceFingerprint: hash)
  }

  /// A request with every member set, though no single run uses them all.
  static func fullRequest() throws -> RunRequest {
    var config = try config(control: #"{"method":"clip_cov"}"#)
    config.task.maxDepth = 2
    config.task.listLengths = [4]
    config.train?.entropyControl.coefficient = 1
    config.train?.entropyControl.tokenFraction = 0.02
    config.train?.entropyControl.covarianceLow = 1
    config.train?.entropyControl.covarianceHigh = 5
    config.train?.entropyControl.clipRatioHigh = 0.28
    config.train?.entropyControl.estimator = .k3
    return try request(config: config)
  }

  static let attempt = TrainEvent.Attempt(
    number: 1, resumeStep: 0, totalSteps: 160, pid: 4711, host: "node-1",
    startedAt: "2025-06-01T12:00:00Z", sourceFingerprint: hash, binarySHA256: hash,
    compute: compute, blas: "OpenBLAS 0.3.21 SkylakeX")

  /// Every kind of event, each with every member set.
  static let fullEvents: [TrainEvent] = [
    .attempt(attempt),
    .metrics(step: 4, seconds: 1.5, values: ["entropy": 0.7, "val_score": 0.1]),
    .checkpoint(step: 4, seconds: 1.75, file: "checkpoints/step-4"),
    .message(step: 4, seconds: 2, text: "a note\nof two lines"),
    .end(step: 160, seconds: 60, status: .failed, reason: "no space left on device"),
  ]

  static func result() throws -> RunResult {
    RunResult(
      id: try id(), steps: 160, attempt: 2, checkpoint: "checkpoints/final",
      checkpointSHA256: hash, seriesSHA256: hash, last: ["entropy": 0.2, "val_score": 0.33],
      definitions: ["entropy": "mean over responses of the mean over tokens"], wallSeconds: 61.5,
      peakMemoryBytes: 1 << 28, cpuSeconds: 60.25)
  }

  static func text(_ value: some Encodable) throws -> String {
    String(decoding: try JSONEncoder().encode(value), as: UTF8.self)
  }
}
