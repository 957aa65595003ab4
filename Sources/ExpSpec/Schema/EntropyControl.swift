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
        KeySchema("estimator", .choice(["k1", "k2", "k3"]), "k3", "The KL's estimator."),
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
}
