package import ExpCore
internal import TrainerProtocol

/// What the events of all attempts say together: the values that count, by step.
package struct RecordedSeries: Sendable {
  /// Attempts that were begun.
  package private(set) var attempts = 0
  /// The values of each step; those that a later attempt went back before are gone.
  package private(set) var values: [Int: [String: Double]] = [:]

  /// Reads an event file; lines that are not events count for nothing.
  ///
  /// - Throws: `TrainerError` where the file cannot be read.
  package init(eventsAt path: String) throws {
    for line in try LineLog.lines(path) {
      // try?: a damaged line must not keep the run from going on; what it held is missed below, if it mattered
      guard let event = try? JSONValue(parsing: line).decoded(as: TrainEvent.self) else { continue }
      add(event)
    }
  }

  private mutating func add(_ event: TrainEvent) {
    switch event {
    case .attempt(let attempt):
      attempts += 1
      values = values.filter { $0.key <= attempt.resumeStep }
    case .metrics(let step, _, let measured):
      values[step, default: [:]].merge(measured) { _, last in last }
    case .checkpoint, .message, .end:
      break
    }
  }

  /// The last value of each metric.
  package var last: [String: Double] {
    values.sorted { $0.key < $1.key }.reduce(into: [:]) { last, step in
      last.merge(step.value) { _, later in later }
    }
  }

  /// Returns whether every step up to `step` that should have values has them.
  package func isComplete(through step: Int, where isRecorded: (Int) -> Bool) -> Bool {
    (0...step).allSatisfy { !isRecorded($0) || values[$0] != nil }
  }

  /// Hash over steps, names and bit patterns of all values, in order of step and name, times left out.
  ///
  /// A resumed run and an uninterrupted one have the same hash.
  package func contentHash(through lastStep: Int) -> ContentHash {
    var text = ""
    for (step, measured) in values.sorted(by: { $0.key < $1.key }) where step <= lastStep {
      for (name, value) in measured.sorted(by: { $0.key < $1.key })
      where !MetricName.isTime(name) {
        text += "\(step) \(name) \(String(value.bitPattern, radix: 16))\n"
      }
    }
    return ContentHash(of: text)
  }
}
