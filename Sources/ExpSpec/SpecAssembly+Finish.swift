internal import ExpCore

extension SpecAssembly {
  /// Applies overrides, checks what concerns several keys, and makes the spec if nothing is wrong.
  mutating func finish(
    _ overrides: [String]
  ) -> (spec: ExperimentSpec?, diagnostics: [Diagnostic]) {
    apply(overrides)
    var axes = AxisCheck(problems: problems)
    let grid = axes.grid(self.grid)
    let zips = axes.zips(self.zips)
    axes.overlaps(self.grid, self.zips)
    problems = axes.problems
    let exclude = conditions("exclude")
    let holdOut = conditions("hold_out")
    let first = conditions("first")
    let rules = rules()
    let rows = rows()
    checkGPUs()
    if isRead, others["experiment"] == nil {
      problems.error(
        "the spec has no 'experiment'", at: start, expected: ValueSchema.name.expectation,
        help: "give it a name: 'experiment: my-sweep'")
    }
    guard !problems.hasErrors, let name = others["experiment"]?.scalar?.string else {
      return (nil, problems.sorted())
    }
    let spec = ExperimentSpec(
      name: name, description: others["description"]?.scalar?.string, document: document,
      grid: grid, zips: zips, include: rows.settings, exclude: exclude.map(\.expression),
      holdOut: holdOut.map(\.expression), first: first.map(\.expression), when: rules,
      resources: resources,
      checkpoints: checkpoints, limits: limits, prune: prune,
      trainerCommand: others["trainer"]?["command"]?.value.elements?.compactMap(\.scalar?.string),
      executor: others["executor"]?.scalar?.string.flatMap { .init(rawValue: $0) } ?? .local,
      slurm: slurm,
      files: files, places: places, includePlaces: rows.places,
      excludePlaces: exclude.map(\.location), holdOutPlaces: holdOut.map(\.location),
      firstPlaces: first.map(\.location),
      prunePlace: others["prune"]?.location,
      origin: problems.withoutFindings(), start: start)
    for problem in PointCheck(spec: spec).problems() { problems.add(problem) }
    return (problems.hasErrors ? nil : spec, problems.sorted())
  }

  // MARK: Expressions

  private mutating func conditions(
    _ key: String
  ) -> [(expression: Expression, location: SourceLocation)] {
    (others[key]?.elements ?? []).compactMap { node in
      condition(node).map { ($0, node.location) }
    }
  }

  /// Parses an expression; what is wrong in it is placed inside the text where that is possible.
  private mutating func condition(_ node: Node) -> Expression? {
    guard let text = node.scalar?.string, !text.isEmpty else { return nil }
    do {
      let (expression, uses) = try Expression.parseWithUses(text)
      for use in uses { check(use, in: text, node) }
      return expression
    } catch {
      problems.error(
        "in the expression: \(error.message)", at: place(error.column, in: text, node),
        help: error.help)
      return nil
    }
  }

  private mutating func check(_ use: Expression.KeyUse, in text: String, _ node: Node) {
    let known = SettablePaths.readable
    guard known.contains(use.key) else {
      problems.error(
        "there is no key '\(use.key.shortened)' to compare",
        at: place(use.column, in: text, node),
        expected: "a dotted key such as train.algorithm or model.params",
        help: problems.suggestion(for: use.key, among: known))
      return
    }
    guard let names = SettablePaths.schema(use.key)?.names else { return }
    for (literal, column) in zip(use.literals, use.literalColumns)
    where !names.contains(literal.text) && !names.contains(where: { literal.isSize($0) }) {
      problems.warning(
        "'\(use.key)' is never '\(literal.text.shortened)'", at: place(column, in: text, node),
        expected: "one of: \(names.joined(separator: ", "))",
        help: problems.suggestion(for: literal.text, among: names))
    }
  }

  /// The place of a column of an expression, or of the whole where escapes or folded lines stand between.
  private func place(_ column: Int, in text: String, _ node: Node) -> SourceLocation {
    var place = node.location
    guard let source = problems.sources[place.file],
      let line = SourceText.line(place.line, of: source)
    else { return place }
    let rest = line.unicodeScalars.dropFirst(place.column - 1)
    let expected = text.unicodeScalars
    if rest.starts(with: expected) {
      place.column += column - 1
    } else if let quote = rest.first, quote == "\"" || quote == "'",
      rest.dropFirst().starts(with: expected)
    {
      place.column += column
    }
    return place
  }

  // MARK: Rows and rules

  private mutating func rules() -> [ExperimentSpec.Rule] {
    (others["when"]?.elements ?? []).compactMap { node in
      guard let condition = node["if"].flatMap({ condition($0.value) }), let set = node["set"]
      else { return nil }
      let (settings, places) = settings(of: set.value)
      return ExperimentSpec.Rule(
        condition: condition, settings: settings, location: problems.fileLocation(node.location),
        settingPlaces: places)
    }
  }

  private mutating func rows() -> (
    settings: [[ExperimentSpec.Setting]], places: [[String: SourceLocation]]
  ) {
    let rows = (others["include"]?.elements ?? []).map { settings(of: $0) }
    return (rows.map(\.0), rows.map(\.1))
  }

  private mutating func settings(
    of node: Node
  ) -> ([ExperimentSpec.Setting], [String: SourceLocation]) {
    let entries = node.entries ?? []
    var axes = AxisCheck(problems: problems)
    axes.overlaps(
      entries.map { AxisDraft(path: $0.key, keyLocation: $0.keyLocation, node: $0.value) }, [])
    problems = axes.problems
    return (
      entries.map { ($0.key, $0.value.json) },
      Dictionary(
        entries.map { ($0.key, $0.value.location) }, uniquingKeysWith: { first, _ in first })
    )
  }

  // MARK: What is not part of a point

  private func value(_ section: String, _ key: String) -> JSONValue? {
    others[section]?[key]?.value.scalar
  }

  private var resources: ExperimentSpec.Resources {
    let memory = value("resources", "memory")?.string.flatMap(TextForms.memory)
    return .init(
      cores: value("resources", "cores")?.integer ?? 1,
      memoryBytes: memory.flatMap { Int(exactly: $0.rounded()) },
      device: value("resources", "device")?.string.flatMap { .init(rawValue: $0) } ?? .cpu,
      gpus: value("resources", "gpus")?.number.flatMap { $0 == 0 ? nil : $0 },
      precision: value("resources", "precision")?.string ?? "bf16",
      isBatchInvariant: value("resources", "batch_invariant")?.bool ?? false)
  }

  /// Parts are of one GPU; the trainer that comes along uses one, and only on cuda.
  private mutating func checkGPUs() {
    let isCUDA = resources.device == .cuda
    if isCUDA, others["trainer"] != nil, let node = others["resources"]?["device"]?.value {
      problems.error(
        "'resources.device' is for exp-trainer, and this spec has a 'trainer' of its own",
        at: node.location, expected: "'resources.gpus' alone; the trainer sees CUDA_VISIBLE_DEVICES"
      )
    }
    // A device that does not exist is an error already.
    let isCPU = ["cpu", nil].contains(value("resources", "device")?.string)
    for key in ["precision", "batch_invariant"] where isCPU {
      guard let node = others["resources"]?[key]?.value else { continue }
      problems.warning(
        "'resources.\(key)' has no effect without 'resources.device: cuda'", at: node.location)
    }
    if isCUDA, let node = others["resources"]?["gpus"]?.value, let gpus = node.scalar?.number,
      gpus > 1
    {
      problems.error(
        "'resources.gpus' is \(gpus.shortestText ?? "")", at: node.location,
        expected: "1 or a part of it: a run of exp-trainer computes on one GPU")
      return
    }
    guard let node = others["resources"]?["gpus"]?.value, let gpus = node.scalar?.number, gpus > 0
    else { return }
    if gpus > 1, gpus != gpus.rounded() {
      problems.error(
        "'resources.gpus' is \(gpus.shortestText ?? "")", at: node.location,
        expected: "a whole number of GPUs, or a part of one such as 0.25")
    }
    if others["trainer"] == nil, isCPU {
      problems.error(
        "'resources.gpus' asks for GPUs, and exp-trainer is to use the processor",
        at: node.location,
        expected: "'resources.device: cuda' beside it, or a 'trainer' of your own")
    }
  }

  private var checkpoints: ExperimentSpec.Checkpoints {
    .init(
      keep: value("checkpoints", "keep")?.string.flatMap { .init(rawValue: $0) } ?? .last,
      seconds: value("checkpoints", "seconds")?.number ?? 20)
  }

  /// `prune: {}` asks for the rule as it stands.
  private var prune: ExperimentSpec.Prune? {
    guard let node = others["prune"], node.entries != nil else { return nil }
    return .init(
      level: value("prune", "level")?.number ?? 0.95,
      margin: value("prune", "margin")?.number ?? 0.02,
      after: value("prune", "after")?.number ?? 0.25,
      points: value("prune", "points")?.integer ?? 8,
      within: node["within"]?.value.elements?.compactMap(\.scalar?.string) ?? [])
  }

  private var slurm: ExperimentSpec.Slurm {
    func text(_ key: String) -> String? { value("slurm", key)?.string }
    func texts(_ key: String) -> [String] {
      others["slurm"]?[key]?.value.elements?.compactMap(\.scalar?.string) ?? []
    }
    return .init(
      partition: text("partition"), account: text("account"), qos: text("qos"),
      constraint: text("constraint"), reservation: text("reservation"), nodelist: text("nodelist"),
      exclude: text("exclude"), timeSeconds: seconds("slurm", "time"), extra: texts("extra"),
      setup: texts("setup"), maxArraySize: value("slurm", "max_array_size")?.integer)
  }

  private func seconds(_ section: String, _ key: String) -> Double? {
    let time = value(section, key)
    return time?.number ?? time?.string.flatMap(TextForms.duration)
  }

  private var limits: ExperimentSpec.Limits {
    .init(
      timeoutSeconds: seconds("limits", "timeout") ?? 7200,
      retries: value("limits", "retries")?.integer ?? 2,
      silenceSeconds: seconds("limits", "silence") ?? 1800)
  }
}

extension ValueSchema {
  /// The names that a value can have, where they are a closed set.
  fileprivate var names: [String]? {
    switch self {
    case .choice(let names): names
    case .entropyControl: EntropyControl.names
    default: nil
    }
  }
}

extension Expression.Literal {
  /// Whether this is another spelling of a named size.
  fileprivate func isSize(_ name: String) -> Bool {
    guard let own = number(for: "model.size") else { return false }
    return own == Quantity.size(name)
  }
}
