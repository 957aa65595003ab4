package import TrainerProtocol

/// What each averaged series of an RL run means: what was averaged over what.
package struct RLDefinitions {
  let train: TrainConfig
  let evaluate: EvaluateConfig
  let promptCount: Int
  let distinctCount: Int

  /// Takes what the words depend on; `distinctCount` of the validation prompts are different ones.
  package init(
    train: TrainConfig, evaluate: EvaluateConfig, promptCount: Int, distinctCount: Int
  ) {
    self.train = train
    self.evaluate = evaluate
    self.promptCount = promptCount
    self.distinctCount = distinctCount
  }

  /// The definitions by name of the series.
  package var texts: [String: String] {
    evaluationTexts.merging(rolloutTexts) { first, _ in first }
      .merging(updateTexts) { first, _ in first }
      .merging(algorithmTexts) { first, _ in first }
      .merging(mechanismTexts) { first, _ in first }
  }

  /// Where rollouts and training passes round differently, and passes score the batch again before they learn from it.
  package static let mismatchTexts = [
    StepMetric.mismatchMean:
      "absolute difference in nats between a token's log-probability in the rollout and in the training pass before "
      + "the first update, mean over the tokens that this step sampled",
    StepMetric.mismatchMax: "as rollout_mismatch_mean, but the largest",
  ]

  private var evaluationTexts: [String: String] {
    let answers =
      "\(evaluate.samples) answers sampled at temperature 1 to each of \(promptCount) fixed validation prompts "
      + "(\(distinctCount) of them distinct)"
    var texts = [
      MetricName.entropy:
        "full-vocabulary Shannon entropy in nats at temperature 1, mean over answers of the mean over tokens "
        + "(end included); \(answers), after the step's updates; step 0 is the base policy",
      MetricName.valScore:
        "exact verifier's score, 0 or 1, mean over the same answers as entropy: \(answers)",
      MetricName.valScoreSE: "standard error of val_score, clustered by prompt",
      MetricName.passAtK:
        "share of validation prompts with a right answer among \(evaluate.samples)",
      StepMetric.valResponseLength: "tokens of the validation answers, end included, mean",
      StepMetric.valResponseLengthMax: "tokens of the longest validation answer",
      StepMetric.valCutFraction: "share of validation answers that met the limit without an end",
    ]
    for k in PassAtK.recorded(samples: evaluate.samples) {
      texts[MetricName.passAt(k)] =
        "1 - C(n - c, k) / C(n, k), k = \(k), n = \(evaluate.samples), c right answers; mean over prompts; \(answers)"
      texts[MetricName.passAtSE(k)] =
        "standard error of \(MetricName.passAt(k)), clustered by prompt"
    }
    if evaluate.greedy {
      texts[MetricName.valGreedy] =
        "exact verifier's score of the greedy answer, mean over \(promptCount) fixed validation prompts"
      texts[MetricName.valGreedySE] = "standard error of val_greedy, clustered by prompt"
    }
    return texts
  }

  private var rolloutTexts: [String: String] {
    let sampled =
      "\(train.promptsPerStep) training prompts x \(answersPerPrompt) at temperature "
      + "\(train.temperature)\(train.nucleus < 1 ? " from the likeliest \(train.nucleus)" : "")\(sampledFrom)"
    return [
      MetricName.trainReward: "\(rewardText), mean over the rollout: \(sampled), unfiltered",
      StepMetric.trainScore:
        "exact verifier's score, 0 or 1, mean over the rollout: \(sampled), unfiltered",
      StepMetric.responseLengthMax: "tokens of the rollout's longest answer",
      StepMetric.truncated: "share of the rollout's answers that met the limit without an end",
      StepMetric.responseLength: "tokens of the rollout's answers, end included, mean, unfiltered",
      MetricName.entropyTrain:
        "full-vocabulary Shannon entropy in nats at temperature \(train.temperature), mean over \(units) of the "
        + "mean over tokens; the rollout (\(sampled)), \(filter), under the policy that sampled them",
      MetricName.entropyTokenMean: "as entropy_train, but one mean over all tokens",
      StepMetric.entropyRollout: "as entropy_train, but over all whole answers",
      StepMetric.entropyChange:
        "entropy_train of this step minus that of the last step that had one; other prompts each time",
      StepMetric.groupsKept: "share of the sampled prompts that pass the filter",
      StepMetric.tokens:
        "tokens sampled in the rollout, greedy answers and continuations for values included",
    ]
  }

  private var rewardText: String {
    let form =
      switch train.rewardForm {
      case .exact: "exact verifier's score"
      case .judgeBinary: "judge's verdict, 0 or 1"
      case .judgeSoft: "judge's confidence that the answer is right, 0 to 1"
      }
    return train.penalisedTokens == 0
      ? form
      : "\(form), less up to \(train.largestPenalty) over the last \(train.penalisedTokens) tokens before the limit"
  }

  /// What only some algorithms record.
  private var algorithmTexts: [String: String] {
    var texts: [String: String] = [:]
    if train.refillGroups == true {
      texts[StepMetric.rolloutRounds] = "rollouts sampled until enough groups were kept"
    }
    if (train.rewardKLCoefficient ?? 0) > 0 {
      texts[StepMetric.rewardKL] =
        "log(sampling policy / reference) of the sampled tokens, mean over answers of the mean over tokens"
      texts[StepMetric.rewardKLCoefficient] = "weight of reward_kl in the reward of this step"
    }
    switch train.algorithm {
    case .ppo:
      texts[StepMetric.valueMean] =
        "critic's value of the states before the kept batch's tokens, mean"
      texts[StepMetric.valueExplained] =
        "1 - Var(return - value) / Var(return) over the kept batch's tokens, before the critic's updates"
      texts[StepMetric.valueLoss] =
        "half the clipped squared error, aggregated as the policy's loss, mean over the critic's updates"
      texts[StepMetric.valueClipFraction] =
        "share of tokens over the critic's updates whose value has left the band around the rollout's towards the return: "
        + "they have no gradient"
      texts[StepMetric.criticGradNorm] =
        "global norm of the critic's gradient before clipping, mean over its updates"
    case .prime:
      texts[StepMetric.processReward] =
        "beta * log(reward model / reference) summed over an answer's credited tokens, mean over answers"
      texts[StepMetric.rewardModelLoss] =
        "cross-entropy of the reward model against outcomes in nats, mean over answers and updates"
      texts[StepMetric.rewardModelAccuracy] =
        "share of answers whose implied reward has the sign of their outcome, before each update"
      texts[StepMetric.rewardModelGradNorm] =
        "global norm of the reward model's gradient before clipping, mean over its updates"
    case .spoChain, .spoTree:
      texts[StepMetric.segments] =
        train.algorithm == .spoChain
        ? "segments per answer" : "segments of advantage other than 0 over finished answers"
      if train.algorithm == .spoChain {
        texts[StepMetric.valuedStates] =
          "states whose value was estimated by \(train.spoSamples ?? 0) continuations each"
      } else {
        texts[StepMetric.replayed] = "share of the batch's segments that an earlier step sampled"
      }
    case .dpo, .iterativeDPO:
      texts[StepMetric.pairs] = "preference pairs over all updates of the step"
      texts[StepMetric.pairsOrdered] =
        "share of pairs whose better answer has the larger implied reward, before each update"
      texts[StepMetric.rightGain] =
        "beta * log(policy / reference) of the better answers, mean over pairs, before each update"
      texts[StepMetric.wrongGain] =
        "beta * log(policy / reference) of the worse answers, mean over pairs, before each update"
    default: break
    }
    return texts
  }

  /// What one entry of a batch is.
  private var units: String { train.algorithm == .spoTree ? "segments" : "answers" }

  /// Whose answers a rollout holds, where they are not the current policy's.
  private var sampledFrom: String {
    train.algorithm == .dpo ? ", all of the base policy" : ""
  }

  private var answersPerPrompt: String {
    train.samplesPerPrompt.map { "\($0) answers" }
      ?? "a tree of \((train.spoTreeStructure ?? []).map { "\($0)" }.joined(separator: "-")) segments"
  }

  /// What of a rollout an update learns from.
  private var filter: String {
    switch train.algorithm {
    case .dpo, .iterativeDPO:
      "over the answers in preference pairs"
    case .spoTree:
      "over the segments that are learnt from, replayed ones included"
    default:
      train.filterGroups == true
        ? "after dropping groups of equal rewards, or of an accuracy outside "
          + "\(train.filterAccuracyLow ?? 0)...\(train.filterAccuracyHigh ?? 1)" : "unfiltered"
    }
  }

  private var aggregation: String {
    train.lossAggregation?.rawValue ?? "mean over pairs, \(train.dpoLoss?.rawValue ?? "")"
  }

  private var updateTexts: [String: String] {
    let covariance =
      "(A - mean A)(log p - mean log p) of each token under the policy that sampled it, over the kept batch"
    let scale =
      AdvantageEstimator(train).hasUnitVariance
      ? "A as estimated"
      : "A whitened over the batch's tokens, and where tokens are selected over the mini-batch's"
    return [
      StepMetric.loss:
        train.isPreference
        ? "\(aggregation), each before its update; the term of an entropy control is not in it"
        : "aggregated objective (\(aggregation)), mean over the step's updates, each before it",
      StepMetric.gradNorm: "global gradient norm before clipping, mean over the step's updates",
      StepMetric.updates: "optimiser steps; fewer than asked for where fewer groups are left",
      StepMetric.clipFractionLow:
        "share of tokens over all updates stopped below the band (negative advantage)",
      StepMetric.clipFractionHigh:
        "share of tokens over all updates stopped above the band (positive advantage)",
      StepMetric.clipFractionDual:
        "share of tokens over all updates stopped by the dual clip (negative advantage, ratio above it)",
      StepMetric.approximateKL:
        "mean over tokens and updates of -log r with r the importance ratio, an estimate of KL(sampling policy, current)",
      StepMetric.keptFraction:
        "tokens that the mask keeps in the loss over all tokens, over all updates",
      StepMetric.ratioMax: "largest importance ratio over all updates, each before its step",
      StepMetric.ratioMin: "smallest importance ratio over all updates, each before its step",
      StepMetric.klOld:
        "mean over tokens and updates of r - 1 - log r with r the importance ratio: KL(sampling policy, current)",
      StepMetric.klReference:
        "mean over tokens and updates of the configured estimator of KL(current, \(train.referenceRate > 0 ? "moving reference" : "base policy"))",
      StepMetric.candidateFraction: "tokens eligible for selection over all tokens",
      StepMetric.selectedFraction: "selected tokens over all tokens; selection is per mini-batch",
      StepMetric.covMean: "mean of \(covariance); \(scale)",
      StepMetric.covTop20Percent: "mean of the largest 20 % of \(covariance); \(scale)",
      StepMetric.covTop2Percent: "mean of the largest 2 % of \(covariance); \(scale)",
      StepMetric.covTop02Percent: "mean of the largest 0.2 % of \(covariance); \(scale)",
      StepMetric.covTop002Percent: "mean of the largest 0.02 % of \(covariance); \(scale)",
      StepMetric.covShareTop2Percent:
        "sum of magnitudes over the largest 2 % of covariances over that of all",
      StepMetric.theorem1Cov:
        "mean over kept groups of Cov(l, exp(l) A), l an answer's mean token log-probability: Theorem 1's -dH up to scale",
      StepMetric.theorem2Cov:
        "mean over kept groups of Cov(l, A), l an answer's mean token log-probability: Theorem 2's -dH up to scale",
      StepMetric.updateTokens: "prompt and answer tokens of the kept batch",
      StepMetric.flops:
        "floating-point operations of rollout, reference and updates of this step; evaluation not counted",
    ]
  }

  /// Entropy by place and prompt, and its change as measured and as predicted.
  private var mechanismTexts: [String: String] {
    let states =
      "over the tokens of at most \(PolicyUpdater.comparedRows) rows spread evenly over the batch"
    var texts = [
      StepMetric.measuredChange:
        "entropy after the step's updates less that when the token was sampled, mean \(states)",
      StepMetric.lemma1Change:
        "Lemma 1's prediction of entropy_change_measured: mean of -(log p + H)(log p' - log p) of the sampled "
        + "tokens, p when sampled and p' after the updates, \(states)",
      StepMetric.klUpdated:
        "mean of r - 1 - log r, r the probability after the step's updates over that when sampled, \(states)",
      StepMetric.theorem1Change:
        "-(learning rate x updates) x theorem1_cov: Theorem 1 with the answer as action; the scale holds for plain "
        + "gradient ascent on a tabular softmax only, under AdamW compare shapes",
      StepMetric.theorem2Change:
        "-(learning rate x updates) x theorem2_cov: Theorem 2 likewise, for natural gradient",
    ]
    for (name, fraction) in StepMetric.entropyQuantiles {
      texts[name] =
        "\(Int(fraction * 100)) % quantile of the tokens' entropies behind entropy_token_mean"
    }
    for band in DifficultyBand.allCases where train.algorithm != .spoTree {
      let prompts = "prompts whose accuracy in the batch is \(Self.words[band] ?? "")"
      texts[StepMetric.entropy(of: band)] = "as entropy_train, over \(prompts)"
      texts[StepMetric.entropyShare(of: band)] =
        "sum of the tokens' entropies over \(prompts), over that of all prompts"
      texts[StepMetric.covariance(of: band)] =
        "mean of cov_mean's covariances, centred over the whole batch, over the tokens of \(prompts)"
    }
    return texts
  }

  private static let words: [DifficultyBand: String] = [
    .hard: "at most 1/3", .medium: "between 1/3 and 2/3", .easy: "at least 2/3",
  ]
}
