internal import ExpCore
package import TrainerProtocol

/// Writes what a run does into its folder: events, and samples of evaluations.
package final class RunRecorder {
  private let events: LineLog
  private let samples: LineLog
  private let folder: RunFolder
  private let clock = ContinuousClock()
  private let begin: ContinuousClock.Instant
  /// Seconds of earlier attempts that count, added to this attempt's.
  package var earlierSeconds = 0.0

  /// Opens the files, healing last lines that were cut off.
  package init(folder: RunFolder) throws {
    self.folder = folder
    events = try LineLog(path: folder.events)
    samples = try LineLog(path: folder.samples)
    begin = clock.now
  }

  /// Seconds of monotonic time of all attempts that count, up to now.
  package var seconds: Double { earlierSeconds + (clock.now - begin).seconds }

  /// Begins an attempt.
  package func begin(_ attempt: TrainEvent.Attempt) throws { try append(.attempt(attempt)) }

  /// Records values; those that are not finite have no place in JSON and become a message.
  package func metrics(step: Int, _ values: [String: Double]) throws {
    let finite = values.filter { $0.value.isFinite }
    try append(.metrics(step: step, seconds: seconds, values: finite))
    let lost = values.keys.filter { finite[$0] == nil }.sorted()
    if !lost.isEmpty {
      try message(step: step, "not finite and not recorded: \(lost.joined(separator: ", "))")
    }
  }

  /// Records that a checkpoint is on the disk.
  package func checkpoint(step: Int, file: String) throws {
    try append(.checkpoint(step: step, seconds: seconds, file: file))
  }

  /// Records something for people.
  package func message(step: Int, _ text: String) throws {
    try append(.message(step: step, seconds: seconds, text: text))
  }

  /// Records the end of the attempt.
  package func end(step: Int, _ status: TrainEvent.EndStatus, reason: String? = nil) throws {
    try append(.end(step: step, seconds: seconds, status: status, reason: reason))
    try events.synchronize()
  }

  /// Keeps what an evaluation sampled.
  package func samples(_ records: [SampleRecord]) throws {
    for record in records { try samples.append(try JSONValue(encoding: record).canonicalJSON) }
  }

  /// Waits until everything recorded is on the disk; a checkpoint must never be newer than its values.
  package func synchronize() throws {
    try events.synchronize()
    try samples.synchronize()
  }

  /// Drops kept samples of steps after the one an attempt goes on from.
  package static func dropSamples(after step: Int, in folder: RunFolder) throws {
    let lines = try LineLog.lines(folder.samples)
    let kept = lines.filter { line in
      // try?: a damaged line is dropped like one of a later step
      guard let record = try? JSONValue(parsing: line).decoded(as: SampleRecord.self) else {
        return false
      }
      return record.step <= step
    }
    guard kept.count < lines.count else { return }
    let text = kept.map { String(decoding: $0, as: UTF8.self) + "\n" }.joined()
    try DurableFile.write(text, to: folder.samples)
  }

  private func append(_ event: TrainEvent) throws {
    try events.append(try JSONValue(encoding: event).canonicalJSON)
  }
}

extension Duration {
  /// The duration in seconds.
  package var seconds: Double {
    Double(components.seconds) + Double(components.attoseconds) * 1e-18
  }
}
