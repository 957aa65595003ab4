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
      let records = try SamplesCommand.read(folder.samples)
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

  /// Reads the lines, of a step written twice the last; a cut-off last line is no record yet.
  private static func read(_ path: String) throws -> [SampleRecord] {
    guard let data = FileManager.default.contents(atPath: path) else { return [] }
    let decoder = JSONDecoder()
    var newest: [String: SampleRecord] = [:]
    var order: [String] = []
    for line in data.split(separator: 0x0a) {
      // try?: an attempt that was killed may have left a torn line behind.
      guard let record = try? decoder.decode(SampleRecord.self, from: line) else { continue }
      let key = "\(record.step) \(record.prompt)"
      if newest.updateValue(record, forKey: key) == nil { order.append(key) }
    }
    return order.compactMap { newest[$0] }
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
