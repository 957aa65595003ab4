import ExpCore
import ExpSpec
import Testing
import TrainerProtocol

@Suite("Resolving points")
struct ResolveTests {
  static let head =
    "experiment: x\ntask: {name: countdown}\nmodel: {size: 24k}\ntrain: {algorithm: grpo}\n"

  private func spec(_ text: String, _ overrides: [String] = []) throws -> ExperimentSpec {
    let (spec, diagnostics) = SpecLoader.load(text: text, path: "x.yaml", overrides: overrides)
    return try #require(spec, "\(diagnostics.map(\.rendered).joined(separator: "\n"))")
  }

  @Test("The least spec resolves to every documented default")
  func defaults() throws {
    let config = try spec(ResolveTests.head).resolve([])
    #expect(
      config == [
        "task": [
          "name": "countdown", "numbers": [4], "max_target": 99, "working": false,
          "slip_probability": 0.2,
        ],
        "model": [
          "width": 32, "layers": 2, "heads": 2, "kv_heads": 2, "hidden": 80,
          "tied_embeddings": true,
          "qkv_bias": false, "params": 23_680,
        ],
        "base": [
          "steps": 1200, "batch_size": 128, "learning_rate": 3e-3, "warmup_steps": 50,
          "final_learning_rate_fraction": 0.1, "weight_decay": 0.01, "beta1": 0.9, "beta2": 0.95,
          "max_grad_norm": 1, "seed": 0,
        ],
        "train": [
          "algorithm": "grpo", "entropy_control": ["method": "none"], "steps": 160,
          "prompts_per_step": 128, "samples_per_prompt": 8, "updates_per_rollout": 2,
          "micro_batch_size": 128, "learning_rate": 2e-4, "weight_decay": 0, "beta1": 0.9,
          "beta2": 0.99, "max_grad_norm": 1, "clip_ratio_low": 0.2, "clip_ratio_high": 0.2,
          "scale_by_std": true, "loss_aggregation": "token_mean", "filter_groups": true,
          "temperature": 1, "top_p": 1, "reward": "exact", "epochs_per_rollout": 1,
          "max_response_tokens": 0, "overlong_buffer": 0, "overlong_factor": 1,
          "reference_ema": 0, "dual_clip_ratio": 0, "filter_accuracy_low": 0,
          "filter_accuracy_high": 1, "refill_groups": false, "normalize_advantages": false,
          "normalize_rewards": false, "reward_kl_coefficient": 0, "reward_kl_target": 0,
          "reward_kl_horizon": 10_000,
        ],
        "evaluate": ["every": 4, "prompts": 1024, "samples": 4, "greedy": true, "keep": 8],
        "seed": 0,
      ])
  }

  @Test(
    "Each entropy control by its name has its own defaults and no other keys",
    arguments: [
      ("none", ["method": "none"]),
      ("entropy_bonus", ["method": "entropy_bonus", "coefficient": 0.02]),
      (
        "kl_reference", ["method": "kl_reference", "coefficient": 0.001, "estimator": "low_var_kl"]
      ),
      ("clip_higher", ["method": "clip_higher", "clip_ratio_high": 0.28]),
      (
        "clip_cov",
        ["method": "clip_cov", "token_fraction": 0.02, "covariance_low": 1, "covariance_high": 5]
      ), ("kl_cov", ["method": "kl_cov", "token_fraction": 0.02, "coefficient": 1]),
      (
        "high_entropy_tokens",
        ["method": "high_entropy_tokens", "token_fraction": 0.2, "reverse": false]
      ), ("probability_mask", ["method": "probability_mask", "threshold": 0.9]),
    ] as [(String, JSONValue)])
  func entropyControl(name: String, expected: JSONValue) throws {
    let config = try spec(ResolveTests.head).resolve([("train.entropy_control", .string(name))])
    #expect(config[path: "train.entropy_control"] == expected)
  }

  /// What single algorithms read beside what all do, by the sources that algorithms.md names.
  @Test(
    "Each algorithm has its own settings and no other's",
    arguments: [
      ("ppo", ["gae_lambda", "critic_learning_rate", "value_clip", "critic_warmup_steps"]),
      ("prime", ["prime_beta", "prime_update", "prime_form", "prime_learning_rate"]),
      ("spo_chain", ["spo_interval", "spo_samples", "spo_segmentation"]),
      ("spo_tree", ["spo_tree_structure", "spo_replay_steps", "spo_segments_per_prompt"]),
      ("dpo", ["dpo_beta", "dpo_loss", "pairs_per_prompt"]),
      ("iterative_dpo", ["dpo_beta", "dpo_label_smoothing"]),
    ])
  func algorithmSettings(algorithm: String, keys: [String]) throws {
    let loaded = try spec(ResolveTests.head)
    let own = try loaded.resolve([("train.algorithm", .string(algorithm))])
    let other = try loaded.resolve([("train.algorithm", "rloo")])
    for key in keys {
      #expect(own[path: "train.\(key)"] != nil, "\(key)")
      #expect(other[path: "train.\(key)"] == nil, "\(key)")
    }
    #expect(own[path: "train.samples_per_prompt"] == (algorithm == "spo_tree" ? nil : 8))
    let decoded = try own.decoded(as: RunConfig.self)
    #expect(try JSONValue(encoding: decoded) == own)
  }

  @Test("The schema's algorithms and entropy controls are the trainer's")
  func names() throws {
    for algorithm in TrainConfig.Algorithm.allCases {
      for method in EntropyControlConfig.Method.allCases {
        let setting: [ExperimentSpec.Setting] = [
          ("train.algorithm", .string(algorithm.rawValue)),
          ("train.entropy_control", .string(method.rawValue)),
        ]
        let refusal = MethodPairs.refusal(
          algorithm: algorithm.rawValue, control: method.rawValue)
        let resolved = ResolveTests.outcome(try spec(ResolveTests.head), setting)
        #expect((resolved == nil) == (refusal != nil), "\(algorithm) with \(method)")
      }
    }
  }

  /// The configuration of a point, or nil where it has errors.
  private static func outcome(
    _ spec: ExperimentSpec, _ setting: [ExperimentSpec.Setting]
  ) -> RunConfig? {
    do {
      return try spec.resolve(setting).decoded(as: RunConfig.self)
    } catch {
      return nil
    }
  }

  @Test(
    "Every point of the good fixtures decodes as the trainer's configuration, and encodes to the same document"
  )
  func decodes() throws {
    var points = 0
    for name in Fixtures.names(in: "good") {
      let (spec, _) = SpecLoader.load(path: Fixtures.path("good", name))
      let found = try #require(spec)
      for point in ResolveTests.points(found).prefix(50) {
        let config = try found.resolve(point)
        let decoded = try config.decoded(as: RunConfig.self)
        #expect(try JSONValue(encoding: decoded) == config)
        #expect(decoded.model.shape.nonEmbeddingParameterCount == decoded.model.params)
        points += 1
      }
    }
    #expect(points > 50)
  }

  /// The product of an experiment's axes and its inclusions.
  private static func points(_ spec: ExperimentSpec) -> [[ExperimentSpec.Setting]] {
    var points: [[ExperimentSpec.Setting]] = [[]]
    for group in spec.grid.map({ [$0] }) + spec.zips {
      points = points.flatMap { point in
        (0..<(group.first?.values.count ?? 0)).map { index in
          point + group.map { (path: $0.path, value: $0.values[index]) }
        }
      }
    }
    return points + spec.include
  }

  @Test("The order of an assignment never matters")
  func order() throws {
    let found = try spec(
      "experiment: x\ntask: {name: countdown}\nmodel: {layers: 2, heads: 2}\ntrain: {algorithm: grpo, entropy_control: none}\n"
        + "grid: {model.width: [32]}\n")
    let assignment: [ExperimentSpec.Setting] = [
      ("train.entropy_control.token_fraction", 0.5), ("train.entropy_control.method", "clip_cov"),
      ("model.width", 64), ("train.entropy_control.covariance_low", 0), ("seed", 3),
      ("task.numbers", [5, 3]),
    ]
    let forward = try found.resolve(assignment)
    #expect(try found.resolve(assignment.reversed()) == forward)
    #expect(try found.resolve(assignment.sorted { $0.path < $1.path }) == forward)
    #expect(
      forward[path: "train.entropy_control"] == [
        "method": "clip_cov", "token_fraction": 0.5, "covariance_low": 0, "covariance_high": 5,
      ])
    #expect(forward[path: "task.numbers"] == [3, 5])
  }

  @Test("A learning-rate rule follows the size: value * (N / at)^power")
  func learningRateRule() throws {
    let found = try spec(
      "experiment: x\ntask: {name: prog}\nmodel: {size: 24k}\ntrain: {algorithm: rloo, learning_rate: {at: 23.68k, value: 2e-4, power: -0.5}}\n"
    )
    #expect(try found.resolve([])[path: "train.learning_rate"] == 2e-4)
    // 83,232 parameters: 2e-4 * sqrt(23680 / 83232) = 1.0667820006851328e-4.
    let rate = try #require(
      try found.resolve([("model.size", "83k")])[path: "train.learning_rate"]?.number)
    #expect(abs(rate - 1.0667820006851328e-4) < 1e-18)
  }

  @Test("Rules see the point as it is without rules, and later ones win")
  func when() throws {
    let found = try spec(
      ResolveTests.head + """
        when:
          - {if: "model.params >= 80k", set: {train.steps: 10, seed: 1}}
          - {if: "train.steps = 10", set: {train.beta1: 0.1}}
          - {if: "model.size = 83k and seed = 0", set: {train.steps: 20}}

        """)
    let small = try found.resolve([])
    #expect(small[path: "train.steps"] == 160 && small[path: "seed"] == 0)
    let large = try found.resolve([("model.size", "83k")])
    #expect(large[path: "train.steps"] == 20 && large[path: "seed"] == 1)
    #expect(large[path: "train.beta1"] == 0.9)
  }

  @Test("Expressions see sizes by name, methods of maps, and parameters")
  func lookup() throws {
    let found = try spec(ResolveTests.head)
    let point = found.resolution(of: [("train.entropy_control", ["method": "kl_cov"])])
    for (text, holds) in [
      ("model.size = 24k", true), ("model.size = 0.024m", true), ("model.size < 83k", true),
      ("model.size = 83k", false), ("model.params >= 1e4", true), ("model.params < 23680", false),
      ("train.entropy_control = kl_cov", true), ("train.entropy_control.coefficient = 1", true),
      ("task.numbers = 4", true), ("train.scale_by_std = true", true),
      ("train.filter_groups != false", true),
      ("model.size ~ '^2.k$'", true),
    ] {
      #expect(try Expression.parse(text).evaluate(point.lookup) == holds, "\(text)")
    }
    #expect(
      found.resolution(of: [("model", ["width": 40, "layers": 2, "heads": 2])]).lookup("model.size")
        == nil)
    #expect(
      found.resolution(of: [("model", ["width": 48, "layers": 3, "heads": 3])]).lookup("model.size")
        == "83k")
  }

  @Test("A point that cannot be built says so at the value that brought it")
  func errors() throws {
    let text =
      "experiment: x\ntask: {name: prog}\nmodel: {width: 32, layers: 2, heads: 2}\ntrain: {algorithm: rloo}\n"
      + "grid: {model.heads: [1, 2]}\n"
    let found = try spec(text)
    #expect {
      try found.resolve([("model.heads", 5)])
    } throws: { error in
      let first = (error as? SpecError)?.diagnostics.first
      return first?.message == "a width of 32 cannot be shared evenly by 5 heads"
        && first?.location?.line == 3
    }
  }
}
