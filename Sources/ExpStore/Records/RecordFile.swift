internal import ExpCore
internal import FoundationEssentials
internal import Glibc

/// Small files that are written whole or not at all.
enum RecordFile {
  /// Writes to a temporary name beside `path`, syncs, and renames.
  ///
  /// With `replacing: false` a file that is there stays, and the answer is false. With `syncing: false` a power cut may
  /// leave an empty file: only for what can be made again.
  @discardableResult
  static func write(
    _ text: String, to path: String, replacing: Bool = true, syncing: Bool = true
  ) throws(StoreError) -> Bool {
    try write(pieces: CollectionOfOne(text), to: path, replacing: replacing, syncing: syncing)
  }

  /// Writes in this way a text that comes in pieces and is never in memory as a whole.
  @discardableResult
  static func write(
    pieces: some Sequence<String>, to path: String, replacing: Bool = true, syncing: Bool = true
  ) throws(StoreError) -> Bool {
    let temporary = "\(path).\(getpid()).\(UInt32.random(in: 0...UInt32.max)).tmp"
    let file = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
    guard file >= 0 else { throw failure("cannot be written", path) }
    do throws(StoreError) {
      defer { close(file) }
      try write(pieces, to: file, path)
      guard !syncing || fsync(file) == 0 else { throw failure("cannot be written", path) }
    } catch {
      unlink(temporary)
      throw error
    }
    // A link fails where the name is taken, which a rename would not.
    let status = replacing ? rename(temporary, path) : link(temporary, path)
    let reason = errno
    if status != 0 || !replacing { unlink(temporary) }
    if status != 0 {
      errno = reason
      if !replacing && reason == EEXIST { return false }
      throw failure("cannot be written", path)
    }
    if syncing { syncFolder(of: path) }
    return true
  }

  /// Reads a file of at most `limit` bytes.
  static func read(_ path: String, limit: Int = 64 << 20) throws(StoreError) -> Data {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { throw failure("cannot be read", path) }
    defer { close(file) }
    var facts = stat()
    guard fstat(file, &facts) == 0 else { throw failure("cannot be read", path) }
    guard facts.st_mode & S_IFMT == S_IFREG else {
      throw StoreError(.file, "'\(path)' is not a regular file")
    }
    guard facts.st_size <= limit else {
      throw StoreError(.file, "'\(path)' has \(facts.st_size) bytes; at most \(limit) are read")
    }
    var bytes = Data(count: Int(facts.st_size))
    var filled = 0
    while filled < bytes.count {
      let room = bytes.count - filled
      let count = bytes.withUnsafeMutableBytes { buffer in
        buffer.baseAddress.map { Glibc.read(file, $0 + filled, room) } ?? 0
      }
      if count < 0 && errno == EINTR { continue }
      guard count >= 0 else { throw failure("cannot be read", path) }
      if count == 0 { break }
      filled += count
    }
    return bytes.prefix(filled)
  }

  /// Reads and decodes a file.
  static func read<Value: Decodable>(
    _ type: Value.Type, from path: String, limit: Int = 64 << 20, sections: SharedSections? = nil
  ) throws(StoreError) -> Value {
    let bytes = try read(path, limit: limit)
    let decoder = JSONDecoder()
    sections?.attach(to: decoder)
    do {
      return try decoder.decode(type, from: bytes)
    } catch {
      let reason = JSONParsingError(describing: error)
      throw StoreError(.file, "'\(path)' is not a valid record: \(reason)")
    }
  }

  /// Makes a folder with all above it.
  static func makeFolder(_ path: String) throws(StoreError) {
    do {
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    } catch {
      throw StoreError(.file, "'\(path)' cannot be made: \(error)")
    }
  }

  /// Lists a folder by name; empty where there is none.
  static func names(in path: String) -> [String] {
    // try?: a folder that is not there holds nothing.
    ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).sorted()
  }

  static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

  private static func write(
    _ pieces: some Sequence<String>, to file: Int32, _ path: String
  ) throws(StoreError) {
    var bytes: [UInt8] = []
    for piece in pieces {
      bytes += piece.utf8
      guard bytes.count >= 1 << 18 else { continue }
      try write(bytes, to: file, path)
      bytes.removeAll(keepingCapacity: true)
    }
    try write(bytes, to: file, path)
  }

  private static func write(_ bytes: [UInt8], to file: Int32, _ path: String) throws(StoreError) {
    var written = 0
    while written < bytes.count {
      let count = bytes.withUnsafeBytes { buffer in
        buffer.baseAddress.map { Glibc.write(file, $0 + written, bytes.count - written) } ?? 0
      }
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { throw failure("cannot be written", path) }
      written += count
    }
  }

  /// The rename is durable only when its folder is; a file system that cannot sync folders has no such promise to keep.
  private static func syncFolder(of path: String) {
    let folder = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
    let file = open(folder.isEmpty ? "/" : folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard file >= 0 else { return }
    fsync(file)
    close(file)
  }

  private static func failure(_ what: String, _ path: String) -> StoreError {
    let code: StoreError.Code = errno == ENOENT ? .notFound : errno == ENOSPC ? .disk : .file
    let mend =
      switch errno {
      case ENOSPC, EDQUOT: "; make room there and try again"
      case EROFS, EACCES, EPERM:
        "; change its permissions, or name another folder of runs with --runs"
      default: ""
      }
    return StoreError(code, "'\(path)' \(what): \(String(cString: strerror(errno)))\(mend)")
  }
}
