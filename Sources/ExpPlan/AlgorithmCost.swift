internal import ExpCore

/// What one step of an algorithm takes: rollout, the policy's updates, and whatever is computed beside them.
struct AlgorithmCost {
  /// Answers of one rollout.
  let sequences: Double
  /// Operations, and tokens that are sampled or trained on.
  let perStep: ModelCost.Work
  /// Sets of weights beside those of the policy and its optimiser.
  let copies: Double

  init(_ document: ConfigFigures, _ model: ModelCost, _ lengths: TaskLengths) {
    let algorithm = document.text("train.algorithm") ?? ""
    let prompts = document["train.prompts_per_step"]
    let tree = document.numbers("train.spo_tree_structure")
    let sequences =
      prompts * (tree.isEmpty ? document["train.samples_per_prompt"] : tree.reduce(1, *))
    let epochs = max(document["train.epochs_per_rollout"], 1)
    let isPreference = algorithm == "dpo" || algorithm == "iterative_dpo"
    let trained =
      isPreference
      ? 2 * prompts * document["train.pairs_per_prompt"]
      : tree.isEmpty ? sequences : prompts * document["train.spo_segments_per_prompt"]
    let forward = model.forward(sequences: trained, lengths)
    let training = model.training(sequences: trained, lengths)
    var work = model.sampling(prompts: prompts, answers: sequences, lengths)
    work.add(training, times: epochs)
    var copies = 0.0
    if document.text("train.entropy_control.method") == "kl_reference"
      || document["train.reward_kl_coefficient"] > 0
      || isPreference && document["train.reference_ema"] > 0
    {
      work.flops += forward.flops
      copies += 1
    }
    switch algorithm {
    case "ppo":
      // The critic, its optimiser, and its values before they are learnt.
      work.flops += forward.flops + epochs * training.flops
      copies += 4
    case "prime":
      // Reward model and reference score each answer, and the reward model learns once.
      work.flops += 2 * forward.flops + training.flops
      copies += 5
    case "remax":
      work.add(model.sampling(prompts: prompts, answers: prompts, lengths), times: 1)
    case "spo_chain":
      work.add(
        AlgorithmCost.continuations(document, model, lengths, sequences: sequences), times: 1)
    case "dpo": copies += 1
    default: break
    }
    self.sequences = sequences
    self.copies = copies
    perStep = work
  }

  /// Fresh continuations from the beginnings of segments, half an answer each; half of the tokens are taken for cut points.
  private static func continuations(
    _ document: ConfigFigures, _ model: ModelCost, _ lengths: TaskLengths, sequences: Double
  ) -> ModelCost.Work {
    let perSegment =
      document.text("train.spo_segmentation") == "fixed_length"
      ? document["train.spo_segment_tokens"] : 2 * document["train.spo_interval"]
    let states = sequences * max(1, lengths.answer / max(perSegment, 1))
    let rest = TaskLengths(
      prompt: lengths.prompt + lengths.answer / 2, answer: lengths.answer / 2,
      vocabulary: lengths.vocabulary)
    return model.sampling(
      prompts: states, answers: states * document["train.spo_samples"], rest)
  }
}
