internal import ExpCore

/// Turns a merged document into a point's config and says what does not fit together.
struct Resolver {
  /// A problem of a point, by paths; its place is found later.
  struct Finding {
    var severity: Diagnostic.Severity
    var message: String
    /// The keys that brought it about, the one to look at first in front.
    var paths: [String]
    var expected: String?
    var help: String?
  }

  /// What has been resolved so far.
  struct Draft {
    var config: JSONValue
    var findings: [Finding]
    var usedPaths: Set<String>
    var sizeName: String?

    func lookup(_ key: String) -> JSONValue? {
      if key == "model.size" { return sizeName.map { .string($0) } }
      return config[path: key]
    }
  }

  /// The keys that some points ignore: paths with what must hold for them to be read.
  static let conditionalPaths =
    SpecSchema.taskFamilies.values.flatMap { $0 }.sorted().map { "task.\($0)" }
    + AlgorithmSettings.all.map { "train.\($0.key.name)" }

  private static let defaults: [String: [String: JSONValue]] = Dictionary(
    SpecSchema.sections.map { ($0.name, $0.map.defaults) }, uniquingKeysWith: { first, _ in first })

  /// Resolves a document whose values have the right types.
  func resolve(_ document: JSONValue) -> Draft {
    var work = Work(document: document)
    let task = work.task()
    let model = work.model()
    let config: [String: JSONValue] = [
      "task": .object(task), "model": .object(model),
      "base": .object(work.base(model: model)),
      "train": .object(work.train(model: model, task: task)),
      "evaluate": .object(work.evaluate()),
      "seed": document[path: "seed"] ?? 0,
    ]
    work.relations(config)
    return Draft(
      config: .object(config), findings: work.findings, usedPaths: work.used,
      sizeName: work.sizeName)
  }

  /// One resolution in progress.
  private struct Work {
    let document: JSONValue
    var findings: [Finding] = []
    var used: Set<String> = []
    var sizeName: String?

    init(document: JSONValue) { self.document = document }

    private func section(_ name: String) -> [String: JSONValue] {
      let given = document[path: name]?.object ?? [:]
      return given.merging(Resolver.defaults[name] ?? [:], uniquingKeysWith: { own, _ in own })
    }

    private mutating func error(
      _ message: String, _ paths: [String], expected: String? = nil, help: String? = nil
    ) {
      findings.append(
        Finding(
          severity: .error, message: message, paths: paths, expected: expected, help: help))
    }

    mutating func task() -> [String: JSONValue] {
      var task = section("task")
      guard let name = task["name"]?.string, let own = SpecSchema.taskFamilies[name] else {
        error(
          "'task.name' is missing", ["task.name"],
          expected: SpecSchema.task["name"]?.value.expectation)
        return task
      }
      for (family, keys) in SpecSchema.taskFamilies where family != name {
        for key in keys { task[key] = nil }
      }
      for key in own {
        used.insert("task.\(key)")
        // Two ways to write one thing must not make two points.
        if SpecSchema.taskLists.contains(key) { task[key] = task[key]?.sortedSet }
      }
      if task["judge_steps"]?.number == 0 { ignore("judge_size", "judge_label_noise", task: &task) }
      if task["max_statements"]?.number == 0 {
        ignore("max_nesting", task: &task)
        task["max_nesting"] = 0
      }
      return task
    }

    /// Takes out keys that mean nothing beside the others.
    private mutating func ignore(_ keys: String..., task: inout [String: JSONValue]) {
      for key in keys {
        task[key] = nil
        used.remove("task.\(key)")
      }
    }

    mutating func model() -> [String: JSONValue] {
      let given = section("model")
      guard let shape = shape(given) else { return given }
      sizeName = shape.sizeName
      return [
        "width": .number(Double(shape.width)), "layers": .number(Double(shape.layers)),
        "heads": .number(Double(shape.heads)), "kv_heads": .number(Double(shape.kvHeads)),
        "hidden": .number(Double(shape.hidden)), "tied_embeddings": .bool(shape.tiedEmbeddings),
        "qkv_bias": .bool(shape.qkvBias),
        "params": .number(Double(shape.nonEmbeddingParameterCount)),
      ]
    }

    private mutating func shape(_ given: [String: JSONValue]) -> ModelShape? {
      let tied = given["tied_embeddings"]?.bool ?? true
      let bias = given["qkv_bias"]?.bool ?? false
      if let name = given["size"]?.string {
        let extra = SpecSchema.widths.filter { given[$0] != nil }
        guard extra.isEmpty else {
          error(
            "'model.\(extra[0])' is given beside 'model.size', which fixes it",
            ["model.\(extra[0])", "model.size"], help: "give a size or widths, not both")
          return nil
        }
        guard var shape = ModelShape.named(name) else { return nil }
        shape.tiedEmbeddings = tied
        shape.qkvBias = bias
        return shape
      }
      let needed = ["width", "layers", "heads"]
      let missing = needed.filter { given[$0] == nil }
      guard missing.count < needed.count else {
        error(
          "the model has no 'size'", ["model.size"],
          expected: SpecSchema.model["size"]?.value.expectation,
          help: "give 'model.size', or 'width', 'layers' and 'heads'")
        return nil
      }
      for key in missing {
        error(
          "'model.\(key)' is missing beside the other widths", ["model.\(key)"],
          expected: SpecSchema.model[key]?.value.expectation)
      }
      guard missing.isEmpty, let width = given["width"]?.integer,
        let layers = given["layers"]?.integer, let heads = given["heads"]?.integer
      else { return nil }
      let shape = ModelShape(
        width: width, layers: layers, heads: heads, kvHeads: given["kv_heads"]?.integer,
        hidden: given["hidden"]?.integer, tiedEmbeddings: tied, qkvBias: bias)
      return isBuildable(shape) ? shape : nil
    }

    private mutating func isBuildable(_ shape: ModelShape) -> Bool {
      let (width, heads, kvHeads) = (shape.width, shape.heads, shape.kvHeads)
      guard width % heads == 0 else {
        error(
          "a width of \(width) cannot be shared evenly by \(heads) heads",
          ["model.width", "model.heads"], expected: "a width that is a multiple of the heads",
          help: "the nearest width that fits is \(max(1, width / (2 * heads)) * 2 * heads)")
        return false
      }
      guard (width / heads) % 2 == 0 else {
        error(
          "a width of \(width) over \(heads) heads gives heads of \(width / heads) channels",
          ["model.width", "model.heads"],
          expected: "an even number of channels per head, as rotary positions need")
        return false
      }
      guard heads % kvHeads == 0 else {
        error(
          "\(heads) heads cannot be shared evenly by \(kvHeads) key and value heads",
          ["model.kv_heads", "model.heads"], expected: "kv_heads that divides heads")
        return false
      }
      return true
    }

    mutating func base(model: [String: JSONValue]) -> [String: JSONValue] {
      var base = section("base")
      base["learning_rate"] = learningRate(base["learning_rate"], "base.learning_rate", model)
      return base
    }

    mutating func train(
      model: [String: JSONValue], task: [String: JSONValue]
    ) -> [String: JSONValue] {
      var train = section("train")
      train["learning_rate"] = learningRate(train["learning_rate"], "train.learning_rate", model)
      let control = entropyControl(train["entropy_control"])
      train["entropy_control"] = control
      guard let algorithm = train["algorithm"]?.string else {
        error(
          "'train.algorithm' is missing", ["train.algorithm"],
          expected: SpecSchema.train["algorithm"]?.value.expectation)
        return train
      }
      for setting in AlgorithmSettings.all {
        let key = setting.key.name
        guard let fallback = setting.defaults[algorithm] else {
          train[key] = nil
          continue
        }
        let value = train[key] ?? fallback
        train[key] =
          key == "critic_learning_rate"
          ? learningRate(value, "train.\(key)", model) : value
        used.insert("train.\(key)")
      }
      for switched in AlgorithmSettings.switches where switched.isOff(train) {
        for key in switched.keys { used.remove("train.\(key)") }
      }
      for key in EntropyControl.replaced(by: control[path: "method"]?.string) {
        used.remove("train.\(key)")
      }
      return train
    }

    mutating func evaluate() -> [String: JSONValue] { section("evaluate") }

    private mutating func learningRate(
      _ value: JSONValue?, _ path: String, _ model: [String: JSONValue]
    ) -> JSONValue? {
      guard let rule = value?.object else { return value }
      let missing = SpecSchema.learningRateRule.required.filter { rule[$0] == nil }
      guard missing.isEmpty else {
        error(
          "the rule of '\(path)' has no '\(missing[0])'", [path], expected: "{at, value, power}")
        return nil
      }
      guard let size = model["params"]?.number, let value = rule["value"]?.number,
        let power = rule["power"]?.number,
        let reference = rule["at"]?.number ?? rule["at"]?.string.flatMap(TextForms.size)
      else { return nil }
      let rate = value * (size / reference).power(power)
      guard SpecSchema.learningRates.contains(rate) else {
        error(
          "the rule of '\(path)' gives \(rate.shortestText ?? "no number") at \(Int(size)) parameters",
          [path, "model.size"], expected: SpecSchema.learningRates.words)
        return nil
      }
      return .number(rate)
    }

    private mutating func entropyControl(_ value: JSONValue?) -> JSONValue {
      let given = value?.object ?? ["method": value ?? "none"]
      guard let name = given["method"]?.string, let method = EntropyControl.method(name) else {
        error(
          "'train.entropy_control' has settings and no 'method'",
          ["train.entropy_control"] + given.keys.sorted().map { "train.entropy_control.\($0)" },
          expected: "one of: \(EntropyControl.names.joined(separator: ", "))")
        return .object(given)
      }
      var control = method.defaults
      for key in given.keys.sorted() {
        guard control[key] != nil else {
          error(
            "'\(key)' is not a key of entropy control '\(name)'",
            ["train.entropy_control.\(key)", "train.entropy_control.method"],
            expected: "one of: \(control.keys.sorted().joined(separator: ", "))",
            help:
              "'\(key)' belongs to \(EntropyControl.owners(of: key).joined(separator: ", "))")
          continue
        }
        control[key] = given[key]
      }
      return .object(control)
    }

    mutating func relations(_ config: [String: JSONValue]) {
      findings += Relations(config: .object(config)).findings
    }
  }
}

extension JSONValue {
  /// One value or a list of them as a sorted list without repeats: whole numbers, or names.
  var sortedSet: JSONValue {
    let values = array ?? [self]
    let numbers = Set(values.compactMap(\.number)).sorted().map { JSONValue.number($0) }
    return .array(numbers + Set(values.compactMap(\.string)).sorted().map { .string($0) })
  }
}
