package import ExpCore
package import TrainerProtocol

/// The judge that a task's configuration asks for.
package struct JudgeSettings: Sendable, Hashable {
  /// Its widths.
  package let shape: ModelShape
  /// Steps of its training, at least 1.
  package let steps: Int
  /// Probability that a training label is turned round.
  package let labelNoise: Double

  /// Takes the settings; nil where no judge is asked for.
  ///
  /// - Throws: `TrainerError` for one that is missing, out of range, or no named size.
  package init?(_ task: TaskConfig) throws {
    guard task.name == .phrases else { return nil }
    steps = try TaskCheck.present(task.judgeSteps, key: "task.judge_steps")
    try TaskCheck.value(steps, in: 0...10_000_000, key: "task.judge_steps")
    guard steps > 0 else { return nil }
    let size = try TaskCheck.present(task.judgeSize, key: "task.judge_size")
    guard let shape = ModelShape.named(size) else {
      throw TrainerError(
        .badRequest, "'config.task.judge_size' is '\(size)', which is no named size",
        mend: "use one of: \(ModelShape.named.map(\.name).joined(separator: ", "))")
    }
    self.shape = shape
    labelNoise = try TaskCheck.present(task.judgeLabelNoise, key: "task.judge_label_noise")
    guard (0...0.5).contains(labelNoise) else {
      throw TrainerError(
        .badRequest, "'config.task.judge_label_noise' is \(labelNoise); it must be in 0...0.5")
    }
  }
}
