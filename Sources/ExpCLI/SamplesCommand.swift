internal import ArgumentParser
internal import ExpCore
internal import ExpReport
internal import FoundationEssentials
internal import TrainerProtocol

/// `exp samples`: what the policy answered.
struct SamplesCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "samples",
    abstract: "Show prompts, answers, rewards and the entropy of each token of an evaluation.")

  @Argument(help: "The run: an id, a unique beginning of one, @last, or SWEEP/3.")
  var reference: String
  @Option(help: "The step of the evaluation (default: the last one).") var step: Int?
  @Option(help: "How many prompts to show.") var count = 5
  @Flag(help: "Print the evaluation's lines as they were written, one JSON object a prompt.")
  var json = false
  @OptionGroup var location: LocationOptions

  func run() throws {
    try reportingFailures {
      let folder = try location.folder(of: reference)
      let records = try SamplesCommand.read(folder)
      let steps = Set(records.map(\.step)).sorted()
      guard let wanted = step ?? steps.last else {
        throw Failure("run '\(reference)' has no samples yet")
      }
      guard steps.contains(wanted) else {
        let known = steps.map(String.init).joined(separator: ", ")
        throw Failure(
          "no evaluation at step \(wanted); there are samples of steps \(known)",
          code: ExitStatus.usage)
      }
      let shown = records.filter { $0.step == wanted }
      for record in shown.prefix(json ? shown.count : max(count, 0)) {
        Terminal.output(
          json ? try JSONValue(encoding: record).canonicalJSON : SamplesCommand.text(record))
      }
    }
  }

  /// Reads the lines; of an evaluation that a resumed run measured again, the last time counts.
  private static func read(_ folder: RunFolder) throws -> [SampleRecord] {
    guard let data = FileManager.default.contents(atPath: folder.samples),
      let request = FileManager.default.contents(atPath: folder.request)
    else { return [] }
    let evaluate = try JSONValue(parsing: request).decoded(as: RunRequest.self).config.evaluate
    let decoder = JSONDecoder()
    // try?: an attempt that was killed may have left a torn line behind.
    let records = data.split(separator: 0x0a).compactMap {
      try? decoder.decode(SampleRecord.self, from: $0)
    }
    let kept = min(evaluate?.keep ?? 0, evaluate?.prompts ?? 0)
    let bySteps = Dictionary(grouping: records, by: \.step)
    return bySteps.keys.sorted().flatMap { (bySteps[$0] ?? []).suffix(kept) }
  }

  private static func text(_ record: SampleRecord) -> String {
    var lines = [
      "step \(record.step)  \(DisplayText.clean(record.prompt))"
        + "   a right answer: \(DisplayText.clean(record.reference))"
    ]
    if let greedy = record.greedy { lines.append(line("greedy", greedy)) }
    for (index, answer) in record.answers.enumerated() {
      lines.append(line("sample \(index + 1)", answer))
    }
    return lines.joined(separator: "\n") + "\n"
  }

  private static func line(_ name: String, _ answer: SampleRecord.Answer) -> String {
    let entropies = answer.entropies.map { NumberText.fixed($0, decimals: 2) }
      .joined(separator: " ")
    return "  \(name): reward \(answer.reward.shortestText ?? "?")  "
      + "\(DisplayText.clean(answer.text))\n    H \(entropies)"
  }
}
