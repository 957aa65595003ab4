import ExpCore
import FoundationEssentials
import TestSupport
import Testing
import Trainer
import TrainerProtocol

@Suite("Recording: events, samples, series")
struct RecordingTests {
  private func attempt(_ number: Int, resumeStep: Int) -> TrainEvent.Attempt {
    TrainEvent.Attempt(
      number: number, resumeStep: resumeStep, totalSteps: 9, pid: 1, host: "h",
      startedAt: "2000-01-01T00:00:00Z", sourceFingerprint: TrainerFixtures.sources,
      binarySHA256: nil, compute: TrainerFixtures.compute, blas: "")
  }

  private func series(_ folder: RunFolder) throws -> RecordedSeries {
    try RecordedSeries(eventsAt: folder.events)
  }

  @Test("A last line that was cut off is removed, whole ones stay")
  func healing() throws {
    try withTemporaryFolder { folder in
      let path = "\(folder)/log"
      for (before, after) in [
        ("", "new\n"), ("one\n", "one\nnew\n"), ("one\ntw", "one\nnew\n"), ("tw", "new\n"),
        ("\n\nx", "\n\nnew\n"),
      ] {
        try Data(before.utf8).write(to: URL(filePath: path))
        let log = try LineLog(path: path)
        try log.append("new")
        #expect(try String(contentsOf: URL(filePath: path), encoding: .utf8) == after)
      }
    }
  }

  @Test("Steps after the one an attempt goes on from are void, and a repeated step counts once")
  func voidSteps() throws {
    try withTemporaryFolder { path in
      let folder = RunFolder(path: path)
      do {
        let recorder = try RunRecorder(folder: folder)
        try recorder.begin(attempt(1, resumeStep: 0))
        for step in 0...4 { try recorder.metrics(step: step, ["x": Double(step)]) }
      }
      let recorder = try RunRecorder(folder: folder)
      try recorder.begin(attempt(2, resumeStep: 2))
      try recorder.metrics(step: 3, ["x": 30, "y": 1])
      let merged = try series(folder)
      #expect(merged.attempts == 2)
      #expect(merged.values == [0: ["x": 0], 1: ["x": 1], 2: ["x": 2], 3: ["x": 30, "y": 1]])
      #expect(merged.last == ["x": 30, "y": 1])
      #expect(merged.isComplete(through: 3) { _ in true })
      #expect(!merged.isComplete(through: 4) { _ in true })
      #expect(merged.isComplete(through: 4) { $0 != 4 })
    }
  }

  @Test("The hash of a series knows steps, names and bits, but neither times nor attempts")
  func hash() throws {
    func hash(_ steps: [(Int, [String: Double])], resume: Int? = nil) throws -> ContentHash {
      try withTemporaryFolder { path in
        let folder = RunFolder(path: path)
        let recorder = try RunRecorder(folder: folder)
        try recorder.begin(attempt(1, resumeStep: 0))
        for (index, step) in steps.enumerated() {
          if index == resume { try recorder.begin(attempt(2, resumeStep: step.0 - 1)) }
          try recorder.metrics(step: step.0, step.1)
        }
        return try series(folder).contentHash(through: 9)
      }
    }
    let steps: [(Int, [String: Double])] = [(0, ["x": 0.1]), (1, ["x": 0.2, "a_seconds": 5])]
    let plain = try hash(steps)
    #expect(try hash(steps, resume: 1) == plain)
    #expect(try hash([(0, ["x": 0.1]), (1, ["x": 0.2, "a_per_second": 7])]) == plain)
    #expect(try hash([(0, ["x": 0.1]), (1, ["x": (0.2).nextUp])]) != plain)
    #expect(try hash([(0, ["x": 0.1]), (2, ["x": 0.2])]) != plain)
    #expect(try hash([(0, ["x": 0.1]), (1, ["y": 0.2])]) != plain)
  }

  @Test("Values that are not finite become a message, and doubles keep their bits")
  func values() throws {
    try withTemporaryFolder { path in
      let folder = RunFolder(path: path)
      let recorder = try RunRecorder(folder: folder)
      let odd = 0.1 + 0.2
      try recorder.metrics(
        step: 1, ["x": odd, "n": .nan, "i": .infinity, "t": Double.leastNonzeroMagnitude])
      let events = try TrainerFixtures.events(folder)
      guard case .metrics(_, _, let values) = events[0],
        case .message(_, _, let text) = events[1]
      else {
        Issue.record("expected values and a message")
        return
      }
      #expect(values == ["x": odd, "t": Double.leastNonzeroMagnitude])
      #expect(text == "not finite and not recorded: i, n")
    }
  }

  @Test("Samples of later steps and damaged lines are dropped when a run goes back")
  func samples() throws {
    try withTemporaryFolder { path in
      let folder = RunFolder(path: path)
      let answer = SampleRecord.Answer(text: "1 + 2", reward: 1, entropies: [0.25])
      do {
        let recorder = try RunRecorder(folder: folder)
        try recorder.samples(
          (0...4).map { SampleRecord(step: $0, prompt: "p", reference: "r", answers: [answer]) })
      }
      let whole = try Data(contentsOf: URL(filePath: folder.samples))
      try (whole + Data("{\"step\":1}\n{\"st".utf8)).write(to: URL(filePath: folder.samples))
      try RunRecorder.dropSamples(after: 2, in: folder)
      let kept = try LineLog.lines(folder.samples).map {
        try JSONValue(parsing: $0).decoded(as: SampleRecord.self)
      }
      #expect(kept.map(\.step) == [0, 1, 2] && kept[0].answers == [answer])
      try RunRecorder.dropSamples(after: -1, in: folder)
      #expect(try LineLog.lines(folder.samples).isEmpty)
    }
  }

  @Test("Random bytes for events never crash and count for nothing")
  func junk() throws {
    try withTemporaryFolder { path in
      let folder = RunFolder(path: path)
      var random = TrainerFixtures.random()
      for _ in 0..<50 {
        let bytes = (0..<300).map { _ in UInt8(random.below(256)) }
        try Data(bytes).write(to: URL(filePath: folder.events))
        #expect(try series(folder).attempts == 0)
      }
    }
  }
}
