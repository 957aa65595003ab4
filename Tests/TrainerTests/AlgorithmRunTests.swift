import ExpCore
import FoundationEssentials
import TestSupport
import Testing
import Trainer
import TrainerProtocol

@Suite("Every algorithm in whole runs of a tiny model")
struct AlgorithmRunTests {
  /// Runs a training configuration from a base policy that `request` names; returns the folder.
  private func run(
    _ train: TrainConfig, from request: RunRequest, in path: String, stopEvery polls: Int = .max
  ) throws -> RunFolder {
    var request = request
    request.config.train = train
    let folder = try TrainerFixtures.makeFolder(path)
    var patience = polls
    while true {
      var left = patience
      let exit = try TrainingRun(
        request, in: folder, identity: TrainerFixtures.identity,
        stopReason: {
          left -= 1
          return left < 0 ? "asked by the test" : nil
        }
      ).run()
      if exit == .succeeded { return folder }
      // Each attempt may go a little further, so that there is an end.
      patience += 5
    }
  }

  private static func isPreference(_ algorithm: TrainConfig.Algorithm) -> Bool {
    algorithm == .dpo || algorithm == .iterativeDPO
  }

  @Test(
    "Every algorithm runs with every entropy control that fits it, and the first ratio is exactly 1",
    arguments: TrainConfig.Algorithm.allCases)
  func everyPair(algorithm: TrainConfig.Algorithm) throws {
    try withTemporaryFolder { folder in
      let request = try TrainerFixtures.runRequest(TrainerFixtures.run(), below: folder)
      for method in EntropyControlConfig.Method.allCases {
        let refusal = MethodPairs.refusal(
          algorithm: algorithm.rawValue, control: method.rawValue)
        guard refusal == nil else { continue }
        var train = TrainerFixtures.train(algorithm, method)
        train.steps = 1
        train.updatesPerRollout = 1
        train.epochsPerRollout = 1
        train.criticWarmupSteps = train.criticWarmupSteps.map { _ in 0 }
        let run = try run(train, from: request, in: "\(folder)/\(method.rawValue)")
        let values = try TrainerFixtures.result(run).last
        #expect(values["updates"] == 1, "\(method)")
        #expect(values["kl_old"] == 0, "\(method)")
        if !AlgorithmRunTests.isPreference(algorithm) {
          #expect(values["ratio_max"] == 1 && values["ratio_min"] == 1, "\(method)")
          #expect((values["kl_reference"] == 0) == (method == .klReference), "\(method)")
        }
      }
    }
  }

  @Test(
    "Stopped at many places and resumed, every algorithm gives the bits of an undisturbed run",
    arguments: TrainConfig.Algorithm.allCases)
  func resume(algorithm: TrainConfig.Algorithm) throws {
    try withTemporaryFolder { folder in
      let request = try TrainerFixtures.runRequest(TrainerFixtures.run(), below: folder)
      var train = TrainerFixtures.train(algorithm, .klReference)
      train.steps = 4
      train.referenceEMA = 0.1
      // Settings that reach into sampling, rewards and order, so that none of them forgets to be resumed.
      (train.temperature, train.topP, train.epochsPerRollout) = (0.9, 0.95, 2)
      (train.overlongBuffer, train.overlongFactor) = (2, 0.1)
      train.primeUpdate = train.primeUpdate.map { _ in .before }
      if train.rewardKLAllowed {
        train.normalizeRewards = train.algorithm == .remax ? nil : true
        (train.rewardKLCoefficient, train.rewardKLTarget, train.rewardKLHorizon) = (0.05, 0.01, 100)
      }
      let plain = try TrainerFixtures.result(
        try run(train, from: request, in: "\(folder)/plain"))
      for polls in [5, 13, 29] {
        let resumed = try TrainerFixtures.result(
          try run(train, from: request, in: "\(folder)/stopped-\(polls)", stopEvery: polls))
        #expect(resumed.attempt > 1, "\(polls)")
        #expect(resumed.seriesSHA256 == plain.seriesSHA256, "\(polls)")
        #expect(resumed.checkpointSHA256 == plain.checkpointSHA256, "\(polls)")
      }
    }
  }

  @Test(
    "A few steps of every algorithm raise the reward of a policy that has something to learn",
    arguments: TrainConfig.Algorithm.allCases)
  func learns(algorithm: TrainConfig.Algorithm) throws {
    try withTemporaryFolder { folder in
      var config = TrainerFixtures.run(task: TrainerFixtures.prog(maxDepth: 1, lengths: [2, 3]))
      config.base.steps = 250
      config.evaluate?.prompts = 128
      config.evaluate?.samples = 4
      let request = try TrainerFixtures.runRequest(config, below: folder)
      var train = TrainerFixtures.train(algorithm)
      train.steps = 40
      // Offline pairs pull a policy ever further from where they were sampled.
      train.learningRate = algorithm == .dpo ? 5e-4 : 2e-3
      let series = try RecordedSeries(
        eventsAt: try run(train, from: request, in: "\(folder)/run").events
      ).values
      let first = try #require(series[0]?[MetricName.valScore])
      let last = try #require(series[40]?[MetricName.valScore])
      // A gradient of the wrong sign ends far below the start; twice the standard error would be 0.035.
      #expect(last > first + 0.01, "from \(first) to \(last)")
    }
  }

  @Test("With refilling a step learns from as many groups as it asks for")
  func refill() throws {
    try withTemporaryFolder { folder in
      let request = try TrainerFixtures.runRequest(TrainerFixtures.run(), below: folder)
      var train = TrainerFixtures.train(.rloo)
      train.steps = 2
      train.promptsPerStep = 8
      let plain = try TrainerFixtures.result(
        try run(train, from: request, in: "\(folder)/plain")
      ).last
      train.refillGroups = true
      let filled = try TrainerFixtures.result(
        try run(train, from: request, in: "\(folder)/filled")
      ).last
      #expect((plain["groups_kept"] ?? 1) < 1)
      #expect((filled["rollout_rounds"] ?? 0) > 1)
      #expect((filled["update_tokens"] ?? 0) > (plain["update_tokens"] ?? .infinity))
      #expect((filled["tokens"] ?? 0) > (plain["tokens"] ?? .infinity))
    }
  }

  @Test("A shorter limit cuts answers, and a penalty for length lowers the reward")
  func lengths() throws {
    try withTemporaryFolder { folder in
      let request = try TrainerFixtures.runRequest(TrainerFixtures.run(), below: folder)
      var train = TrainerFixtures.train(.grpo)
      train.steps = 1
      let plain = try TrainerFixtures.result(
        try run(train, from: request, in: "\(folder)/plain")
      ).last
      train.maxResponseTokens = 1
      let cut = try TrainerFixtures.result(
        try run(train, from: request, in: "\(folder)/cut")
      ).last
      #expect(cut["response_length_max"] == 1 && (cut["truncated"] ?? 0) > 0.5)
      (train.maxResponseTokens, train.overlongBuffer, train.overlongFactor) = (0, 2, 0.5)
      let punished = try TrainerFixtures.result(
        try run(train, from: request, in: "\(folder)/punished")
      ).last
      #expect((punished["train_reward"] ?? 1) < (plain["train_reward"] ?? 0))
      #expect(punished["train_score"] == plain["train_score"])
    }
  }
}

extension TrainConfig {
  /// Whether the reward of this algorithm may hold a KL.
  fileprivate var rewardKLAllowed: Bool {
    [.reinforce, .reinforcePP, .reinforcePPBaseline, .rloo, .remax, .grpo, .ppo]
      .contains(algorithm)
  }
}
