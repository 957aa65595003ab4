internal import TrainerProtocol

/// What each averaged series of an RL run means: what was averaged over what.
struct RLDefinitions {
  let train: TrainConfig
  let evaluate: EvaluateConfig
  let promptCount: Int
  let distinctCount: Int

  /// The definitions by name of the series.
  var texts: [String: String] {
    evaluationTexts.merging(rolloutTexts) { first, _ in first }
      .merging(updateTexts) { first, _ in first }
  }

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
    ]
    if evaluate.greedy {
      texts[MetricName.valGreedy] =
        "exact verifier's score of the greedy answer, mean over \(promptCount) fixed validation prompts"
    }
    return texts
  }

  private var rolloutTexts: [String: String] {
    let sampled =
      "\(train.promptsPerStep) training prompts x \(train.samplesPerPrompt) answers at temperature "
      + "\(train.temperature)"
    let filter = train.filterGroups ? "after dropping groups of equal rewards" : "unfiltered"
    return [
      MetricName.trainReward:
        "exact verifier's score, mean over the rollout: \(sampled), unfiltered",
      StepMetric.responseLength: "tokens of the rollout's answers, end included, mean, unfiltered",
      MetricName.entropyTrain:
        "full-vocabulary Shannon entropy in nats at temperature \(train.temperature), mean over answers of the "
        + "mean over tokens; the rollout (\(sampled)), \(filter), before the step's updates",
      MetricName.entropyTokenMean: "as entropy_train, but one mean over all tokens",
      StepMetric.entropyRollout: "as entropy_train, but unfiltered",
      StepMetric.entropyChange:
        "entropy_train of this step minus that of the last step that had one; other prompts each time",
      StepMetric.groupsKept: "share of the step's prompts that are left \(filter)",
      StepMetric.tokens: "answer tokens sampled in the rollout",
    ]
  }

  private var updateTexts: [String: String] {
    let covariance =
      "(A - mean A)(log p - mean log p) of each token under the policy that sampled it, over the kept batch"
    let scale =
      AdvantageEstimator(train).hasUnitVariance
      ? "A as estimated" : "A whitened over the batch's tokens, here and where tokens are selected"
    return [
      StepMetric.loss:
        "aggregated objective (\(train.lossAggregation.rawValue)), mean over the step's updates, each before it",
      StepMetric.gradNorm: "global gradient norm before clipping, mean over the step's updates",
      StepMetric.updates: "optimiser steps; fewer than asked for where fewer groups are left",
      StepMetric.clipFractionLow:
        "share of tokens over all updates stopped below the band (negative advantage)",
      StepMetric.clipFractionHigh:
        "share of tokens over all updates stopped above the band (positive advantage)",
      StepMetric.ratioMax: "largest importance ratio over all updates, each before its step",
      StepMetric.ratioMin: "smallest importance ratio over all updates, each before its step",
      StepMetric.klOld:
        "mean over tokens and updates of r - 1 - log r with r the importance ratio: KL(sampling policy, current)",
      StepMetric.klReference:
        "mean over tokens and updates of the configured estimator of KL(current, base policy)",
      StepMetric.candidateFraction: "tokens eligible for selection over all tokens",
      StepMetric.selectedFraction: "selected tokens over all tokens; selection is per mini-batch",
      StepMetric.covMean: "mean of \(covariance); \(scale)",
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
}
