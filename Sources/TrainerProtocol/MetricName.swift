/// The names of recorded series; columns of `exp metrics` stand in this order, others follow by name.
public enum MetricName {
  /// Mean over validation answers of the mean over tokens of the full-vocabulary entropy at temperature 1, nats: the law's H.
  public static let entropy = "entropy"
  /// Mean score of validation answers sampled at temperature 1: the law's R.
  public static let valScore = "val_score"
  /// Mean reward of the rollout, before any group is dropped.
  public static let trainReward = "train_reward"
  /// Standard error of `val_score`, clustered by prompt.
  public static let valScoreSE = "val_score_se"
  /// Mean score of greedy validation answers.
  public static let valGreedy = "val_greedy"
  /// Standard error of `val_greedy`, clustered by prompt.
  public static let valGreedySE = "val_greedy_se"
  /// Share of validation prompts with at least one right answer among the samples.
  public static let passAtK = "pass_at_k"
  /// As `entropy`, over the rollout batch after the group filter, before the update.
  public static let entropyTrain = "entropy_train"
  /// As `entropy_train`, but one mean over all tokens.
  public static let entropyTokenMean = "entropy_token_mean"

  /// Unbiased estimate of the probability that at least one of k answers to a prompt is right, mean over prompts.
  public static func passAt(_ k: Int) -> String { "pass_at_\(k)" }
  /// Standard error of `passAt(k)`, clustered by prompt.
  public static func passAtSE(_ k: Int) -> String { "pass_at_\(k)_se" }

  /// The columns that lead every table.
  public static let leading = [
    entropy, valScore, trainReward, valScoreSE, valGreedy, passAtK, entropyTrain,
    entropyTokenMean,
  ]

  /// Series that measure time and so differ from run to run; left out of bitwise comparisons.
  public static func isTime(_ name: String) -> Bool {
    name.hasSuffix("_seconds") || name.hasSuffix("_per_second")
  }
}
