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
    case noSuchPoint(String)
  }

  static let compute = RunRequest.Compute(
    blasCoreType: "SkylakeX", kernelSet: "avx512", threads: 1)

  static let noControl = #"{"method":"none"}"#

  /// Resolved points, as `exp plan` wrote them: one for every algorithm and task.
  private static func points() throws -> [JSONValue] {
    let path = URL(filePath: #filePath).deletingLastPathComponent()
      .appending(path: "Fixtures/points.json").path
    return try JSONValue(parsing: try String(contentsOfFile: path, encoding: .utf8).utf8).array
      ?? []
  }

  private static func point(_ path: String, _ name: String) throws -> JSONValue {
    guard let point = try points().first(where: { $0[path: path]?.string == name }) else {
      throw SampleError.noSuchPoint(name)
    }
    return point
  }

  /// A configuration; `rl` false leaves out what only an RL run has.
  static func config(
    task: String = "countdown", algorithm: String = "grpo", control: String = noControl,
    rl: Bool = true
  ) throws -> RunConfig {
    var document = try point("train.algorithm", algorithm)
    document[path: "task"] = try point("task.name", task)[path: "task"]
    document[path: "train.entropy_control"] = try JSONValue(parsing: control.utf8)
    if !rl { for key in ["train", "evaluate", "seed"] { document[path: key] = nil } }
    return try document.decoded(as: RunConfig.self)
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
    let documents = try points()
    var all = try point("train.algorithm", "grpo")
    for section in ["task", "train"] {
      var members: [String: JSONValue] = [:]
      for document in documents {
        members.merge(document[path: section]?.object ?? [:]) { first, _ in first }
      }
      all[path: section] = .object(members)
    }
    all[path: "train.entropy_control"] = [
      "method": "clip_cov", "coefficient": 1, "token_fraction": 0.02, "covariance_low": 1,
      "covariance_high": 5, "clip_ratio_high": 0.28, "estimator": "k3", "reverse": false,
      "threshold": 0.9,
    ]
    return try request(config: try all.decoded(as: RunConfig.self))
  }

  static let attempt = TrainEvent.Attempt(
    number: 1, resumeStep: 0, totalSteps: 160, pid: 4711, host: "node-1",
    startedAt: "2025-06-01T12:00:00Z", sourceFingerprint: hash, binarySHA256: hash,
    compute: compute, blas: "OpenBLAS 0.3.21 SkylakeX",
    gpu: "a GPU (GPU-1), compute 9.0")

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
