import TestSupport
import Testing
import Trainer
import TrainerProtocol

@Suite("Updates of the policy")
struct PolicyUpdaterTests {
  /// The last step of a run of so many steps.
  private func result(_ train: TrainConfig, steps: Int = 1) throws -> RunResult {
    try withTemporaryFolder { folder in
      var train = train
      train.steps = steps
      let request = try TrainerFixtures.runRequest(
        TrainerFixtures.run(train: train), below: folder)
      let run = try TrainerFixtures.makeFolder("\(folder)/run")
      _ = try TrainingRun(
        request, in: run, identity: TrainerFixtures.identity, stopReason: { nil }
      ).run()
      return try TrainerFixtures.result(run)
    }
  }

  @Test("Each epoch passes over the same mini-batches again")
  func epochs() throws {
    var train = TrainerFixtures.train(.grpo, .clipCov)
    let once = try result(train).last
    train.epochsPerRollout = 3
    let thrice = try result(train).last
    let updates = once["updates"] ?? 0
    #expect(updates > 0 && thrice["updates"] == 3 * updates)
    #expect(once["train_reward"] == thrice["train_reward"])
    // The policy has moved further, which the same prefixes show.
    #expect((thrice["kl_updated"] ?? 0) > 1.5 * (once["kl_updated"] ?? 0))
  }

  @Test("The change of the entropy is measured, and Lemma 1 predicts it for small steps")
  func change() throws {
    var train = TrainerFixtures.train(.grpo)
    train.learningRate = 1e-5
    let values = try result(train).last
    let measured = values["entropy_change_measured"] ?? 0
    let predicted = values["entropy_change_lemma1"] ?? 0
    // The actions are a sample: the sign and the size are to be right, no more.
    #expect(measured != 0 && measured.magnitude < 1e-2)
    #expect(predicted.sign == measured.sign && (0.2...5).contains(predicted / measured))
    #expect((values["kl_updated"] ?? -1) > 0)
    let distance = 1e-5 * (values["updates"] ?? 0)
    let theorem = -distance * (values["theorem2_cov"] ?? 0)
    #expect(((values["entropy_change_theorem2"] ?? 0) - theorem).magnitude < 1e-12)
  }

  @Test(
    "Masks, selections and the dual clip use denominators of whole mini-batches: micro-batches change rounding only",
    arguments: [EntropyControlConfig.Method.none, .clipCov, .klCov, .highEntropyTokens])
  func microBatches(method: EntropyControlConfig.Method) throws {
    var train = TrainerFixtures.train(.spoChain, method)
    (train.dualClipRatio, train.epochsPerRollout) = (1.2, 2)
    train.lossAggregation = .seqMeanTokenMean
    train.microBatchSize = 96
    let whole = try result(train).last
    train.microBatchSize = 7
    let pieces = try result(train).last
    #expect(whole["kept_fraction"] ?? 0 > 0 && whole["kept_fraction"] ?? 1 < 1)
    for name in whole.keys where !MetricName.isTime(name) && name != "flops" {
      let (left, right) = (whole[name] ?? .nan, pieces[name] ?? .nan)
      #expect((left - right).magnitude < 1e-5 * max(1, left.magnitude), "\(name)")
    }
  }

  @Test("A mask that keeps nothing leaves the policy as it is")
  func nothingKept() throws {
    var train = TrainerFixtures.train(.grpo, .probabilityMask)
    train.entropyControl.threshold = 1e-30
    let values = try result(train).last
    #expect(values["updates"] == 0)
    #expect(values["kl_updated"] ?? 0 == 0)
  }

  @Test("Every series of a run that is no time has a definition")
  func definitions() throws {
    var train = TrainerFixtures.train(.grpo, .highEntropyTokens)
    train.dualClipRatio = 3
    let result = try result(train)
    let undefined = result.last.keys.filter {
      !MetricName.isTime($0) && result.definitions[$0] == nil
    }
    #expect(undefined.sorted() == [])
    #expect(result.last["clip_fraction_dual"] != nil && result.last["kept_fraction"] != nil)
  }
}
