internal import ExpCore

/// The tables of `docs/algorithms.md`, made from what specs are checked against.
public enum AlgorithmTables {
  /// Markdown: a row per algorithm, a column per entropy control, and a number where a pair is refused.
  public static var pairs: String {
    let controls = EntropyControl.names
    var reasons: [String] = []
    var lines = [
      "| | " + controls.map { "`\($0)`" }.joined(separator: " | ") + " |",
      "| --- |" + String(repeating: " :-: |", count: controls.count),
    ]
    for algorithm in AlgorithmSettings.algorithms {
      let cells = controls.map { control -> String in
        guard let reason = MethodPairs.refusal(algorithm: algorithm, control: control) else {
          return "yes"
        }
        if !reasons.contains(reason) { reasons.append(reason) }
        return "no (\((reasons.firstIndex(of: reason) ?? 0) + 1))"
      }
      lines.append("| `\(algorithm)` | \(cells.joined(separator: " | ")) |")
    }
    lines.append("")
    lines += reasons.enumerated().map { "\($0.offset + 1). \($0.element)" }
    return lines.joined(separator: "\n")
  }

  /// Markdown: the settings of `train` that only some algorithms read, with their defaults.
  public static var settings: String {
    let rows = AlgorithmSettings.all.map { setting -> String in
      "| `\(setting.key.name)` | \(cell(setting.key.value.expectation)) | \(cell(setting.key.summary)) |"
    }
    return
      (["| key of `train` | value | read by, and what it does |", "| --- | --- | --- |"] + rows)
      .joined(separator: "\n")
  }

  /// Markdown: the keys of a section with their defaults; of `train` those that every algorithm reads.
  public static func section(_ name: String) -> String {
    let own = Set(AlgorithmSettings.all.map(\.key.name))
    let keys =
      name.isEmpty
      ? SpecSchema.root.keys
      : SpecSchema.section(name)?.keys.filter { name != "train" || !own.contains($0.name) } ?? []
    let rows = keys.map { key in
      "| `\(key.name)` | \(key.fallback.map { "`\($0.canonicalJSON)`" } ?? "") | \(words(key.value)) | \(cell(key.summary)) |"
    }
    return (["| key | default | value | what it is |", "| --- | --- | --- | --- |"] + rows)
      .joined(separator: "\n")
  }

  private static func words(_ value: ValueSchema) -> String {
    if case .map = value { return "a map, see below" }
    return cell(value.expectation)
  }

  /// The sections that `section` knows, in the order of a spec.
  public static let sections = [
    "task", "model", "base", "train", "evaluate", "resources", "checkpoints", "limits", "prune",
    "trainer", "slurm",
  ]

  /// Markdown: the settings of the entropy controls.
  public static var controls: String {
    let rows = EntropyControl.methods.flatMap { method -> [String] in
      method.keys.isEmpty
        ? ["| `\(method.name)` | | | |"]
        : method.keys.map { key in
          "| `\(method.name)` | `\(key.name)` | \(key.fallback?.canonicalJSON ?? "") | \(cell(key.summary)) |"
        }
    }
    return (["| control | setting | default | what it does |", "| --- | --- | --- | --- |"] + rows)
      .joined(separator: "\n")
  }

  private static func cell(_ text: String) -> String {
    text.split(separator: "|", omittingEmptySubsequences: false).joined(separator: "\\|")
  }
}
