package import ExpCore
package import TrainerProtocol

/// One attempt of a run: finds where it stands, goes on from there, and leaves its record.
package struct TrainingRun {
  /// Who computes: what an attempt says of the program and its libraries.
  package struct Identity: Sendable {
    /// Hash of the sources.
    package var sourceFingerprint: ContentHash
    /// Hash of the program's file.
    package var binarySHA256: ContentHash?
    /// The BLAS library's own description.
    package var blas: String
    /// The GPU that computes, with its versions; nil on the processor.
    package var gpu: String?

    /// Makes an identity.
    package init(
      sourceFingerprint: ContentHash, binarySHA256: ContentHash?, blas: String, gpu: String? = nil
    ) {
      self.sourceFingerprint = sourceFingerprint
      self.binarySHA256 = binarySHA256
      self.blas = blas
      self.gpu = gpu
    }
  }

  private let request: RunRequest
  private let folder: RunFolder
  private let identity: Identity
  private let stopReason: () -> String?

  /// Makes an attempt; `stopReason` says why to stop as soon as somebody wants it to.
  package init(
    _ request: RunRequest, in folder: RunFolder, identity: Identity,
    stopReason: @escaping () -> String?
  ) {
    self.request = request
    self.folder = folder
    self.identity = identity
    self.stopReason = stopReason
  }

  /// Runs the attempt to its end.
  ///
  /// - Throws: `TrainerError` for what keeps it from going on; the reason then stands in the events too, where it can.
  package func run() throws -> TrainerExit {
    let checkpoints = try CheckpointFolder(path: folder.checkpoints)
    let earlier = try RecordedSeries(eventsAt: folder.events)
    if isFinished(checkpoints, earlier) { return .succeeded }
    let stage = try makeStage()
    let resume = try findResume(stage, checkpoints, earlier)
    try RunRecorder.dropSamples(after: resume.step ?? -1, in: folder)
    let recorder = try RunRecorder(folder: folder)
    recorder.earlierSeconds = resume.seconds
    let number = earlier.attempts + 1
    try recorder.begin(attempt(number, resume.step ?? 0, stage.totalSteps))
    for text in resume.problems { try recorder.message(step: resume.step ?? 0, text) }
    do {
      let loop = TrainingLoop(
        stage: stage, recorder: recorder, checkpoints: checkpoints, header: try header(stage),
        checkpointSeconds: request.checkpointSeconds, shouldStop: { stopReason() != nil })
      switch try loop.run(after: resume.step) {
      case .stopped(let step):
        try recorder.end(step: step, .stopped, reason: stopReason())
        return .stopped
      case .finished:
        try finish(stage, recorder, checkpoints, attempt: number)
        return .succeeded
      }
    } catch {
      // try?: the first error is the one to report, and a full disk may refuse this line too
      try? recorder.end(step: resume.step ?? 0, .failed, reason: "\(error)")
      throw error
    }
  }

  /// Whether an earlier attempt did everything: its record, its policy and its values are there and agree.
  private func isFinished(_ checkpoints: CheckpointFolder, _ series: RecordedSeries) -> Bool {
    guard let result = ResultFile.read(folder.result), result.id == request.id,
      series.contentHash(through: result.steps) == result.seriesSHA256,
      // try?: a final policy that cannot be read is made again
      let hash = try? CheckpointFile(path: checkpoints.final).contentHash
    else { return false }
    return hash == result.checkpointSHA256
  }

  private func makeStage() throws -> any TrainingStage {
    let family = try TaskCatalogue.family(request.config.task)
    let shouldStop = { stopReason() != nil }
    guard let train = request.config.train, let evaluate = request.config.evaluate,
      let seed = request.config.seed, let base = request.base
    else { return try BaseStage(request.config, family: family, shouldStop: shouldStop) }
    let policy = try BasePolicy(base, config: request.config, folder: folder.path)
    return try RLStage(
      request.config, train: train, evaluate: evaluate, seed: UInt64(seed), family: family,
      base: policy, shouldStop: shouldStop)
  }

  private struct Resume {
    /// The step that was reached; nil to begin at the beginning.
    var step: Int?
    var seconds = 0.0
    /// What was wrong with newer checkpoints.
    var problems: [String] = []
  }

  /// Takes the newest checkpoint that is whole, belongs to this run, and has all its values recorded.
  private func findResume(
    _ stage: any TrainingStage, _ checkpoints: CheckpointFolder, _ series: RecordedSeries
  ) throws -> Resume {
    var resume = Resume()
    let configHash = try request.config.contentHash
    for step in checkpoints.steps() {
      do {
        let checkpoint = try CheckpointFile(path: checkpoints.file(step: step))
        let header = checkpoint.header
        guard header.id == request.id, header.configHash == configHash, header.step == step,
          header.kind == request.kind, step <= stage.totalSteps
        else { throw TrainerError(.badRequest, "it belongs to another run or step") }
        guard series.isComplete(through: step, where: stage.isRecorded) else {
          throw TrainerError(.badRequest, "events.jsonl lacks values of its steps")
        }
        try stage.state.read(checkpoint)
        resume.step = step
        resume.seconds = max(0, header.seconds)
        return resume
      } catch {
        resume.problems.append("\(CheckpointFolder.name(step: step)) is not used: \(error)")
      }
    }
    return resume
  }

  private func attempt(_ number: Int, _ resumeStep: Int, _ totalSteps: Int) -> TrainEvent.Attempt {
    TrainEvent.Attempt(
      number: number, resumeStep: resumeStep, totalSteps: totalSteps, pid: ProcessFacts.pid,
      host: ProcessFacts.hostName, startedAt: ProcessFacts.utcNow,
      sourceFingerprint: identity.sourceFingerprint, binarySHA256: identity.binarySHA256,
      compute: request.compute, blas: identity.blas, gpu: identity.gpu)
  }

  private func header(_ stage: any TrainingStage) throws -> CheckpointHeader {
    CheckpointHeader(
      id: request.id, kind: request.kind, configHash: try request.config.contentHash, step: 0,
      seconds: 0, shape: stage.state.model.shape, vocabulary: stage.state.model.vocabulary,
      contextLength: stage.state.model.contextLength)
  }

  private func finish(
    _ stage: any TrainingStage, _ recorder: RunRecorder, _ checkpoints: CheckpointFolder,
    attempt: Int
  ) throws {
    var header = try header(stage)
    header.step = stage.totalSteps
    // Times stay out of the policy's file, so that equal runs leave equal files.
    // A base policy keeps its judge; what learns beside a policy in RL is of no use after it.
    let kept = request.kind == .base ? stage.state.companions.map(\.name) : []
    try stage.state.writePolicy(header, with: kept, to: checkpoints.final)
    try recorder.synchronize()
    let series = try RecordedSeries(eventsAt: folder.events)
    let result = RunResult(
      id: request.id, steps: stage.totalSteps, attempt: attempt,
      checkpoint: "checkpoints/\(CheckpointFolder.finalName)",
      checkpointSHA256: try CheckpointFile(path: checkpoints.final).contentHash,
      seriesSHA256: series.contentHash(through: stage.totalSteps), last: series.last,
      definitions: stage.definitions, wallSeconds: recorder.seconds,
      peakMemoryBytes: ProcessFacts.peakMemoryBytes, cpuSeconds: ProcessFacts.cpuSeconds)
    try ResultFile.write(result, to: folder.result)
    checkpoints.removeSteps(except: nil)
    try recorder.end(step: stage.totalSteps, .succeeded)
  }
}
