internal import ExpCore

/// Turns the axes of a grid and of zips into values and reports what is wrong between them.
struct AxisCheck {
  private(set) var problems: Problems

  init(problems: Problems) { self.problems = problems }

  /// The axes of a grid.
  mutating func grid(_ drafts: [SpecAssembly.AxisDraft]) -> [ExperimentSpec.Axis] {
    drafts.compactMap { axis($0) }
  }

  /// The groups of axes that move together; all axes of a group need equally many values.
  mutating func zips(_ groups: [[SpecAssembly.AxisDraft]]) -> [[ExperimentSpec.Axis]] {
    groups.map { group in
      let axes = group.compactMap { axis($0) }
      if let first = axes.first,
        let other = zip(axes, group).first(where: { $0.0.values.count != first.values.count })
      {
        problems.error(
          "'\(other.0.path)' has \(Self.count(other.0)) and '\(first.path)' has \(Self.count(first)), but they move together",
          at: other.1.keyLocation, help: "give each axis of a zip equally many values",
          notes: [
            .init(location: group.first?.keyLocation, message: "'\(first.path)' is given here")
          ])
      }
      return axes
    }
  }

  private static func count(_ axis: ExperimentSpec.Axis) -> String {
    axis.values.count == 1 ? "1 value" : "\(axis.values.count) values"
  }

  /// Reports axes that set the same key, whichever of grid and zips they stand in.
  mutating func overlaps(
    _ grid: [SpecAssembly.AxisDraft], _ zips: [[SpecAssembly.AxisDraft]]
  ) {
    let all = (grid + zips.flatMap { $0 }).filter { SettablePaths.schema($0.path) != nil }
    for (index, axis) in all.enumerated() {
      guard let other = all[..<index].first(where: { Self.clash($0.path, axis.path) }) else {
        continue
      }
      let later = max(axis.keyLocation, other.keyLocation)
      let (second, first) = later == axis.keyLocation ? (axis, other) : (other, axis)
      problems.error(
        first.path == second.path
          ? "'\(second.path)' is given again here"
          : "'\(second.path)' and '\(first.path)' set the same thing",
        at: second.keyLocation, help: "remove one of them",
        notes: [.init(location: first.keyLocation, message: "'\(first.path)' is given here")])
    }
  }

  /// Whether two paths set the same key; a named size and a width do.
  private static func clash(_ left: String, _ right: String) -> Bool {
    SettablePaths.overlap(left, right) || SpecDocument.alternatives(to: left).contains(right)
  }

  private mutating func axis(_ draft: SpecAssembly.AxisDraft) -> ExperimentSpec.Axis? {
    guard SettablePaths.schema(draft.path) != nil else { return nil }
    if let elements = draft.node.elements {
      guard !elements.isEmpty else { return nil }
      checkSpellings(elements, draft.path)
      return .init(
        path: draft.path, values: elements.map(\.json),
        location: problems.fileLocation(draft.keyLocation), place: draft.keyLocation,
        valuePlaces: elements.map(\.location))
    }
    guard let count = draft.node["count"]?.value.scalar?.integer,
      (1...AxisSchema.mostValues).contains(count)
    else { return nil }
    let from = draft.node["from"].map { $0.value.scalar?.integer } ?? 0
    guard let from, from >= 0, from <= SpecSchema.largestSeed - count + 1 else {
      problems.error(
        "the seeds of '\(draft.path)' go beyond \(SpecSchema.largestSeed)", at: draft.node.location)
      return nil
    }
    return .init(
      path: draft.path, values: (from..<(from + count)).map { .number(Double($0)) },
      location: problems.fileLocation(draft.keyLocation), place: draft.keyLocation,
      valuePlaces: [])
  }

  /// Reports values that are written differently and mean the same, such as `none` and `{method: none}`.
  private mutating func checkSpellings(_ elements: [Node], _ path: String) {
    var first: [JSONValue: Node] = [:]
    for element in elements where !element.isRefused {
      let meaning = Self.meaning(element.json, path)
      guard let earlier = first[meaning] else {
        first[meaning] = element
        continue
      }
      guard earlier.json != element.json else { continue }
      problems.error(
        "\(element.json.axisText) means the same as '\(earlier.json.axisText)' in '\(path)'",
        at: element.location, help: "remove one of them",
        notes: [
          .init(location: earlier.location, message: "'\(earlier.json.axisText)' is given here")
        ])
    }
  }

  private static func meaning(_ value: JSONValue, _ path: String) -> JSONValue {
    switch path {
    case "train.entropy_control":
      let given = value.object ?? ["method": value]
      let method = given["method"]?.string.flatMap(EntropyControl.method)
      return .object(given.merging(method?.defaults ?? [:], uniquingKeysWith: { own, _ in own }))
    case _ where SpecSchema.taskLists.contains { path == "task.\($0)" }: return value.sortedSet
    default: return value
    }
  }
}
