internal import ExpCore

/// Puts a spec together: extended files first, then the file itself, then the overrides.
struct SpecAssembly {
  /// An axis with the places of its values.
  struct AxisDraft {
    var path: String
    var keyLocation: SourceLocation
    var node: Node
  }

  var problems = Problems()
  var files: [String: String] = [:]
  var start: SourceLocation
  /// Whether the spec itself could be read as a map.
  var isRead = false
  /// The sections and the seed.
  var document: JSONValue = .object([:])
  var places: [String: SourceLocation] = [:]
  var grid: [AxisDraft] = []
  var zips: [[AxisDraft]] = []
  /// Everything else, by its key; the innermost file wins.
  var others: [String: Node] = [:]

  init(path: String) { start = SourceLocation(file: path, line: 1, column: 1) }

  // MARK: Files

  /// Reads a file after the one it extends, so that it wins.
  mutating func read(_ bytes: [UInt8], path: String, chain: [FileIdentity]) {
    let source: SourceText
    do {
      source = try SourceText(path: path, bytes: bytes)
    } catch {
      problems.add(error)
      return
    }
    files[path] = source.text
    guard let root = YAMLReader.read(source, &problems) else { return }
    SchemaCheck.check(root, &problems)
    if let extends = root["extends"], let target = extends.value.scalar?.string, !target.isEmpty {
      extend(target, at: extends.value.location, from: path, chain: chain)
    }
    if path == start.file {
      start = root.location
      isRead = root.entries != nil
    }
    fold(root)
  }

  private mutating func extend(
    _ target: String, at place: SourceLocation, from path: String, chain: [FileIdentity]
  ) {
    let folder = path.lastIndex(of: "/").map { path[...$0] } ?? ""
    let resolved = target.hasPrefix("/") ? target : folder + target
    guard chain.count < SpecLoader.longestChain else {
      problems.error("more than \(SpecLoader.longestChain) specs extend one another", at: place)
      return
    }
    do {
      let (bytes, identity) = try readRegularFile(resolved)
      guard !chain.contains(identity), resolved != start.file else {
        problems.error(
          "'\(resolved.printable)' extends itself, through this line", at: place,
          help: "a spec cannot start from one that starts from it")
        return
      }
      problems.extendsNotes[resolved] =
        [.init(location: place, message: "extended here")] + (problems.extendsNotes[path] ?? [])
      read(bytes, path: resolved, chain: chain + [identity])
    } catch {
      problems.error(
        "cannot read '\(resolved.printable)': \(error.reason)", at: place,
        help: "'extends' is relative to the folder of '\(path.printable)'")
    }
  }

  // MARK: Merging

  /// Lays a file over what it extends.
  private mutating func fold(_ root: Node) {
    for entry in root.entries ?? [] {
      if entry.key == "seed" || SpecSchema.sections.contains(where: { $0.name == entry.key }) {
        set(entry.key, entry.value, at: entry.keyLocation, merging: true)
      } else if entry.key != "grid", entry.key != "zip", entry.key != "extends" {
        others[entry.key] = others[entry.key].map { Node.merged($0, entry.value) } ?? entry.value
      }
    }
    if let zip = root["zip"]?.value.elements {
      zips = zip.map { SpecAssembly.axes(of: $0) }
    }
    for axis in root["grid"].map({ SpecAssembly.axes(of: $0.value) }) ?? [] { place(axis) }
  }

  private static func axes(of node: Node) -> [AxisDraft] {
    (node.entries ?? []).map {
      AxisDraft(path: $0.key, keyLocation: $0.keyLocation, node: $0.value)
    }
  }

  /// Adds an axis, or replaces the one of its path where that stands.
  mutating func place(_ axis: AxisDraft) {
    for group in zips.indices {
      for index in zips[group].indices where zips[group][index].path == axis.path {
        // A file that gives an axis in both is told so; only what was inherited is replaced.
        if zips[group][index].keyLocation.file != axis.keyLocation.file {
          zips[group][index] = axis
          return
        }
      }
    }
    if let index = grid.firstIndex(where: { $0.path == axis.path }) {
      grid[index] = axis
    } else {
      grid.append(axis)
    }
  }

  /// Sets a path of the document; an inherited axis of that path gives way to it.
  mutating func set(_ path: String, _ node: Node, at key: SourceLocation, merging: Bool) {
    if let entries = node.entries, SpecSchema.sections.contains(where: { $0.name == path }) {
      places[path] = key
      if document[path: path] == nil { document[path: path] = .object([:]) }
      for entry in entries where SettablePaths.schema("\(path).\(entry.key)") != nil {
        set("\(path).\(entry.key)", entry.value, at: entry.keyLocation, merging: merging)
      }
      return
    }
    let isMethodKept =
      merging && path == "train.entropy_control" && node["method"] != nil
      && node["method"]?.value.scalar == method
    if isMethodKept
      || (merging && path.hasSuffix(".learning_rate") && node.entries != nil
        && document[path: path]?.object != nil)
    {
      for entry in node.entries ?? [] {
        set("\(path).\(entry.key)", entry.value, at: entry.keyLocation, merging: merging)
      }
      return
    }
    removeAxes(of: path)
    if path.hasPrefix("model."), givesModel(node.location.file) {
      // Within one file both may be given: the model is then refused, so nothing replaces anything here.
      document[path: path] = node.json
    } else {
      SpecDocument.apply(path, node.json, to: &document)
      for other in SpecDocument.alternatives(to: path) {
        places[other] = nil
        removeAxes(of: other)
      }
    }
    places[path] = node.location
    for entry in node.entries ?? [] { places["\(path).\(entry.key)"] = entry.value.location }
  }

  /// Whether a file has given a size or widths already.
  private func givesModel(_ file: String) -> Bool {
    (["size"] + SpecSchema.widths).contains { places["model.\($0)"]?.file == file }
  }

  private var method: JSONValue? {
    let control = document[path: "train.entropy_control"]
    return control?[path: "method"] ?? control
  }

  /// Removes axes of a path or of a part of it.
  mutating func removeAxes(of path: String) {
    let goes: (AxisDraft) -> Bool = { $0.path == path || $0.path.hasPrefix(path + ".") }
    grid.removeAll(where: goes)
    for index in zips.indices { zips[index].removeAll(where: goes) }
    zips.removeAll { $0.isEmpty }
  }
}

extension Node {
  /// Lays a node over another: maps key by key, everything else whole.
  static func merged(_ below: Node, _ above: Node) -> Node {
    guard let own = above.entries, var entries = below.entries else { return above }
    for entry in own {
      if let index = entries.firstIndex(where: { $0.key == entry.key }) {
        entries[index].value = merged(entries[index].value, entry.value)
        entries[index].keyLocation = entry.keyLocation
      } else {
        entries.append(entry)
      }
    }
    return Node(content: .mapping(entries), location: above.location)
  }
}
