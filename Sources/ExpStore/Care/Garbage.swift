internal import ExpCore
internal import FoundationEssentials
internal import Glibc
public import TrainerProtocol

/// What lies below `runs/` and nothing refers to.
///
/// A run is referred to by a plan, a tag or a note; a base policy by a plan or by a run that is kept. What a
/// trainer works on at this moment is never garbage.
public struct Garbage: Sendable {
  /// One thing that may go.
  public struct Item: Sendable, Hashable {
    /// What it is, in two or three words.
    public var kind: String
    /// Its path, relative to the folder of runs.
    public var path: String
    /// Bytes it takes.
    public var bytes: Int
    /// Why nothing needs it.
    public var reason: String
  }

  /// What things are called that are being deleted; a crash leaves them to the next time.
  static let trashPrefix = ".trash-"

  /// The things, in order of their path.
  public let items: [Item]
  private let paths: RunPaths
  private let runs: Set<String>

  /// Looks for what may go.
  ///
  /// - Throws: `StoreError` where a plan or a run's request cannot be read, for then nobody knows what it refers to.
  public init(below paths: RunPaths) throws(StoreError) {
    var search = Search(paths: paths, references: try References(below: paths))
    search.lookThroughRuns(in: "", kind: "run")
    search.lookThroughRuns(in: "bases/", kind: "base policy")
    search.lookThroughFits()
    search.lookForRemains()
    items = search.items.sorted { $0.path < $1.path }
    runs = search.runs
    self.paths = paths
  }

  /// Deletes one thing: out of sight first, so that a crash leaves nothing that looks whole.
  ///
  /// - Returns: whether it went; false where a trainer took it meanwhile.
  /// - Throws: `StoreError` where it cannot be deleted.
  public func delete(_ item: Item) throws(StoreError) -> Bool {
    let path = "\(paths.root)/\(item.path)"
    var lock: Int32 = -1
    defer { if lock >= 0 { close(lock) } }
    if runs.contains(item.path) {
      lock = open(RunFolder(path: path).lock, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
      guard lock >= 0, flock(lock, LOCK_EX | LOCK_NB) == 0 else { return false }
      // A sweep may have been planned since we looked.
      let references = try References(below: paths)
      guard let id = RunID(text: String(item.path.split(separator: "/").last ?? "")),
        !references.contains(id, isBase: item.path.hasPrefix("bases/"))
      else { return false }
    }
    let folder = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
    let trash = "\(folder)/\(Garbage.trashPrefix)\(getpid())-\(UInt32.random(in: 0...UInt32.max))"
    guard rename(path, trash) == 0 else {
      if errno == ENOENT { return true }
      throw StoreError(.file, "'\(path)' cannot be moved: \(String(cString: strerror(errno)))")
    }
    do {
      try FileManager.default.removeItem(atPath: trash)
    } catch {
      throw StoreError(.file, "'\(trash)' cannot be deleted: \(error)")
    }
    return true
  }
}

/// A search in progress.
private struct Search {
  let paths: RunPaths
  let references: References
  var items: [Garbage.Item] = []
  /// Paths of whole runs and base policies among the items.
  var runs: Set<String> = []

  private mutating func add(_ kind: String, _ path: String, _ reason: String) {
    let bytes = Search.size(of: "\(paths.root)/\(path)")
    items.append(Garbage.Item(kind: kind, path: path, bytes: bytes, reason: reason))
  }

  mutating func lookThroughRuns(in prefix: String, kind: String) {
    let isBase = !prefix.isEmpty
    for name in RecordFile.names(in: "\(paths.root)/\(prefix)") {
      let path = prefix + name
      if name.hasPrefix(Garbage.trashPrefix) {
        add("half-deleted", path, "an earlier deletion was cut short")
      }
      let folder = RunFolder(path: "\(paths.root)/\(path)")
      guard let id = RunID(text: name), !RunStatus.isLocked(folder.lock) else { continue }
      guard references.contains(id, isBase: isBase) else {
        runs.insert(path)
        add(kind, path, references.reason(isBase: isBase))
        continue
      }
      for inner in RecordFile.names(in: folder.path) where Search.isAside(inner) {
        add("earlier attempt", "\(path)/\(inner)", "the run was computed again")
      }
    }
  }

  mutating func lookThroughFits() {
    for name in RecordFile.names(in: FitRecord.folder(below: paths)) {
      guard let id = RunID(text: String(name.prefix { $0 != "." })),
        !references.contains(id, isBase: false)
      else { continue }
      add("fit", "fits/\(name)", "its run is not referred to")
    }
  }

  /// Looks for what crashes and repairs left.
  mutating func lookForRemains() {
    for path in Search.temporaries(paths.root) {
      guard !items.contains(where: { path.hasPrefix($0.path + "/") }) else { continue }
      add("temporary file", path, "its writer ended before it was done")
    }
    if RecordFile.exists("\(paths.database).damaged") {
      add("damaged store", "exp.sqlite.damaged", "the store has been made anew")
    }
  }

  /// Whether a name is that of files that were moved aside for another computation.
  private static func isAside(_ name: String) -> Bool {
    name.hasPrefix("attempts-") && !name.dropFirst(9).isEmpty
      && name.dropFirst(9).allSatisfy(\.isNumber)
  }

  /// Temporary files that nobody has written to for an hour, by relative path.
  private static func temporaries(_ root: String, _ folder: String = "") -> [String] {
    let limit = time(nil) - 3600
    return RecordFile.names(in: "\(root)/\(folder)").flatMap { name -> [String] in
      let path = folder.isEmpty ? name : "\(folder)/\(name)"
      var facts = stat()
      guard !name.hasPrefix(Garbage.trashPrefix), lstat("\(root)/\(path)", &facts) == 0 else {
        return []
      }
      switch facts.st_mode & S_IFMT {
      case S_IFDIR: return temporaries(root, path)
      case S_IFREG: return name.hasSuffix(".tmp") && facts.st_mtim.tv_sec < limit ? [path] : []
      default: return []
      }
    }
  }

  private static func size(of path: String) -> Int {
    var facts = stat()
    guard lstat(path, &facts) == 0 else { return 0 }
    guard facts.st_mode & S_IFMT == S_IFDIR else { return Int(facts.st_size) }
    return RecordFile.names(in: path).reduce(0) { $0 + size(of: "\(path)/\($1)") }
  }
}

/// What plans, annotations and kept runs refer to.
private struct References {
  private var runs: Set<RunID> = []
  private var bases: Set<RunID> = []

  init(below paths: RunPaths) throws(StoreError) {
    for name in RecordFile.names(in: "\(paths.root)/sweeps") where SweepRecord.isName(name) {
      guard RecordFile.exists(SweepRecord.path(of: name, below: paths)) else { continue }
      for point in try SweepRecord.read(name, below: paths).points {
        runs.insert(point.run)
        bases.insert(point.base)
      }
    }
    for name in RecordFile.names(in: RunAnnotations.folder(below: paths)) {
      if let id = RunID(text: String(name.prefix { $0 != "." })) { runs.insert(id) }
    }
    for name in RecordFile.names(in: paths.root) {
      guard let id = RunID(text: name) else { continue }
      let folder = paths.run(id)
      guard runs.contains(id) || RunStatus.isLocked(folder.lock), RecordFile.exists(folder.request)
      else { continue }
      let request = try RecordFile.read(RunRequest.self, from: folder.request, limit: 1 << 20)
      if let base = request.base { bases.insert(base.id) }
    }
  }

  func contains(_ id: RunID, isBase: Bool) -> Bool {
    isBase ? bases.contains(id) : runs.contains(id)
  }

  func reason(isBase: Bool) -> String {
    isBase ? "no plan and no kept run starts from it" : "no plan, tag or note names it"
  }
}
