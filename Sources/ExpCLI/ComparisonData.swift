internal import ExpCore
internal import ExpFit
internal import ExpStore
internal import TrainerProtocol

/// The finished runs of a sweep or a file, labelled with every key that tells them apart.
struct ComparisonData {
  /// The runs.
  let curves: [Curve]
  /// What people call them, by id.
  let names: [String: String]
  /// Runs that are missing, in words.
  let notes: [String]

  /// Reads a sweep; its held-out runs are runs like any other here.
  init(sweep: String, key: String, paths: RunPaths) throws {
    let data = try LawData(sweep: sweep, paths: paths)
    let points = try SweepRecord.read(sweep, below: paths).points
    let labels = ComparisonLabels(points.map(\.config), key: key).labels
    let own = Dictionary(
      zip(points.map(\.run.text), labels), uniquingKeysWith: { first, _ in first })
    curves = data.curves.map { curve in
      var labelled = curve
      labelled.labels = own[curve.id] ?? [:]
      return labelled
    }
    names = data.labels
    notes = data.notes + data.heldOutNotes
  }

  /// Reads a CSV file, whose further columns are keys; `-` is standard input.
  init(csv path: String) throws {
    let contents = FitCSV.parse(try LogFile.read(path), file: LogFile.name(path))
    show(contents.diagnostics)
    guard !contents.hasErrors else { throw ExitStatus.usage }
    curves = contents.curves
    names = [:]
    notes = []
  }
}

/// The keys in which the points of a sweep differ, as labels.
///
/// Seeds and the parts of a model are no labels: a curve carries them as seeds and size.
struct ComparisonLabels {
  /// For each point, its value of every key that varies, and of the key that is asked for.
  let labels: [[String: String]]

  init(_ configs: [JSONValue], key: String) {
    let leaves = configs.map { config in
      Dictionary(
        config.flattened().filter { ComparisonLabels.isLabel($0.path) }
          .map { ($0.path, ComparisonLabels.text($0.value)) }, uniquingKeysWith: { $1 })
    }
    let paths = Set(leaves.flatMap { Array($0.keys) })
    let varying = paths.filter { path in Set(leaves.map { $0[path] }).count > 1 }
    labels = zip(configs, leaves).map { config, leaves in
      var own = leaves.filter { varying.contains($0.key) }
      own[key] = ComparisonLabels.name(config[path: key], among: configs.map { $0[path: key] })
      return own
    }
  }

  private static func isLabel(_ path: String) -> Bool {
    path != "seed" && path != "base.seed" && !path.hasPrefix("model.")
  }

  private static func text(_ value: JSONValue) -> String { value.string ?? value.canonicalJSON }

  /// What an arm is called: the text of a plain value; of an object its method, with the settings in which objects of
  /// that method differ.
  private static func name(_ value: JSONValue?, among values: [JSONValue?]) -> String? {
    guard let value else { return nil }
    guard let method = value[path: "method"]?.string else { return text(value) }
    let alike = values.compactMap(\.self).filter { $0[path: "method"]?.string == method }
    let settings = value.flattened().filter { setting in
      alike.contains { $0[path: setting.path] != setting.value }
    }
    guard !settings.isEmpty else { return method }
    let words = settings.map { "\($0.path)=\(text($0.value))" }
    return "\(method)(\(words.joined(separator: ",")))"
  }
}
