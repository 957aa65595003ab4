internal import ExpCore

/// How settings join a document: the rules that `extends`, overrides, axes and `when` share.
enum SpecDocument {
  /// Applies settings whose paths do not overlap; their order does not matter.
  static func apply(_ settings: [ExperimentSpec.Setting], to document: inout JSONValue) {
    guard settings.count > 1 else {
      for setting in settings { apply(setting.path, setting.value, to: &document) }
      return
    }
    // A method comes before its settings, which would be lost if it came after.
    for setting in settings.sorted(by: { rank($0) < rank($1) }) {
      apply(setting.path, setting.value, to: &document)
    }
  }

  private static func rank(_ setting: ExperimentSpec.Setting) -> (Int, String) {
    (setting.path.hasSuffix(".method") ? 0 : 1, setting.path)
  }

  /// Sets one path.
  ///
  /// A section's map is merged key by key. A size replaces widths and a width a size, because a model has one or the
  /// other. Another method of entropy control starts from its own defaults.
  static func apply(_ path: String, _ value: JSONValue, to document: inout JSONValue) {
    if let members = value.object, SpecSchema.sections.contains(where: { $0.name == path }) {
      if document[path: path] == nil { document[path: path] = .object([:]) }
      for key in members.keys.sorted() {
        guard let member = members[key] else { continue }
        apply("\(path).\(key)", member, to: &document)
      }
      return
    }
    let parts = path.split(separator: ".").map(String.init)
    for other in alternatives(to: path) { document[path: other] = nil }
    if parts.count == 3 {
      let parent = "\(parts[0]).\(parts[1])"
      if parts[1] == "entropy_control" {
        document[path: parent] = entropyControl(document[path: parent], parts[2], value)
        return
      }
      if document[path: parent]?.object == nil { document[path: parent] = .object([:]) }
    }
    document[path: path] = value
  }

  /// The paths that a path stands in place of.
  static func alternatives(to path: String) -> [String] {
    let widths = SpecSchema.widths.map { "model.\($0)" }
    if path == "model.size" { return widths }
    return widths.contains(path) ? ["model.size"] : []
  }

  private static func entropyControl(
    _ current: JSONValue?, _ key: String, _ value: JSONValue
  ) -> JSONValue {
    var members = current?.object ?? [:]
    if let name = current?.string { members = ["method": .string(name)] }
    if key == "method", members["method"] != value { members = [:] }
    members[key] = value
    return .object(members)
  }
}
