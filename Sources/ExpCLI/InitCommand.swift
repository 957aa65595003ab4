internal import ArgumentParser
internal import FoundationEssentials

/// `exp init`: a starter spec that runs in a minute.
struct InitCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "init", abstract: "Write a starter spec, commented, that runs in about a minute.")

  @Argument(help: "Where to put it.") var folder = "."

  func run() throws {
    try reportingFailures {
      let path = "\(folder)/experiment.yaml"
      let files = FileManager.default
      guard !files.fileExists(atPath: path) else {
        throw Failure(
          "'\(path)' is there already; it was left as it is", code: ExitStatus.usage)
      }
      do {
        try files.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try Data(InitCommand.starter.utf8).write(to: URL(filePath: path), options: .atomic)
      } catch {
        throw Failure("cannot write '\(path)': is it a folder that you can write to?")
      }
      Terminal.message(
        """
        wrote \(path)
          exp check \(path)   look for mistakes
          exp plan \(path)    what would run, and how long it takes
          exp sweep \(path)   run it; run it again to carry on
          then: exp fit first-look, exp plot first-look
        """)
    }
  }

  /// Small enough for a minute on two cores, large enough for entropy to fall.
  static let starter = """
    experiment: first-look                # names the sweep: exp fit first-look

    task:
      name: countdown                     # reach a target from some numbers with + - *
      numbers: [3, 4]                     # how many numbers a prompt has: lengths are mixed

    base:                                 # the supervised stage, once per size, shared by all runs
      steps: 400

    train:
      algorithm: grpo                     # or rloo, reinforce
      entropy_control: none               # or {method: clip_cov, token_fraction: 0.02}, kl_cov, …
      steps: 40                           # rollout-and-update steps
      prompts_per_step: 64
      samples_per_prompt: 8
      learning_rate: 3e-4

    evaluate:
      every: 4                            # step 0 (the base policy) and the last are always measured
      prompts: 256

    grid:                                 # the product of these axes is what runs
      model.size: [14k, 24k, 83k]         # non-embedding parameters
      seed: {from: 0, count: 2}

    """
}
