internal import ArgumentParser
internal import ExpCore
internal import ExpReport
internal import ExpStore
internal import FoundationEssentials
internal import TrainerProtocol

/// `exp show`: one run in full.
struct ShowCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show",
    abstract: "Show one run in full: where it came from, what it was, what it gave.")

  @Argument(help: "The run: an id, a unique beginning of one, @last, or SWEEP/3.")
  var reference: String
  @Flag(help: "Print everything as JSON.") var json = false
  @OptionGroup var location: LocationOptions

  func run() throws {
    try reportingFailures {
      let folder = try location.folder(of: reference)
      guard let id = RunID(text: String(folder.path.suffix(16))),
        let row = try location.openStore().run(id)
      else { throw Failure("there is no run '\(reference)'", code: ExitStatus.usage) }
      let provenance = ShowCommand.document(folder.provenance)
      let result = ShowCommand.document(folder.result)
      let status = RunStatus.read(folder)
      let attempts = try JSONValue(encoding: status.attempts)
      let last = RunLog.lastAttempt(in: folder.events)
      if json {
        var document = row.document
        document[path: "provenance"] = provenance
        document[path: "result"] = result
        document[path: "attempts"] = attempts
        if let last { document[path: "last_attempt"] = try JSONValue(encoding: last) }
        document[path: "folder"] = .string(folder.path)
        Terminal.output(document.prettyJSON)
        return
      }
      Terminal.output(text(row, provenance, status, last, folder))
    }
  }

  /// A JSON file of a run folder; null where it is missing or not JSON.
  private static func document(_ path: String) -> JSONValue {
    guard let data = FileManager.default.contents(atPath: path) else { return .null }
    return (try? JSONValue(parsing: data)) ?? .null  // try?: shown as absent, `exp logs` says more
  }

  private func text(
    _ row: RunRow, _ provenance: JSONValue, _ status: RunStatus, _ last: TrainEvent.Attempt?,
    _ folder: RunFolder
  ) -> String {
    var facts: [(String, String)] = [
      ("run", row.id.text), ("point", row.label),
      ("sweeps", row.sweeps.joined(separator: ", ")),
      ("status", row.status.rawValue + (row.reason.map { ": \($0)" } ?? "")),
      ("config hash", row.configHash),
    ]
    let source = provenance.object?["source"]
    if let commit = source?.object?["commit"]?.string {
      let branch = source?.object?["branch"]?.string.map { " on \($0)" } ?? ""
      facts.append(
        ("commit", commit + (row.snapshot ? " (snapshot of uncommitted work)" : "") + branch))
    } else {
      facts.append(("commit", "none: the spec is in no repository"))
    }
    facts.append(("trainer", provenance.object?["trainer_fingerprint"]?.string ?? "unknown"))
    if let machine = provenance.object?["machine"]?.object {
      let processor = machine["processor"]?.string ?? "unknown processor"
      facts.append(("machine", "\(machine["host"]?.string ?? "unknown"), \(processor)"))
    }
    if let last {
      facts.append(
        ("kernels", last.compute.kernelSet + (last.gpu.map { " on \($0)" } ?? "")))
    }
    facts.append(("base policy", row.base ?? "unknown"))
    if let result = status.result {
      facts.append(("took", NumberText.duration(seconds: result.wallSeconds)))
      facts.append(("peak memory", NumberText.bytes(result.peakMemoryBytes)))
      facts.append(("series", result.seriesSHA256.hex))
    }
    facts.append(("attempts", String(max(status.attempts.count, status.result == nil ? 0 : 1))))
    facts.append(("folder", folder.path))
    let law =
      "a \(NumberText.significant(row.a)), b \(NumberText.significant(row.b)), "
      + "ceiling \(NumberText.significant(row.ceiling)), R² \(NumberText.fixed(row.r2, decimals: 3))"
    let score =
      "last \(NumberText.fixed(row.lastValScore, decimals: 4)), "
      + "best \(NumberText.fixed(row.bestValScore, decimals: 4)); "
      + "entropy \(NumberText.fixed(row.lastEntropy, decimals: 4))"
    facts += [
      ("score", score), ("law", row.a == nil ? "not fitted" : law + "; exp fit has intervals"),
    ]
    let width = facts.map(\.0.count).max() ?? 0
    var lines = facts.map { name, fact in
      name + String(repeating: " ", count: width + 2 - name.count) + fact
    }
    lines.append("")
    lines += row.params.flattened().map { "\($0.path) = \($0.value.canonicalJSON)" }
    return lines.joined(separator: "\n")
  }
}
