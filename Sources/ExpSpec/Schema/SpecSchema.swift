internal import ExpCore

/// The table of every key of a spec.
///
/// A new setting is a line here and a member of `RunConfig`.
enum SpecSchema {
  /// The largest seed, so that a seed and the count of an axis stay exact.
  static let largestSeed = 4_294_967_295
  static let seed = ValueSchema.integer(0...largestSeed)

  /// The sections that determine a point's numbers, in the order in which they are written.
  static let sections: [(name: String, map: MapSchema)] = [
    ("task", task), ("model", model), ("base", base), ("train", train), ("evaluate", evaluate),
  ]

  static let task = MapSchema(keys: [
    KeySchema(
      "name", .choice(["code", "countdown", "phrases", "prog"]), nil, "Task family."),
    KeySchema(
      "numbers", .oneOrMany(2...6), [4],
      "countdown: how many numbers a prompt has; a list draws one of them per prompt."),
    KeySchema("max_target", .integer(9...99), 99, "countdown: the largest target."),
    KeySchema(
      "working", .boolean, false, "countdown: answers write out the result of every operation."),
    KeySchema("max_depth", .integer(1...4), 2, "prog: the most operations of a program."),
    KeySchema(
      "list_lengths", .oneOrMany(2...8), [4],
      "prog: how many digits a list has; a list draws one of them per prompt."),
    KeySchema(
      "max_statements", .integer(0...6), 1,
      "code: the most assignments and returns before the closing return."),
    KeySchema(
      "max_nesting", .integer(0...3), 1, "code: the most blocks that lie in each other."),
    KeySchema(
      "examples", .oneOrMany(2...10), [8],
      "code: how many examples a prompt shows; a list draws one of them per prompt."),
    KeySchema(
      "step_budget", .integer(10...10_000), 100, "code: steps after which a program is endless."),
    KeySchema(
      "domains", .list(.choice(["quantity", "time"]), least: 1), ["quantity", "time"],
      "phrases: the subjects of the questions, drawn evenly."),
    KeySchema(
      "judge_size", .choice(ModelShape.named.map(\.name)), "24k",
      "phrases: the named size of the judge."),
    KeySchema(
      "judge_steps", .integer(0...10_000_000), 2000,
      "phrases: steps that train the judge behind the base policy; 0 for no judge."),
    KeySchema(
      "judge_label_noise", .number(.upTo(0.5)), 0,
      "phrases: probability that a label of the judge's training data is turned round."),
    KeySchema(
      "slip_probability", .number(.upTo(1)), 0.2, "Probability that a demonstration has a slip."),
  ])

  /// The keys that belong to one family only.
  static let taskFamilies: [String: [String]] = [
    "code": ["max_statements", "max_nesting", "examples", "step_budget"],
    "countdown": ["numbers", "max_target", "working"],
    "phrases": ["domains", "judge_size", "judge_steps", "judge_label_noise"],
    "prog": ["max_depth", "list_lengths"],
  ]

  /// The family that a key such as `task.numbers` belongs to; nil for a key that all families read.
  static func taskFamily(of path: String) -> String? {
    taskFamilies.first { $0.value.contains { path == "task.\($0)" } }?.key
  }

  /// Why keys have no effect even in their own family.
  static let ignoredTaskKeys = [
    "task.judge_size": "'task.judge_steps' is 0, so there is no judge",
    "task.judge_label_noise": "'task.judge_steps' is 0, so there is no judge",
    "task.max_nesting": "'task.max_statements' is 0, so there is nothing to put into blocks",
  ]

  /// The keys whose order and repeats mean nothing.
  static let taskLists = ["domains", "examples", "list_lengths", "numbers"]

  /// The families with free-form answers, whose base stage trains a judge too.
  static let judgedTasks = ["phrases"]

  static let model = MapSchema(keys: [
    KeySchema(
      "size", .choice(ModelShape.named.map(\.name)), nil,
      "A named size in place of widths; its name is its count of non-embedding parameters."),
    KeySchema("width", .integer(8...4096), nil, "Channels of the residual stream."),
    KeySchema("layers", .integer(1...64), nil, "Transformer blocks."),
    KeySchema("heads", .integer(1...512), nil, "Query heads; divides the width."),
    KeySchema(
      "kv_heads", .integer(1...512), nil,
      "Key and value heads; divides heads, which is the default."),
    KeySchema(
      "hidden", .integer(1...32_768), nil,
      "Hidden width of SwiGLU; 8/3 of the width rounded to a multiple of 16 by default."),
    KeySchema(
      "tied_embeddings", .boolean, true, "Whether the output projection is the embedding."),
    KeySchema(
      "qkv_bias", .boolean, false, "Whether query, key and value projections carry a bias."),
  ])

  /// The keys that a named size stands for.
  static let widths = ["width", "layers", "heads", "kv_heads", "hidden"]

  static let learningRates = NumberRange.positive(10)

  static let base = MapSchema(keys: [
    KeySchema("steps", .integer(0...10_000_000), 1200, "Supervised steps."),
    KeySchema("batch_size", .integer(1...65_536), 128, "Demonstrations per step."),
    KeySchema("learning_rate", .learningRate(learningRates), 3e-3, "Peak learning rate."),
    KeySchema("warmup_steps", .integer(0...10_000_000), 50, "Steps of linear warm-up."),
    KeySchema(
      "final_learning_rate_fraction", .number(.upTo(1)), 0.1,
      "Learning rate at the last step over the peak."),
    KeySchema("weight_decay", .number(.upTo(10)), 0.01, "AdamW's weight decay, on matrices."),
    KeySchema("beta1", .number(.decay), 0.9, "AdamW's first-moment decay."),
    KeySchema("beta2", .number(.decay), 0.95, "AdamW's second-moment decay."),
    KeySchema("max_grad_norm", .number(.positive(1e6)), 1, "Clip of the gradient's norm."),
    KeySchema("seed", seed, 0, "Seed of initial weights and demonstrations."),
  ])

  /// The settings of the RL stage: those that every algorithm reads, then those that some do.
  static let train = MapSchema(keys: commonTraining + AlgorithmSettings.all.map(\.key))

  private static let commonTraining = [
    KeySchema("algorithm", .choice(AlgorithmSettings.algorithms), nil, "The RL algorithm."),
    KeySchema("entropy_control", .entropyControl, "none", "How entropy is kept up."),
    KeySchema(
      "reward", .choice(["exact", "judge_binary", "judge_soft"]), "exact",
      "Who scores answers: the exact verifier, or a judge's verdict or confidence."),
    KeySchema("steps", .integer(1...10_000_000), 160, "Rollout-and-update steps."),
    KeySchema(
      "updates_per_rollout", .integer(1...1024), 2, "Optimiser steps per pass over a rollout."),
    KeySchema(
      "micro_batch_size", .integer(1...65_536), 128,
      "Sequences in one forward and backward pass; changes rounding only."),
    KeySchema("learning_rate", .learningRate(learningRates), 2e-4, "Constant learning rate."),
    KeySchema("weight_decay", .number(.upTo(10)), 0, "AdamW's weight decay."),
    KeySchema("beta1", .number(.decay), 0.9, "AdamW's first-moment decay."),
    KeySchema("beta2", .number(.decay), 0.99, "AdamW's second-moment decay."),
    KeySchema("max_grad_norm", .number(.positive(1e6)), 1, "Clip of the gradient's norm."),
    KeySchema(
      "temperature", .number(NumberRange(lower: 1e-3, upper: 10)), 1,
      "Sampling temperature of rollouts."),
    KeySchema(
      "top_p", .number(.positive(1)), 1, "Share of probability that rollouts sample from."),
    KeySchema(
      "max_response_tokens", .integer(0...65_536), 0,
      "The longest answer of a rollout; 0 stands for the task's longest."),
    KeySchema(
      "overlong_buffer", .integer(0...65_536), 0,
      "Tokens before the longest answer over which a penalty for length grows; 0 for none."),
    KeySchema("overlong_factor", .number(.upTo(100)), 1, "The penalty at the longest answer."),
    KeySchema(
      "reference_ema", .number(.decay), 0,
      "Rate at which the reference policy follows the policy at each update; 0 keeps the base."),
  ]

  /// A section by its name.
  static func section(_ name: String) -> MapSchema? {
    guard case .map(let map) = root[name]?.value else { return nil }
    return map
  }

  /// The keys of a section as a message lists them; of `train` those that every algorithm reads, and how to find the rest.
  static func keyList(_ keys: [String], in section: String, prefix: String = "") -> String {
    let own = section == "train" ? Set(AlgorithmSettings.all.map(\.key.name)) : []
    let listed = keys.filter { !own.contains($0) }.sorted().map { prefix + $0 }
    let words = "one of: \(listed.joined(separator: ", "))"
    return own.isEmpty
      ? words
      : "\(words), or one of \(own.count) settings of certain algorithms (docs/algorithms.md)"
  }

  static let evaluate = MapSchema(keys: [
    KeySchema("every", .integer(1...10_000_000), 4, "Steps between evaluations."),
    KeySchema("prompts", .integer(1...65_536), 1024, "Validation prompts."),
    KeySchema("samples", .integer(1...1024), 4, "Answers per prompt at temperature 1."),
    KeySchema("greedy", .boolean, true, "Whether greedy answers are scored too."),
    KeySchema("keep", .integer(0...65_536), 8, "Prompts whose answers are kept to read."),
  ])

  static let resources = MapSchema(keys: [
    KeySchema("cores", .integer(1...1024), 1, "Processor cores per run."),
    KeySchema("memory", .memory, "auto", "Memory per run."),
    KeySchema("device", .choice(["cpu", "cuda"]), "cpu", "What exp-trainer computes on."),
    KeySchema(
      "gpus", .number(.upTo(64)), nil,
      "GPUs per run, or a part of one; by default, and with 0, none on cpu, and on cuda an eighth for models up to 2M parameters, a quarter up to 20M, else one."
    ),
    KeySchema(
      "precision", .choice(["bf16", "fp32"]), "bf16",
      "Numbers that products multiply on cuda; weights, statistics and log-probabilities are fp32 in both."
    ),
    KeySchema(
      "batch_invariant", .boolean, false,
      "On cuda: rollout and update give a token the same bits, at some cost in speed."),
  ])

  static let checkpoints = MapSchema(keys: [
    KeySchema("keep", .choice(["last"]), "last", "Which checkpoints stay: the newest one."),
    KeySchema(
      "seconds", .number(.positive(86_400)), 20, "The most seconds between two checkpoints."),
  ])

  static let limits = MapSchema(keys: [
    KeySchema("timeout", .duration, "2h", "The most time that one run may take."),
    KeySchema("retries", .integer(0...100), 2, "Further attempts after a crash."),
    KeySchema(
      "silence", .duration, "30m",
      "The longest that a trainer may write no event before it counts as hung."),
  ])

  /// The rule's numbers are those of `ExpFit.PruneRule`, which a test compares.
  static let prune = MapSchema(keys: [
    KeySchema(
      "level", .number(NumberRange(lower: 0.5, upper: 0.9999)), 0.95,
      "Coverage of the bounds of a predicted ceiling."),
    KeySchema(
      "margin", .number(.upTo(1)), 0.02,
      "How far an arm's upper bound must lie below the best lower bound, in units of the score."),
    KeySchema(
      "after", .number(.decay), 0.25, "Share of a run's steps before which it is not judged."),
    KeySchema(
      "points", .integer(3...1_000_000), 8, "Evaluations before which a run is not judged."),
    KeySchema(
      "within", .list(.path, least: 0), [],
      "Further keys in which compared arms agree, beside the model and the task."),
  ])

  /// Where runs go that do not stay on this machine; its keys are named as the options of `sbatch`.
  static let slurm = MapSchema(keys: [
    KeySchema("partition", .text, nil, "The partition; the site's default where none is given."),
    KeySchema("account", .text, nil, "The account that is charged."),
    KeySchema("qos", .text, nil, "The quality of service."),
    KeySchema("constraint", .text, nil, "Features that nodes must have."),
    KeySchema("reservation", .text, nil, "A reservation to run in."),
    KeySchema("nodelist", .text, nil, "Nodes to use, such as n[01-04]."),
    KeySchema("exclude", .text, nil, "Nodes to leave out."),
    KeySchema(
      "time", .duration, nil,
      "The longest that one task may take before Slurm ends it; the partition's default where none is given."
    ),
    KeySchema(
      "extra", .list(.text, least: 0), [], "Further options of sbatch, such as --nice=100."),
    KeySchema(
      "setup", .list(.text, least: 0), [],
      "Lines of shell that a node runs before the trainer, such as 'module load openblas'."),
    KeySchema(
      "max_array_size", .integer(1...4_000_001), nil,
      "The most tasks of one array; the site's MaxArraySize where none is given."),
  ])

  static let trainer = MapSchema(
    keys: [
      KeySchema(
        "command", .list(.text, least: 1), nil,
        "Program and arguments of a trainer in place of exp-trainer.")
    ], required: ["command"])

  static let rule = MapSchema(
    keys: [
      KeySchema("if", .condition, nil, "When the settings hold, such as model.params >= 1e6."),
      KeySchema("set", .settings, nil, "Dotted paths with their values."),
    ], required: ["if", "set"])

  static let learningRateRule = MapSchema(
    keys: [
      KeySchema("at", .size, nil, "The count of non-embedding parameters where value holds."),
      KeySchema("value", .number(learningRates), nil, "The learning rate there."),
      KeySchema(
        "power", .number(NumberRange(lower: -4, upper: 4)), nil,
        "The rate is value * (N / at)^power."),
    ], required: ["at", "power", "value"])

  /// A whole spec.
  static let root = MapSchema(
    keys: [
      KeySchema("experiment", .name, nil, "The experiment's name; sweeps are found by it."),
      KeySchema("description", .text, nil, "What it is for, in words."),
      KeySchema("extends", .text, nil, "A spec to start from, relative to this file."),
    ] + sections.map { KeySchema($0.name, .map($0.map), nil, sectionSummaries[$0.name] ?? "") } + [
      KeySchema("seed", seed, 0, "The RL seed."),
      KeySchema("grid", .axes, nil, "Axes whose values are all combined."),
      KeySchema("zip", .list(.axes, least: 0), nil, "Groups of axes that move together."),
      KeySchema("include", .list(.settings, least: 0), nil, "Further points."),
      KeySchema("exclude", .list(.condition, least: 0), nil, "Points to leave out."),
      KeySchema(
        "hold_out", .list(.condition, least: 0), nil,
        "Points that run last and stay out of fits across sizes."),
      KeySchema(
        "first", .list(.condition, least: 0), nil,
        "Points that start before others: those of the first condition, then those of the next."),
      KeySchema("when", .list(.map(rule), least: 0), nil, "Settings that hold for some points."),
      KeySchema("resources", .map(resources), nil, "What a run needs."),
      KeySchema("checkpoints", .map(checkpoints), nil, "How runs are saved."),
      KeySchema("limits", .map(limits), nil, "When a run is given up."),
      KeySchema(
        "prune", .map(prune), nil,
        "Stops arms whose predicted ceiling is out of reach of the best; off unless given."),
      KeySchema("trainer", .map(trainer), nil, "Another program that trains."),
      KeySchema(
        "executor", .choice(["local", "slurm"]), "local",
        "Where runs are computed: on this machine, or through Slurm; --executor wins."),
      KeySchema("slurm", .map(slurm), nil, "What is asked of Slurm, where runs go there."),
    ])

  private static let sectionSummaries = [
    "task": "What is learnt and how an answer is verified.",
    "model": "The architecture: a named size or widths.",
    "base": "The supervised stage that makes the base policy.",
    "train": "The RL stage.",
    "evaluate": "How the policy is measured.",
  ]
}
