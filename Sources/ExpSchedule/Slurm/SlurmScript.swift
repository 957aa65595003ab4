/// The script that `sbatch` gets: its options as comments, the user's own lines, and the call of `exp node`.
package struct SlurmScript: Sendable {
  /// Seconds before a time limit or a preemption at which a node is told to save and leave.
  static let warningSeconds = 60

  let array: SlurmArray
  let options: SlurmOptions
  /// What each task gets.
  let resources: SlurmResources
  /// Nodes that were found to fail.
  let badNodes: [String]
  /// The absolute path of `exp`.
  let program: String
  let folder: SlurmFolder

  /// The whole text.
  ///
  /// - Throws: `ScheduleError.unwritable` for a text that no line of a script can hold.
  func text() throws(ScheduleError) -> String {
    var lines = ["#!/bin/sh"]
    for (name, value) in try settings() {
      var line = "#SBATCH --\(name)"
      if let value { line += "=" + (try Self.optionValue(value)) }
      lines.append(line)
    }
    for option in options.extra { lines.append("#SBATCH \(try Self.line(option))") }
    for line in options.setup { lines.append(try Self.line(line)) }
    let record = try Self.word(folder.record(array.nonce))
    lines.append(
      "exec \(try Self.word(program)) node --record \(record) --index \"$SLURM_ARRAY_TASK_ID\"")
    return lines.joined(separator: "\n") + "\n"
  }

  private func settings() throws(ScheduleError) -> [(String, String?)] {
    var settings: [(String, String?)] = [
      ("job-name", array.jobName),
      ("array", "0-\(array.tasks.count - 1)" + (array.throttle.map { "%\($0)" } ?? "")),
      ("output", try outputPattern()), ("open-mode", "append"), ("requeue", nil),
      // B: only the batch shell, which is `exp node`, is told; it tells its trainer.
      ("signal", "B:TERM@\(Self.warningSeconds)"),
      ("nodes", "1"), ("ntasks", "1"), ("cpus-per-task", String(resources.cores)),
    ]
    if let mebibytes = resources.mebibytes { settings.append(("mem", "\(mebibytes)M")) }
    if resources.gpus > 0 { settings.append(("gres", "gpu:\(resources.gpus)")) }
    if let limit = options.timeLimit { settings.append(("time", Self.timeText(limit))) }
    let excluded = ([options.exclude].compactMap { $0 } + badNodes).joined(separator: ",")
    let named: [(String, String?)] = [
      ("partition", options.partition), ("account", options.account), ("qos", options.qos),
      ("constraint", options.constraint), ("reservation", options.reservation),
      ("nodelist", options.nodelist), ("exclude", excluded.isEmpty ? nil : excluded),
    ]
    return settings + named.filter { $0.1 != nil }
  }

  /// The path of the tasks' output, `%a` standing for the index.
  private func outputPattern() throws(ScheduleError) -> String {
    // Slurm takes a backslash in it for its own.
    guard !folder.path.contains("\\") else {
      throw .unwritable(text: folder.path, where: "a Slurm script")
    }
    return folder.path.replacing("%", with: "%%") + "/\(array.nonce)-%a.out"
  }

  /// Whole minutes, rounded up, as `sbatch` takes them.
  static func timeText(_ limit: Duration) -> String {
    String(max(1, (limit.components.seconds + 59) / 60))
  }

  /// A value in an `#SBATCH` line: in double quotes, in which `\` guards.
  package static func optionValue(_ text: String) throws(ScheduleError) -> String {
    let plain = text.utf8.allSatisfy { byte in
      (0x30...0x39).contains(byte) || (0x41...0x5a).contains(byte) || (0x61...0x7a).contains(byte)
        || "_-.,:/%@+=".utf8.contains(byte)
    }
    if plain, !text.isEmpty { return text }
    return "\"" + (try line(text)).replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
      + "\""
  }

  /// A word of a shell's command: in single quotes.
  package static func word(_ text: String) throws(ScheduleError) -> String {
    "'" + (try line(text)).replacing("'", with: "'\\''") + "'"
  }

  /// A text that stays on its line.
  private static func line(_ text: String) throws(ScheduleError) -> String {
    guard text.unicodeScalars.allSatisfy({ $0.value >= 0x20 || $0 == "\t" }) else {
      throw .unwritable(text: text, where: "a line of a Slurm script")
    }
    return text
  }
}
