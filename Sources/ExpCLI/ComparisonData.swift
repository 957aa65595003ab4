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
    notes =
      data.notes + data.heldOutNotes
      + ComparisonData.selected(points, arms: labels.map { $0[key] }, curves, paths)
  }

  /// Arms of which some runs were pruned and others finished.
  private static func selected(
    _ points: [SweepRecord.Point], arms: [String?], _ curves: [Curve], _ paths: RunPaths
  ) -> [String] {
    let finished = Set(curves.map(\.id))
    let kept = Set(zip(points, arms).filter { finished.contains($0.0.run.text) }.map(\.1))
    var counts: [String: Int] = [:]
    for (point, arm) in zip(points, arms) where !finished.contains(point.run.text) {
      guard let arm, kept.contains(arm), RunStatus.read(paths.run(point.run)).state == .pruned
      else { continue }
      counts[arm, default: 0] += 1
    }
    return counts.keys.sorted().map { arm in
      let count = counts[arm, default: 0]
      return "\(count == 1 ? "1 run" : "\(count) runs") of '\(arm)' "
        + "\(count == 1 ? "was" : "were") pruned for what the law predicted, so what is left of it "
        + "is a selected sample"
    }
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
    let values = configs.map { $0[path: key] }
    // Of thousands of points few differ in the key, and a name is looked for among all of them.
    let different = Set(values.compactMap(\.self))
    let names = Dictionary(
      uniqueKeysWithValues: different.map { ($0, ComparisonLabels.name($0, among: different)) })
    labels = zip(values, leaves).map { value, leaves in
      var own = leaves.filter { varying.contains($0.key) }
      own[key] = value.flatMap { names[$0] }
      return own
    }
  }

  private static func isLabel(_ path: String) -> Bool {
    path != "seed" && path != "base.seed" && !path.hasPrefix("model.")
  }

  private static func text(_ value: JSONValue) -> String { value.string ?? value.canonicalJSON }

  /// What an arm is called: the text of a plain value; of an object its method, with the settings in which objects of
  /// that method differ.
  private static func name(_ value: JSONValue, among values: Set<JSONValue>) -> String {
    guard let method = value[path: "method"]?.string else { return text(value) }
    let alike = values.filter { $0[path: "method"]?.string == method }
    let settings = value.flattened().filter { setting in
      alike.contains { $0[path: setting.path] != setting.value }
    }
    guard !settings.isEmpty else { return method }
    let words = settings.map { "\($0.path)=\(text($0.value))" }
    return "\(method)(\(words.joined(separator: ",")))"
  }
}
