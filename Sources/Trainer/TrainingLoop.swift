internal import TrainerProtocol

/// Drives a stage from where it stands to its end, recording values and saving checkpoints.
package struct TrainingLoop {
  /// How it ended.
  package enum Outcome: Sendable, Hashable {
    /// All steps are done.
    case finished
    /// Somebody asked to stop; everything up to this step is saved.
    case stopped(step: Int)
  }

  private let stage: any TrainingStage
  private let recorder: RunRecorder
  private let checkpoints: CheckpointFolder
  private let header: CheckpointHeader
  private let checkpointSeconds: Double
  private let shouldStop: () -> Bool

  /// Makes a loop; `header` is what checkpoints say of the run, its step and times are filled in.
  package init(
    stage: any TrainingStage, recorder: RunRecorder, checkpoints: CheckpointFolder,
    header: CheckpointHeader, checkpointSeconds: Double, shouldStop: @escaping () -> Bool
  ) {
    self.stage = stage
    self.recorder = recorder
    self.checkpoints = checkpoints
    self.header = header
    self.checkpointSeconds = checkpointSeconds
    self.shouldStop = shouldStop
  }

  /// Runs all steps after `resumeStep`; nil begins before the measurement of step 0.
  package func run(after resumeStep: Int?) throws -> Outcome {
    var step = resumeStep ?? 0
    var savedStep = resumeStep
    // Before the values of step 0 are recorded there is nothing worth saving: the beginning is as good.
    var hasBegun = resumeStep != nil
    var lastSave = recorder.seconds
    do {
      if resumeStep == nil {
        try stage.start()
        if stage.isRecorded(0) { try record(try stage.measureStart(), step: 0) }
        hasBegun = true
      }
      while step < stage.totalSteps {
        if shouldStop() { throw StopRequested() }
        try record(try stage.advance(to: step + 1), step: step + 1)
        step += 1
        if recorder.seconds - lastSave >= checkpointSeconds && step < stage.totalSteps {
          try save(step)
          savedStep = step
          lastSave = recorder.seconds
        }
      }
    } catch is StopRequested {
      if hasBegun && savedStep != step { try save(step) }
      return .stopped(step: step)
    } catch let error as NonFiniteGradient {
      // The step was undone: what was good before it is worth keeping.
      if hasBegun && savedStep != step { try save(step) }
      throw TrainerError(
        .badRequest,
        "step \(step + 1): \(error); the last good state is "
          + (hasBegun ? "'checkpoints/\(CheckpointFolder.name(step: step))'" : "the beginning"),
        mend: "lower the learning rate or the weight of a term; the same step would fail again")
    }
    if savedStep != step { try save(step) }
    return .finished
  }

  private func record(_ record: StepRecord, step: Int) throws {
    for text in record.messages { try recorder.message(step: step, text) }
    if !record.samples.isEmpty { try recorder.samples(record.samples) }
    if !record.values.isEmpty { try recorder.metrics(step: step, record.values) }
  }

  private func save(_ step: Int) throws {
    // Values first: a durable checkpoint whose values were lost could not be gone on from.
    try recorder.synchronize()
    var header = header
    header.step = step
    header.seconds = recorder.seconds
    try stage.state.write(header, to: checkpoints.file(step: step))
    try recorder.checkpoint(step: step, file: "checkpoints/\(CheckpointFolder.name(step: step))")
    checkpoints.removeSteps(except: step)
  }
}
