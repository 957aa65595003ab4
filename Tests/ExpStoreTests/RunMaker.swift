import ExpCore
import ExpStore
import Foundation
import Glibc
import TrainerProtocol

/// Writes run folders as a scheduler and a trainer leave them.
struct RunMaker {
  let paths: RunPaths

  init(_ folder: String) { paths = RunPaths(root: "\(folder)/runs") }

  /// A run's configuration: as the planner resolves it, with a few settings to vary.
  static func config(
    seed: Int = 0, algorithm: String = "grpo", control: String = "none", width: Int = 32,
    params: Int = 24_000, rate: Double = 2e-4
  ) -> JSONValue {
    [
      "task": [
        "name": "countdown", "numbers": [4], "max_target": 99, "slip_probability": 0.2,
      ],
      "model": [
        "width": .number(Double(width)), "layers": 2, "heads": 2, "kv_heads": 2, "hidden": 80,
        "tied_embeddings": true, "qkv_bias": false, "params": .number(Double(params)),
      ],
      "base": [
        "steps": 1200, "batch_size": 128, "learning_rate": 3e-3, "warmup_steps": 50,
        "final_learning_rate_fraction": 0.1, "weight_decay": 0.01, "beta1": 0.9, "beta2": 0.95,
        "max_grad_norm": 1, "seed": 0,
      ],
      "train": [
        "algorithm": .string(algorithm), "entropy_control": ["method": .string(control)],
        "steps": 160, "prompts_per_step": 128, "samples_per_prompt": 8,
        "updates_per_rollout": 2, "micro_batch_size": 128, "learning_rate": .number(rate),
        "weight_decay": 0, "beta1": 0.9, "beta2": 0.99, "max_grad_norm": 1,
        "clip_ratio_low": 0.2, "clip_ratio_high": 0.2, "loss_aggregation": "token_mean",
        "filter_groups": true, "temperature": 1,
      ],
      "evaluate": ["every": 4, "prompts": 1024, "samples": 4, "greedy": true, "keep": 8],
      "seed": .number(Double(seed)),
    ]
  }

  static func id(_ number: Int) -> RunID {
    RunID(
      configHash: ContentHash(of: "run \(number)"), sourceFingerprint: fingerprint, inputs: [])
  }

  static let fingerprint = ContentHash(of: "sources")
  static let base = id(-1)
  static let compute = RunRequest.Compute(
    blasCoreType: "Haswell", kernelSet: "avx2", threads: 1)

  static func time(_ second: Int) -> String {
    let digits = String(second % 60)
    return "2026-01-02T03:0\(second / 60):\(digits.count == 1 ? "0" : "")\(digits)Z"
  }

  /// Makes the folder with its request and provenance.
  @discardableResult
  func start(
    _ id: RunID, config: JSONValue = config(), second: Int = 0, experiment: String = "law"
  ) throws -> RunFolder {
    let folder = paths.run(id)
    try FileManager.default.createDirectory(
      atPath: folder.path, withIntermediateDirectories: true)
    let request = RunRequest(
      id: id, kind: .rl, config: try config.decoded(as: RunConfig.self),
      base: .init(id: RunMaker.base, checkpoint: "../base.ckpt", sha256: nil),
      compute: RunMaker.compute, sourceFingerprint: RunMaker.fingerprint)
    try write(try JSONValue(encoding: request).prettyJSON, folder.request)
    let provenance = RunProvenance(
      experiment: experiment, label: "label \(id)",
      source: SourcePin(
        commit: String(repeating: "a", count: 40), tree: String(repeating: "b", count: 40),
        head: nil, branch: "main", remote: nil, snapshot: second % 2 == 1, root: "/repo",
        leftOut: []),
      trainerFingerprint: RunMaker.fingerprint, trainerBinarySHA256: nil,
      machine: MachineFacts(
        host: "h", processor: "p", cores: 2, memoryBytes: 1, system: "s", bootID: "b"),
      environment: [:], commandLine: ["exp", "sweep"], createdAt: RunMaker.time(second),
      specFiles: [:])
    try write(try JSONValue(encoding: provenance).prettyJSON, folder.provenance)
    return folder
  }

  /// Appends events, a line each.
  func append(_ events: [TrainEvent], to folder: RunFolder) throws {
    try append(
      try events.map { try JSONValue(encoding: $0).canonicalJSON + "\n" }.joined(), folder.events)
  }

  static func attempt(
    _ number: Int, resume: Int = 0, pid: Int = 100, second: Int = 0
  ) -> TrainEvent {
    .attempt(
      .init(
        number: number, resumeStep: resume, totalSteps: 160, pid: pid, host: "h",
        startedAt: time(second), sourceFingerprint: fingerprint, binarySHA256: nil,
        compute: compute, blas: "b"))
  }

  static func metrics(_ step: Int, _ values: [String: Double]) -> TrainEvent {
    .metrics(step: step, seconds: Double(step) / 2, values: values)
  }

  /// Writes the final record.
  func finish(_ id: RunID, steps: Int = 2) throws {
    let result = RunResult(
      id: id, steps: steps, attempt: 1, checkpoint: "checkpoints/2.ckpt",
      checkpointSHA256: ContentHash(of: "c"), seriesSHA256: ContentHash(of: "s"), last: [:],
      definitions: [:], wallSeconds: 12.5, peakMemoryBytes: 1, cpuSeconds: 1)
    try write(try JSONValue(encoding: result).prettyJSON, paths.run(id).result)
  }

  /// Appends the record of an attempt that ended.
  func end(
    _ id: RunID, _ outcome: RunState, exit: Int?, pid: Int = 100, started: Int = 0, ended: Int = 30
  ) throws {
    let record = AttemptRecord(
      pid: pid, startedAt: RunMaker.time(started), endedAt: RunMaker.time(ended), outcome: outcome,
      exitCode: exit, reason: outcome == .failed ? "it broke" : nil)
    try append(
      try JSONValue(encoding: record).canonicalJSON + "\n", paths.run(id).attempts)
  }

  /// A whole succeeded run of three recorded steps.
  @discardableResult
  func succeed(
    _ number: Int, config: JSONValue = config(), second: Int = 0, last: Double = 0.75
  ) throws -> RunID {
    let id = RunMaker.id(number)
    let folder = try start(id, config: config, second: second)
    try append(
      [
        RunMaker.attempt(1, second: second),
        RunMaker.metrics(0, ["entropy": 1.5, "val_score": 0.25]),
        RunMaker.metrics(1, ["train_reward": 0.5, "zeta": 1e-7]),
        RunMaker.metrics(2, ["entropy": 0.1, "val_score": last, "train_reward": 0.625]),
        .end(step: 2, seconds: 3, status: .succeeded, reason: nil),
      ], to: folder)
    try finish(id)
    try end(id, .succeeded, exit: 0, started: second, ended: second + 20)
    return id
  }

  /// The plan of runs by number.
  func plan(_ name: String, _ numbers: [Int], second: Int = 0, configs: [JSONValue]? = nil) throws
    -> SweepRecord
  {
    let points = numbers.enumerated().map { index, number in
      let config = configs?[index] ?? RunMaker.config(seed: number)
      return SweepRecord.Point(
        run: RunMaker.id(number), base: RunMaker.base, configHash: ContentHash(of: config),
        label: "seed=\(number)", index: index, heldOut: index == numbers.count - 1,
        modelSize: "24k", config: config)
    }
    let record = SweepRecord(
      name: name, specPath: "experiments/\(name).yaml", createdAt: RunMaker.time(second),
      commandLine: ["exp", "sweep", "it's"], points: points)
    try record.write(below: paths)
    return record
  }

  func write(_ text: String, _ path: String) throws {
    try Data(text.utf8).write(to: URL(filePath: path))
  }

  func append(_ text: String, _ path: String) throws {
    let earlier = FileManager.default.contents(atPath: path) ?? Data()
    try (earlier + Data(text.utf8)).write(to: URL(filePath: path))
  }
}

/// Holds a lock as a living trainer does, until it goes.
final class HeldLock {
  private let file: Int32

  init(_ path: String) {
    file = open(path, O_RDWR | O_CREAT, 0o644)
    flock(file, LOCK_EX)
  }

  deinit { close(file) }
}
