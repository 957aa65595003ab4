internal import ArgumentParser
internal import ExpStore
internal import FoundationEssentials
internal import TrainerProtocol

/// `exp logs`: what a trainer said.
struct LogsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "logs", abstract: "Show what the trainer of a run said, and what went wrong.")

  @Argument(help: "The run: an id, a unique beginning of one, @last, or SWEEP/3.")
  var reference: String
  @OptionGroup var location: LocationOptions

  func run() throws {
    try reportingFailures {
      let folder = try location.folder(of: reference)
      let log = try RunLog.read(folder.events)
      for attempt in log.attempts {
        Terminal.output(
          "attempt \(attempt.number) on \(attempt.host) at \(attempt.startedAt), "
            + "from step \(attempt.resumeStep) of \(attempt.totalSteps)")
      }
      for message in log.messages { Terminal.output("step \(message.step): \(message.text)") }
      for problem in log.problems {
        Terminal.message("\(folder.events):\(problem.line): \(problem.message)")
      }
      if let data = FileManager.default.contents(atPath: folder.log), !data.isEmpty {
        Terminal.output(String(decoding: data.suffix(1 << 20), as: UTF8.self))
      }
    }
  }
}
