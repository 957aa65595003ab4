internal import ArgumentParser

/// The program `exp`.
public enum ExpMain {
  /// Runs the command line of this process and leaves with its exit code.
  public static func run() {
    ExpCommand.main()
  }
}

/// The root of all commands.
struct ExpCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "exp",
    abstract:
      "Sweeps of RL post-training runs, and the entropy law R = −a·exp(H) + b fitted to them.",
    discussion: """
      A first look:
        exp init                     write a starter spec
        exp sweep experiment.yaml    train its grid; run again to carry on
        exp fit first-look           the law per run and over model size
        exp predict --size 1m --from first-look
      """,
    version: "0.1.0",
    groupedSubcommands: [
      CommandGroup(
        name: "Run",
        subcommands: [
          InitCommand.self, CheckCommand.self, PlanCommand.self, SweepCommand.self,
          StatusCommand.self, StopCommand.self, RetryCommand.self, WhyCommand.self,
        ]),
      CommandGroup(
        name: "Look back",
        subcommands: [
          RunsCommand.self, ShowCommand.self, MetricsCommand.self, SamplesCommand.self,
          LogsCommand.self, SQLCommand.self, DatabaseCommand.self,
        ]),
      CommandGroup(
        name: "The law",
        subcommands: [
          FitCommand.self, PredictCommand.self, ScoreCommand.self, CompareCommand.self,
          PlotCommand.self, PruneReplayCommand.self,
        ]),
      CommandGroup(name: "The machine", subcommands: [DoctorCommand.self, NodeCommand.self]),
    ])
}
