import ExpCore
import TestSupport
import Testing
import Trainer
import TrainerProtocol

@Suite("The judge: verdicts, rewards and quality")
struct JudgeTests {
  @Test(
    "Its token is the most probable one, its confidence that of being right",
    arguments: [
      (0.7, 0.3, 1, 1.0, 0.7), (0.3, 0.7, 0, 0, 0.3), (0.5, 0.5, 1, 1, 0.5), (1, 0, 1, 1, 1),
      (0, 1, 0, 0, 0), (0.4, 0.35, 1, 1, 0.4), (0.1, 0.6, 0, 0, 0.4),
      // Neither verdict is likelier than all the rest together.
      (0.3, 0.2, nil, 0, 0), (0, 0, nil, 0, 0),
    ] as [(Double, Double, Int?, Double, Double)])
  func verdicts(right: Double, wrong: Double, token: Int?, binary: Double, soft: Double) {
    let verdict = JudgeVerdict(right: right, wrong: wrong)
    #expect(verdict.token == token)
    #expect(verdict.binaryReward == binary)
    #expect(abs(verdict.softReward - soft) < 1e-12)
  }

  @Test("Accuracy, area under the curve and calibration error of six answers, by hand")
  func quality() {
    let confidence = [0.95, 0.85, 0.65, 0.65, 0.25, 0.05]
    let isRight = [true, true, true, false, false, true]
    let quality = JudgeQuality(
      confidence.map { JudgeVerdict(right: $0, wrong: 1 - $0) }, isRight: isRight)
    // Wrong verdicts: the fourth and the sixth.
    #expect(abs(quality.accuracy - 4.0 / 6) < 1e-12)
    // Pairs of right and wrong: 2 + 2 + (half + 1) + 0 of 8.
    #expect(abs((quality.areaUnderCurve ?? 0) - 5.5 / 8) < 1e-12)
    // Bins: |0.05|, |0.15|, |1 - 1.3|, |0 - 0.25|, |1 - 0.05| over six answers.
    #expect(abs(quality.calibrationError - (0.05 + 0.15 + 0.3 + 0.25 + 0.95) / 6) < 1e-12)
    let onlyRight = JudgeQuality([JudgeVerdict(right: 1, wrong: 0)], isRight: [true])
    #expect(onlyRight.areaUnderCurve == nil)
    #expect(onlyRight.accuracy == 1 && onlyRight.calibrationError == 0)
  }

  private func judge(_ family: PhraseTask, seed: UInt64 = 1) throws -> Judge {
    let judge = try Judge(ModelShape(width: 16, layers: 1, heads: 2, hidden: 32), family: family)
    judge.model.initialise(seed: seed)
    return judge
  }

  private func questions(_ family: PhraseTask, _ count: Int) -> ([Problem], [[Int32]]) {
    var random = TrainerFixtures.random()
    let problems = (0..<count).map { _ in family.draw(&random) }
    return (problems, problems.map { family.candidate(for: $0, &random) })
  }

  @Test("An answer's verdict does not depend on the others, and probabilities are probabilities")
  func batches() throws {
    let family = try PhraseTask(domains: [.time], slipProbability: 0)
    let judge = try judge(family)
    let (problems, answers) = questions(family, 300)
    let all = try judge.verdicts(problems: problems, answers: answers, shouldStop: { false })
    #expect(all.count == 300)
    #expect(all.allSatisfy { $0.right > 0 && $0.wrong > 0 && $0.right + $0.wrong < 1 })
    for index in [0, 100, 255, 256, 299] {
      let alone = try judge.verdicts(
        problems: [problems[index]], answers: [answers[index]], shouldStop: { false })
      #expect(alone == [all[index]])
    }
    #expect(Set(all.map(\.right)).count > 200)
  }

  @Test("Rewards follow their form, and answers of any length are judged")
  func rewards() throws {
    let family = try PhraseTask(domains: [.time, .quantity], slipProbability: 0)
    let judge = try judge(family)
    var (problems, answers) = questions(family, 40)
    answers[0] = []
    answers[1] = Array(repeating: 5, count: 1000)
    problems[2] = problems[3]
    let verdicts = try judge.verdicts(
      problems: problems, answers: answers, shouldStop: { false })
    let soft = try judge.rewards(
      problems: problems, answers: answers, form: .judgeSoft, shouldStop: { false })
    let binary = try judge.rewards(
      problems: problems, answers: answers, form: .judgeBinary, shouldStop: { false })
    #expect(soft == verdicts.map(\.softReward) && binary == verdicts.map(\.binaryReward))
    #expect(
      try judge.rewards(problems: [], answers: [], form: .judgeSoft, shouldStop: { false }) == [])
    #expect(throws: StopRequested.self) {
      try judge.rewards(
        problems: problems, answers: answers, form: .judgeSoft, shouldStop: { true })
    }
  }
}

@Suite("A base stage that trains a judge behind the policy")
struct JudgeTrainingTests {
  private func config(
    steps: Int = 20, judgeSteps: Int = 300, batchSize: Int = 16
  ) -> RunConfig {
    let task: JSONValue = [
      "name": "phrases", "domains": ["quantity"], "judge_size": "14k",
      "judge_steps": .number(Double(judgeSteps)), "judge_label_noise": 0,
      "slip_probability": 0.2,
    ]
    do {
      var config = TrainerFixtures.run(task: try task.decoded(as: TaskConfig.self))
      config.base.steps = steps
      config.base.batchSize = batchSize
      return config
    } catch {
      preconditionFailure("a fixture does not decode: \(error)")
    }
  }

  private func train(
    _ config: RunConfig, in folder: RunFolder, stopAfter polls: Int = .max
  ) throws -> TrainerExit {
    try train(TrainerFixtures.baseRequest(config), in: folder, stopAfter: polls)
  }

  private func train(
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

  @Test("The judge learns, is measured at the last step, and is kept with the policy")
  func learns() throws {
    try withTemporaryFolder { folder in
      let run = try TrainerFixtures.makeFolder("\(folder)/base")
      let config = config(batchSize: 96)
      #expect(try train(config, in: run) == .succeeded)
      let result = try TrainerFixtures.result(run)
      #expect(result.steps == 320)
      let series = try RecordedSeries(eventsAt: run.events)
      #expect(series.values[20]?["base_loss"] != nil && series.values[20]?["judge_loss"] == nil)
      #expect(series.values[30]?["base_loss"] == nil)
      let (first, last) = (series.values[30] ?? [:], series.values[320] ?? [:])
      #expect((last["judge_loss"] ?? 9) < (first["judge_loss"] ?? 0))
      #expect((last["judge_auc"] ?? 0) > 0.6 && (last["judge_accuracy"] ?? 0) > 0.5)
      #expect((last["judge_ece"] ?? 1) < 0.2)
      #expect(result.definitions["judge_auc"]?.contains("2048") == true)
      let path = "\(run.checkpoints)/\(CheckpointFolder.finalName)"
      #expect(try sections(path) == ["parameters", "judge.parameters"])
      let judge = try loadJudge(config, path)
      #expect(judge.model.parameters.contains { $0 != 0 })
    }
  }

  private func sections(_ path: String) throws -> [String] {
    try CheckpointFile(path: path).header.sections.map(\.name)
  }

  private func loadJudge(_ config: RunConfig, _ path: String) throws -> Judge {
    let base = RunRequest.Base(
      id: TrainerFixtures.id("base"), checkpoint: path,
      sha256: try CheckpointFile(path: path).contentHash)
    return try BasePolicy(base, config: config, folder: "").makeJudge(
      config, family: TaskCatalogue.family(config.task))
  }

  @Test("Stopped in the policy's steps, the judge's, or its measurement, the bits are the same")
  func resume() throws {
    try withTemporaryFolder { folder in
      let config = config(steps: 5, judgeSteps: 8)
      let plain = try TrainerFixtures.makeFolder("\(folder)/plain")
      #expect(try train(config, in: plain) == .succeeded)
      let wanted = try TrainerFixtures.result(plain)
      var resumeSteps: Set<Int> = []
      for polls in stride(from: 1, to: 14, by: 2) {
        let disturbed = try TrainerFixtures.makeFolder("\(folder)/disturbed-\(polls)")
        var attempts = 0
        while try train(config, in: disturbed, stopAfter: 2 * polls + 5 * attempts) == .stopped {
          attempts += 1
        }
        let result = try TrainerFixtures.result(disturbed)
        #expect(result.seriesSHA256 == wanted.seriesSHA256)
        #expect(result.checkpointSHA256 == wanted.checkpointSHA256)
        for case .attempt(let attempt) in try TrainerFixtures.events(disturbed) {
          resumeSteps.insert(attempt.resumeStep)
        }
      }
      #expect(resumeSteps.contains { $0 > 0 && $0 < 5 } && resumeSteps.contains { $0 > 5 })
      // The last step, whose measurement was interrupted, was done again.
      #expect(resumeSteps.contains(12))
    }
  }

  @Test("Runs that the judge scores differ by its form, and give the same bits when stopped")
  func scoredRuns() throws {
    try withTemporaryFolder { folder in
      var config = config(steps: 20, judgeSteps: 40)
      config.train?.steps = 2
      config.train?.reward = .judgeSoft
      let request = try TrainerFixtures.runRequest(config, below: folder)
      let plain = try TrainerFixtures.makeFolder("\(folder)/plain")
      #expect(try train(request, in: plain) == .succeeded)
      let wanted = try TrainerFixtures.result(plain)
      let stopped = try TrainerFixtures.makeFolder("\(folder)/stopped")
      #expect(try train(request, in: stopped, stopAfter: 25) == .stopped)
      #expect(try train(request, in: stopped) == .succeeded)
      #expect(try TrainerFixtures.result(stopped).seriesSHA256 == wanted.seriesSHA256)
      let series = try RecordedSeries(eventsAt: plain.events)
      let soft = series.values[1]?[MetricName.trainReward] ?? -1
      #expect(soft > 0 && soft < 1)
      var other = request
      other.config.train?.reward = .judgeBinary
      let binary = try TrainerFixtures.makeFolder("\(folder)/binary")
      #expect(try train(other, in: binary) == .succeeded)
      let verdicts = try RecordedSeries(eventsAt: binary.events)
      let share = (verdicts.values[1]?[MetricName.trainReward] ?? -1) * 24 * 4
      #expect(abs(share - share.rounded()) < 1e-6 && share != soft * 24 * 4)
    }
  }

  @Test("Without steps there is no judge, and who asks for one is told so")
  func none() throws {
    try withTemporaryFolder { folder in
      let config = config(steps: 2, judgeSteps: 0)
      let run = try TrainerFixtures.makeFolder("\(folder)/base")
      #expect(try train(config, in: run) == .succeeded)
      #expect(try TrainerFixtures.result(run).steps == 2)
      let path = "\(run.checkpoints)/\(CheckpointFolder.finalName)"
      #expect(try sections(path) == ["parameters"])
      let error = #expect(throws: TrainerError.self) { try loadJudge(config, path) }
      #expect(error?.exit == .badRequest && error?.message.contains("judge") == true)
    }
  }

  @Test("Settings of a judge that cannot be are refused")
  func refusals() throws {
    for change: (inout TaskConfig) -> Void in [
      { $0.judgeSize = "7k" }, { $0.judgeSize = nil }, { $0.judgeSteps = -1 },
      { $0.judgeSteps = nil }, { $0.judgeLabelNoise = 0.6 }, { $0.judgeLabelNoise = .nan },
    ] {
      var task = config().task
      change(&task)
      #expect(throws: TrainerError.self) { try JudgeSettings(task) }
    }
    #expect(try JudgeSettings(TrainerFixtures.countdown()) == nil)
  }
}
