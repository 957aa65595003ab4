internal import FoundationEssentials
internal import Glibc
public import TrainerProtocol

/// Copies the files below `runs/` to another folder, which can then be used as `runs/` itself.
///
/// Files that are there with the same size and time are kept, so that a second backup copies what changed. Each
/// file is written under a temporary name, synced and renamed. Of a run that goes on, the log is copied
/// after its records, so that it holds all that they rest on.
public struct FileBackup: Sendable {
  /// What was done.
  public struct Outcome: Sendable, Hashable {
    /// Files copied.
    public var copied = 0
    /// Files that were there already.
    public var kept = 0
    /// Bytes copied.
    public var bytes = 0
    /// What was left out, in words.
    public var problems: [String] = []
  }

  private let source: String
  private let target: String
  private let withCheckpoints: Bool
  private var outcome = Outcome()

  /// Copies everything but the store itself, locks, temporary files and, unless asked for, checkpoints.
  ///
  /// - Parameters:
  ///   - paths: the folder of runs.
  ///   - target: where to; made where it is missing.
  ///   - withCheckpoints: whether checkpoints are copied too.
  /// - Returns: what was copied, kept and left out.
  /// - Throws: `StoreError` where the target cannot be written, or lies inside the source or around it.
  public static func run(
    from paths: RunPaths, to target: String, withCheckpoints: Bool
  ) throws(StoreError) -> Outcome {
    try RecordFile.makeFolder(target)
    let (source, target) = (try resolved(paths.root), try resolved(target))
    guard !"\(target)/".hasPrefix("\(source)/"), !"\(source)/".hasPrefix("\(target)/") else {
      throw StoreError(.file, "a backup must lie outside of '\(source)' and not around it")
    }
    var backup = FileBackup(source: source, target: target, withCheckpoints: withCheckpoints)
    try backup.copyFolder("")
    return backup.outcome
  }

  private init(source: String, target: String, withCheckpoints: Bool) {
    self.source = source
    self.target = target
    self.withCheckpoints = withCheckpoints
  }

  private static func resolved(_ path: String) throws(StoreError) -> String {
    guard let real = realpath(path, nil) else {
      throw StoreError(.notFound, "'\(path)' cannot be read: \(String(cString: strerror(errno)))")
    }
    defer { free(real) }
    return String(cString: real)
  }

  private mutating func copyFolder(_ folder: String) throws(StoreError) {
    let names = RecordFile.names(in: "\(source)\(folder)")
    // Logs last: what the other files say is then in them.
    for name in names.filter({ !$0.hasSuffix(".jsonl") }) + names.filter({ $0.hasSuffix(".jsonl") })
    {
      guard !isLeftOut(name, in: folder) else { continue }
      let path = "\(folder)/\(name)"
      var facts = stat()
      guard lstat("\(source)\(path)", &facts) == 0 else { continue }
      switch facts.st_mode & S_IFMT {
      case S_IFDIR:
        try RecordFile.makeFolder("\(target)\(path)")
        try copyFolder(path)
      case S_IFREG: try copyFile(path, facts)
      default: outcome.problems.append("'\(source)\(path)' is no regular file and left out")
      }
    }
  }

  private func isLeftOut(_ name: String, in folder: String) -> Bool {
    if folder.isEmpty, name.hasPrefix("exp.sqlite") { return true }
    if name == "checkpoints", !withCheckpoints { return true }
    return name.hasSuffix(".tmp") || name == "trainer.lock" || name == "lock"
      || name.hasPrefix(Garbage.trashPrefix)
  }

  private mutating func copyFile(_ path: String, _ facts: stat) throws(StoreError) {
    var there = stat()
    if stat("\(target)\(path)", &there) == 0, there.st_size == facts.st_size,
      there.st_mtim.tv_sec == facts.st_mtim.tv_sec, there.st_mtim.tv_nsec == facts.st_mtim.tv_nsec
    {
      outcome.kept += 1
      return
    }
    let temporary = "\(target)\(path).\(getpid()).tmp"
    do throws(StoreError) {
      outcome.bytes += try FileBackup.copy("\(source)\(path)", to: temporary, facts)
    } catch {
      unlink(temporary)
      // A run may drop an older checkpoint while we look.
      if error.code == .notFound { return }
      throw error
    }
    guard rename(temporary, "\(target)\(path)") == 0 else {
      throw FileBackup.failure("cannot be written", "\(target)\(path)")
    }
    outcome.copied += 1
  }

  private static func copy(
    _ source: String, to target: String, _ facts: stat
  ) throws(StoreError) -> Int {
    let input = open(source, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
    guard input >= 0 else { throw failure("cannot be read", source) }
    defer { close(input) }
    let output = open(target, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard output >= 0 else { throw failure("cannot be written", target) }
    defer { close(output) }
    var buffer = [UInt8](repeating: 0, count: 1 << 20)
    var total = 0
    while true {
      let count = read(input, &buffer, buffer.count)
      if count < 0 && errno == EINTR { continue }
      guard count >= 0 else { throw failure("cannot be read", source) }
      if count == 0 { break }
      var written = 0
      while written < count {
        let part = buffer.withUnsafeBytes { bytes in
          bytes.baseAddress.map { write(output, $0 + written, count - written) } ?? 0
        }
        if part < 0 && errno == EINTR { continue }
        guard part > 0 else { throw failure("cannot be written", target) }
        written += part
      }
      total += count
    }
    var times = [facts.st_atim, facts.st_mtim]
    guard fsync(output) == 0, futimens(output, &times) == 0 else {
      throw failure("cannot be written", target)
    }
    return total
  }

  private static func failure(_ what: String, _ path: String) -> StoreError {
    let code: StoreError.Code = errno == ENOENT ? .notFound : errno == ENOSPC ? .disk : .file
    return StoreError(code, "'\(path)' \(what): \(String(cString: strerror(errno)))")
  }
}
