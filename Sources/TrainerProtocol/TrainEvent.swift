public import ExpCore

/// One line of `events.jsonl`: appended whole and flushed by the trainer, read by anybody.
public enum TrainEvent: Sendable, Hashable {
  /// An attempt begins; values of later steps by earlier attempts are void.
  case attempt(Attempt)
  /// Values measured at a step.
  case metrics(step: Int, seconds: Double, values: [String: Double])
  /// A checkpoint is on disk, whole and synced.
  case checkpoint(step: Int, seconds: Double, file: String)
  /// Something a person may want to read.
  case message(step: Int, seconds: Double, text: String)
  /// The attempt ends by its own decision; the last line it writes.
  case end(step: Int, seconds: Double, status: EndStatus, reason: String?)

  /// How an attempt ended by its own decision.
  public enum EndStatus: String, Sendable, Hashable, Codable {
    /// All steps are done and `result.json` is written.
    case succeeded
    /// Asked to leave, or its parent vanished; a checkpoint is written and it can be resumed.
    case stopped
    /// It cannot go on, and the reason says why.
    case failed
  }

  /// The facts an attempt begins with.
  public struct Attempt: Sendable, Hashable, Codable {
    /// Counted from 1 within the run.
    public var number: Int
    /// The step it continues from; 0 at the beginning.
    public var resumeStep: Int
    /// Steps of the whole run.
    public var totalSteps: Int
    /// Process id.
    public var pid: Int
    /// Host name.
    public var host: String
    /// Wall-clock time in UTC, `YYYY-MM-DDThh:mm:ssZ`.
    public var startedAt: String
    /// Hash of the sources the trainer was built from.
    public var sourceFingerprint: ContentHash
    /// Hash of the trainer's binary.
    public var binarySHA256: ContentHash?
    /// Arithmetic in use, as the libraries name it.
    public var compute: RunRequest.Compute
    /// The BLAS library's own description.
    public var blas: String
    /// The GPU that computes, with the versions of its driver and libraries; nil on the processor.
    public var gpu: String?

    enum CodingKeys: String, CodingKey {
      case number, pid, host, compute, blas, gpu
      case resumeStep = "resume_step"
      case totalSteps = "total_steps"
      case startedAt = "started_at"
      case sourceFingerprint = "source_fingerprint"
      case binarySHA256 = "binary_sha256"
    }

    /// Makes the facts.
    public init(
      number: Int, resumeStep: Int, totalSteps: Int, pid: Int, host: String, startedAt: String,
      sourceFingerprint: ContentHash, binarySHA256: ContentHash?, compute: RunRequest.Compute,
      blas: String, gpu: String? = nil
    ) {
      self.number = number
      self.resumeStep = resumeStep
      self.totalSteps = totalSteps
      self.pid = pid
      self.host = host
      self.startedAt = startedAt
      self.sourceFingerprint = sourceFingerprint
      self.binarySHA256 = binarySHA256
      self.compute = compute
      self.blas = blas
      self.gpu = gpu
    }
  }
}

extension TrainEvent: Codable {
  private enum Key: String, CodingKey {
    case event, step, seconds, values, file, text, status, reason
  }

  /// Reads one line's object by its `event` key.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Key.self)
    let kind = try container.decode(String.self, forKey: .event)
    if kind == "attempt" {
      self = .attempt(try Attempt(from: decoder).checked(in: container))
      return
    }
    let step = try container.decode(Int.self, forKey: .step)
    let seconds = try container.decode(Double.self, forKey: .seconds)
    guard step >= 0, seconds >= 0 else {
      throw DecodingError.dataCorruptedError(
        forKey: step < 0 ? .step : .seconds, in: container,
        debugDescription: "\(step < 0 ? "\(step)" : "\(seconds)") is below 0")
    }
    switch kind {
    case "metrics":
      self = .metrics(
        step: step, seconds: seconds,
        values: try container.decode([String: Double].self, forKey: .values))
    case "checkpoint":
      self = .checkpoint(
        step: step, seconds: seconds, file: try container.decode(String.self, forKey: .file))
    case "message":
      self = .message(
        step: step, seconds: seconds, text: try container.decode(String.self, forKey: .text))
    case "end":
      self = .end(
        step: step, seconds: seconds,
        status: try container.decode(EndStatus.self, forKey: .status),
        reason: try container.decodeIfPresent(String.self, forKey: .reason))
    default:
      throw DecodingError.dataCorruptedError(
        forKey: .event, in: container, debugDescription: "'\(kind)' is not an event")
    }
  }

  /// Writes the object, its kind under `event`.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    func place(_ kind: String, _ step: Int, _ seconds: Double) throws {
      try container.encode(kind, forKey: .event)
      try container.encode(step, forKey: .step)
      try container.encode(seconds, forKey: .seconds)
    }
    switch self {
    case .attempt(let facts):
      try container.encode("attempt", forKey: .event)
      try facts.encode(to: encoder)
    case .metrics(let step, let seconds, let values):
      try place("metrics", step, seconds)
      try container.encode(values, forKey: .values)
    case .checkpoint(let step, let seconds, let file):
      try place("checkpoint", step, seconds)
      try container.encode(file, forKey: .file)
    case .message(let step, let seconds, let text):
      try place("message", step, seconds)
      try container.encode(text, forKey: .text)
    case .end(let step, let seconds, let status, let reason):
      try place("end", step, seconds)
      try container.encode(status, forKey: .status)
      try container.encodeIfPresent(reason, forKey: .reason)
    }
  }
}

extension TrainEvent.Attempt {
  /// Returns the facts as they are where their counts can be counts.
  fileprivate func checked<Key: CodingKey>(
    in container: KeyedDecodingContainer<Key>
  ) throws -> TrainEvent.Attempt {
    guard number >= 1, resumeStep >= 0, totalSteps >= 0 else {
      throw DecodingError.dataCorrupted(
        DecodingError.Context(
          codingPath: container.codingPath,
          debugDescription:
            "attempt \(number) from step \(resumeStep) of \(totalSteps) cannot be"))
    }
    return self
  }
}
