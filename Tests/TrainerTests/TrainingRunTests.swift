import ExpCore
import FoundationEssentials
import TestSupport
import Testing
import Trainer
import TrainerProtocol

@Suite("Whole runs of a tiny model")
struct TrainingRunTests {
  private func run(
    _ request: RunRequest, in folder: RunFolder, stopAfter polls: Int = .max
  ) throws -> TrainerExit {
    var left = polls
    return try TrainingRun(
      request, in: folder, identity: TrainerFixtures.identity,
      stopReason: {
        left -= 1
        return left < 0 ? "asked by the test" : nil
      }
    ).run()
  }

  private func policy(_ folder: RunFolder) throws -> ContentHash {
    try CheckpointFile(path: "\(folder.checkpoints)/\(CheckpointFolder.finalName)").contentHash
  }

  @Test("A base policy learns, leaves its policy and record, and does so twice with equal bits")
  func base() throws {
    try withTemporaryFolder { folder in
      let request = TrainerFixtures.baseRequest(TrainerFixtures.run())
      var results: [RunResult] = []
      for name in ["a", "b"] {
        let run = try TrainerFixtures.makeFolder("\(folder)/\(name)")
        #expect(try self.run(request, in: run) == .succeeded)
        results.append(try TrainerFixtures.result(run))
        #expect(try policy(run) == results.last?.checkpointSHA256)
      }
      #expect(results[0].seriesSHA256 == results[1].seriesSHA256)
      #expect(results[0].checkpointSHA256 == results[1].checkpointSHA256)
      #expect(results[0].steps == 120 && results[0].attempt == 1)
      let series = try RecordedSeries(eventsAt: "\(folder)/a/events.jsonl")
      #expect(series.values.keys.sorted() == Array(stride(from: 10, through: 120, by: 10)))
      let losses = series.values.sorted { $0.key < $1.key }.compactMap { $0.value["base_loss"] }
      #expect(losses.count == 12 && losses[11] < losses[0] && losses[11] > 0)
    }
  }

  @Test("An RL run records every step, measures step 0 and the last, and leaves samples")
  func rl() throws {
    try withTemporaryFolder { folder in
      let config = TrainerFixtures.run()
      let request = try TrainerFixtures.runRequest(config, below: folder)
      let run = try TrainerFixtures.makeFolder("\(folder)/run")
      #expect(try self.run(request, in: run) == .succeeded)
      let series = try RecordedSeries(eventsAt: run.events)
      #expect(series.values.keys.sorted() == Array(0...6))
      for step in 0...6 {
        let values = series.values[step] ?? [:]
        #expect((values[MetricName.entropy] != nil) == [0, 3, 6].contains(step))
        #expect((values[MetricName.valScore] != nil) == [0, 3, 6].contains(step))
        #expect((values[MetricName.trainReward] != nil) == (step > 0))
        #expect((values["rollout_seconds"] != nil) == (step > 0))
      }
      let updates = series.values.values.reduce(0) { $0 + ($1["updates"] ?? 0) }
      #expect(updates >= 10)
      #expect(series.last["ratio_max"] != 1)
      let samples = try LineLog.lines(run.samples).map {
        try JSONValue(parsing: $0).decoded(as: SampleRecord.self)
      }
      #expect(samples.map(\.step) == [0, 0, 3, 3, 6, 6])
      #expect(samples.allSatisfy { $0.answers.count == 2 && $0.greedy != nil })
      let result = try TrainerFixtures.result(run)
      #expect(result.definitions[MetricName.entropy]?.contains("2 answers") == true)
      #expect(result.last[MetricName.valScore] == series.values[6]?[MetricName.valScore])
      let names = try FileManager.default.contentsOfDirectory(atPath: run.checkpoints)
      #expect(names == [CheckpointFolder.finalName])
      guard case .end(6, _, .succeeded, _) = try TrainerFixtures.events(run).last else {
        Issue.record("the last event is not the end")
        return
      }
    }
  }

  @Test("Stopped at many places and resumed, a run gives the bits of an undisturbed one")
  func resume() throws {
    try withTemporaryFolder { folder in
      let request = try TrainerFixtures.runRequest(TrainerFixtures.run(), below: folder)
      let plain = try TrainerFixtures.makeFolder("\(folder)/plain")
      #expect(try run(request, in: plain) == .succeeded)
      let wanted = try TrainerFixtures.result(plain)
      var resumeSteps: Set<Int> = []
      for (index, polls) in [0, 3, 9, 16, 23, 31, 45, 60].enumerated() {
        let disturbed = try TrainerFixtures.makeFolder("\(folder)/disturbed-\(index)")
        var attempts = 1
        while try run(request, in: disturbed, stopAfter: polls + 7 * attempts) == .stopped {
          attempts += 1
        }
        let result = try TrainerFixtures.result(disturbed)
        #expect(result.attempt == attempts)
        #expect(result.seriesSHA256 == wanted.seriesSHA256)
        #expect(result.checkpointSHA256 == wanted.checkpointSHA256)
        let samples = try String(contentsOf: URL(filePath: disturbed.samples), encoding: .utf8)
        #expect(try samples == String(contentsOf: URL(filePath: plain.samples), encoding: .utf8))
        for case .attempt(let attempt) in try TrainerFixtures.events(disturbed) {
          resumeSteps.insert(attempt.resumeStep)
        }
      }
      #expect(resumeSteps.count >= 4)
    }
  }

  @Test("A base stage that is stopped and resumed gives the bits of an undisturbed one")
  func resumeBase() throws {
    try withTemporaryFolder { folder in
      let request = TrainerFixtures.baseRequest(TrainerFixtures.run())
      let plain = try TrainerFixtures.makeFolder("\(folder)/plain")
      #expect(try run(request, in: plain) == .succeeded)
      let stopped = try TrainerFixtures.makeFolder("\(folder)/stopped")
      #expect(try run(request, in: stopped, stopAfter: 31) == .stopped)
      #expect(try run(request, in: stopped) == .succeeded)
      let (left, right) = (
        try TrainerFixtures.result(plain), try TrainerFixtures.result(stopped)
      )
      #expect(left.seriesSHA256 == right.seriesSHA256)
      #expect(left.checkpointSHA256 == right.checkpointSHA256)
      #expect(right.attempt == 2)
    }
  }

  @Test(
    "A damaged newest checkpoint is passed over with a message, and so is one whose values are lost"
  )
  func damagedCheckpoint() throws {
    try withTemporaryFolder { folder in
      let request = try TrainerFixtures.runRequest(TrainerFixtures.run(), below: folder)
      let plain = try TrainerFixtures.makeFolder("\(folder)/plain")
      _ = try run(request, in: plain)
      let disturbed = try TrainerFixtures.makeFolder("\(folder)/disturbed")
      #expect(try run(request, in: disturbed, stopAfter: 40) == .stopped)
      let checkpoints = try CheckpointFolder(path: disturbed.checkpoints)
      let step = try #require(checkpoints.steps().first)
      let good = try Data(contentsOf: URL(filePath: checkpoints.file(step: step)))
      try good.prefix(good.count / 2).write(to: URL(filePath: checkpoints.file(step: step + 1)))
      // Complete, but its step's values are missing from the events.
      try good.write(to: URL(filePath: checkpoints.file(step: step + 2)))
      #expect(try run(request, in: disturbed) == .succeeded)
      let messages = try TrainerFixtures.events(disturbed).compactMap { event in
        if case .message(_, _, let text) = event { text } else { nil }
      }
      #expect(messages.count { $0.contains("is not used") } == 2)
      #expect(
        try TrainerFixtures.result(disturbed).seriesSHA256
          == TrainerFixtures.result(plain).seriesSHA256)
    }
  }

  @Test("Without its events a checkpoint is worth nothing: the run begins again and ends the same")
  func lostEvents() throws {
    try withTemporaryFolder { folder in
      let request = try TrainerFixtures.runRequest(TrainerFixtures.run(), below: folder)
      let plain = try TrainerFixtures.makeFolder("\(folder)/plain")
      _ = try run(request, in: plain)
      let disturbed = try TrainerFixtures.makeFolder("\(folder)/disturbed")
      #expect(try run(request, in: disturbed, stopAfter: 40) == .stopped)
      try FileManager.default.removeItem(atPath: disturbed.events)
      #expect(try run(request, in: disturbed) == .succeeded)
      #expect(
        try TrainerFixtures.result(disturbed).seriesSHA256
          == TrainerFixtures.result(plain).seriesSHA256)
    }
  }

  @Test("A finished run is not done again")
  func finished() throws {
    try withTemporaryFolder { folder in
      let request = TrainerFixtures.baseRequest(TrainerFixtures.run())
      let run = try TrainerFixtures.makeFolder("\(folder)/a")
      #expect(try self.run(request, in: run) == .succeeded)
      let events = try Data(contentsOf: URL(filePath: run.events))
      #expect(try self.run(request, in: run) == .succeeded)
      #expect(try Data(contentsOf: URL(filePath: run.events)) == events)
    }
  }

  @Test("A base policy that is missing, altered, or of another configuration is refused")
  func wrongBase() throws {
    try withTemporaryFolder { folder in
      let request = try TrainerFixtures.runRequest(TrainerFixtures.run(), below: folder)
      let run = try TrainerFixtures.makeFolder("\(folder)/run")
      func refusal(_ change: (inout RunRequest) -> Void) -> TrainerError? {
        var changed = request
        change(&changed)
        return #expect(throws: TrainerError.self) { _ = try self.run(changed, in: run) }
      }
      #expect(refusal { $0.base?.checkpoint = "missing" }?.message.contains("missing") == true)
      #expect(refusal { $0.base?.sha256 = nil }?.exit == .badRequest)
      #expect(refusal { $0.base?.sha256 = ContentHash(of: "x") }?.exit == .badRequest)
      #expect(refusal { $0.base?.id = TrainerFixtures.id("x") }?.exit == .badRequest)
      #expect(refusal { $0.config.base.seed = 9 }?.exit == .badRequest)
      #expect(refusal { $0.config.task.slipProbability = 0.5 }?.exit == .badRequest)
    }
  }

  @Test(
    "The size of a micro-batch changes rounding only",
    arguments: EntropyControlConfig.Method.allCases)
  func microBatches(method: EntropyControlConfig.Method) throws {
    try withTemporaryFolder { folder in
      var values: [[String: Double]] = []
      for size in [48, 5] {
        var train = TrainerFixtures.train(.grpo, method)
        train.steps = 1
        train.microBatchSize = size
        let below = "\(folder)/\(size)"
        let request = try TrainerFixtures.runRequest(
          TrainerFixtures.run(train: train), below: below)
        let run = try TrainerFixtures.makeFolder("\(below)/run")
        #expect(try self.run(request, in: run) == .succeeded)
        values.append(
          try TrainerFixtures.result(run).last.filter {
            // Rates are times, and passes over pieces may cost another count of operations.
            !MetricName.isTime($0.key) && $0.key != "flops"
          })
      }
      #expect(values[0].keys == values[1].keys)
      for (name, value) in values[0] {
        #expect((value - (values[1][name] ?? .nan)).magnitude < 1e-5 * max(1, value.magnitude))
      }
    }
  }

  @Test("The same seed gives every arm the same first rollout; another seed gives another")
  func arms() throws {
    try withTemporaryFolder { folder in
      func first(_ config: RunConfig, _ name: String) throws -> [String: Double] {
        let request = try TrainerFixtures.runRequest(config, below: "\(folder)/\(name)")
        let run = try TrainerFixtures.makeFolder("\(folder)/\(name)/run")
        #expect(try self.run(request, in: run) == .succeeded)
        let values = try RecordedSeries(eventsAt: run.events).values
        return ["train_reward", "response_length", "entropy_rollout"].reduce(into: [:]) {
          $0[$1] = values[1]?[$1]
        }
      }
      var train = TrainerFixtures.train(.grpo)
      train.steps = 1
      var other = TrainerFixtures.train(.reinforce, .klCov)
      other.steps = 1
      var seeded = TrainerFixtures.run(train: train)
      seeded.seed = 2
      let grpo = try first(TrainerFixtures.run(train: train), "grpo")
      #expect(try first(TrainerFixtures.run(train: other), "reinforce") == grpo)
      #expect(try first(seeded, "seeded") != grpo)
    }
  }

  @Test("A rollout whose groups are all equal is recorded without an update")
  func nothingToLearn() throws {
    try withTemporaryFolder { folder in
      // One answer per prompt and a filter that keeps groups of one would learn; four bad answers would not.
      var config = TrainerFixtures.run(task: TrainerFixtures.countdown(numbers: [6]))
      config.base.steps = 0
      config.train?.steps = 2
      let request = try TrainerFixtures.runRequest(config, below: folder)
      let run = try TrainerFixtures.makeFolder("\(folder)/run")
      #expect(try self.run(request, in: run) == .succeeded)
      let series = try RecordedSeries(eventsAt: run.events)
      #expect(series.values[2]?["groups_kept"] == 0 && series.values[2]?["updates"] == 0)
      #expect(series.values[2]?["loss"] == nil && series.values[2]?["entropy_train"] == nil)
      #expect(series.values[2]?["val_score"] != nil)
    }
  }

  @Test(
    "A gradient that is not finite ends the run with its step, its tensor and the last good state")
  func notFinite() throws {
    try withTemporaryFolder { folder in
      // A step of this length leaves weights whose products overflow; without a filter every answer teaches.
      var config = TrainerFixtures.run(train: TrainerFixtures.train(.reinforce, .entropyBonus))
      config.train?.learningRate = 1e30
      config.train?.filterGroups = false
      let request = try TrainerFixtures.runRequest(config, below: folder)
      let run = try TrainerFixtures.makeFolder("\(folder)/run")
      let error = #expect(throws: TrainerError.self) { try self.run(request, in: run) }
      #expect(error?.exit == .badRequest)
      #expect(error?.message.contains("is not finite") == true, "\(error?.message ?? "")")
      let series = try RecordedSeries(eventsAt: run.events)
      let last = try #require(series.values.keys.max())
      #expect(error?.message.contains("step \(last + 1):") == true)
      #expect(
        FileManager.default.fileExists(
          atPath: "\(run.checkpoints)/\(CheckpointFolder.name(step: last))"))
      #expect(series.values[0]?[MetricName.valScore] != nil)
      guard case .end(_, _, .failed, let reason) = try TrainerFixtures.events(run).last else {
        Issue.record("the last event is not a failure")
        return
      }
      #expect(reason?.contains("is not finite") == true)
    }
  }

  @Test("Numbers of several counts train as well")
  func countdown() throws {
    try withTemporaryFolder { folder in
      var config = TrainerFixtures.run(
        task: TrainerFixtures.countdown(numbers: [2, 3], maxTarget: 20))
      config.train?.steps = 2
      let request = try TrainerFixtures.runRequest(config, below: folder)
      let run = try TrainerFixtures.makeFolder("\(folder)/run")
      #expect(try self.run(request, in: run) == .succeeded)
      #expect(try TrainerFixtures.result(run).last["val_score"] != nil)
    }
  }
}
