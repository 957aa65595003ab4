internal import ExpCore

/// The methods that keep entropy up, each with its own settings.
enum EntropyControl {
  /// A method and the keys that only it, or it among others, understands.
  struct Method: Sendable {
    var name: String
    var keys: [KeySchema]

    /// Its settings where none are given.
    var defaults: [String: JSONValue] {
      var values = MapSchema(keys: keys).defaults
      values["method"] = .string(name)
      return values
    }
  }

  private static let coefficients = ValueSchema.number(.upTo(100))
  private static let fractions = ValueSchema.number(.positive(1))
  private static let covariances = ValueSchema.number(NumberRange(lower: -1e6, upper: 1e6))

  static let methods = [
    Method(name: "none", keys: []),
    Method(
      name: "entropy_bonus",
      keys: [KeySchema("coefficient", coefficients, 0.02, "Weight of the mean entropy.")]),
    Method(
      name: "kl_reference",
      keys: [
        KeySchema("coefficient", coefficients, 0.001, "Weight of the KL to the base policy."),
        KeySchema(
          "estimator", .choice(["abs", "k1", "k2", "k3", "low_var_kl"]), "low_var_kl",
          "The KL's estimator; low_var_kl is k3 with verl's clamps."),
      ]),
    Method(
      name: "clip_higher",
      keys: [
        KeySchema(
          "clip_ratio_high", .number(.positive(100)), 0.28,
          "Upper clip in place of train.clip_ratio_high.")
      ]),
    Method(
      name: "clip_cov",
      keys: [
        KeySchema("token_fraction", fractions, 0.02, "Share of tokens that are detached."),
        KeySchema("covariance_low", covariances, 1, "Lower end of the band of covariances."),
        KeySchema("covariance_high", covariances, 5, "Upper end of the band of covariances."),
      ]),
    Method(
      name: "kl_cov",
      keys: [
        KeySchema("token_fraction", fractions, 0.02, "Share of tokens that are penalised."),
        KeySchema("coefficient", coefficients, 1, "Weight of the penalty."),
      ]),
    Method(
      name: "high_entropy_tokens",
      keys: [
        KeySchema("token_fraction", fractions, 0.2, "Share of tokens that are learnt from."),
        KeySchema(
          "reverse", .boolean, false, "Learn from the others instead, as a control experiment."),
      ]),
    Method(
      name: "probability_mask",
      keys: [
        KeySchema(
          "threshold", .number(.positive(1)), 0.9,
          "Tokens that the rollout was at least this sure of are left out of the loss.")
      ]),
  ]

  static let names = methods.map(\.name)

  /// The method of a name.
  static func method(_ name: String) -> Method? { methods.first { $0.name == name } }

  /// Every setting of any method, each once; a name means the same range wherever it occurs.
  static let settings: [KeySchema] = {
    var seen: Set<String> = []
    return methods.flatMap(\.keys).filter { seen.insert($0.name).inserted }
  }()

  /// The methods that have a setting.
  static func owners(of setting: String) -> [String] {
    methods.filter { method in method.keys.contains { $0.name == setting } }.map(\.name)
  }

  /// Settings of the RL stage that a method puts its own in place of.
  static func replaced(by method: String?) -> [String] {
    switch method {
    case "clip_higher": ["clip_ratio_high"]
    case "kl_cov": ["clip_ratio_low", "clip_ratio_high", "dual_clip_ratio"]
    case "clip_cov": ["dual_clip_ratio"]
    case "probability_mask": ["spo_probability_threshold"]
    default: []
    }
  }

  /// Why a setting of the RL stage has no effect beside the methods that replace it.
  static func replacement(of setting: String) -> String? {
    let methods = names.filter { replaced(by: $0).contains(setting) }
    guard let first = methods.first else { return nil }
    return methods.count == 1
      ? "\(first) does without it or brings its own"
      : "\(methods.joined(separator: " and ")) do without it or bring their own"
  }
}
