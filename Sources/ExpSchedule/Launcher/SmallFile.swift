internal import Glibc

/// The words of the system for an error number.
func systemMessage(_ code: Int32) -> String {
  var buffer = [CChar](repeating: 0, count: 256)
  guard strerror_r(code, &buffer, buffer.count) == 0 else { return "error \(code)" }
  return buffer.withUnsafeBufferPointer { text in
    text.baseAddress.map { String(cString: $0) } ?? "error \(code)"
  }
}

/// An open descriptor with one owner; closed with it.
struct Descriptor: ~Copyable {
  let number: Int32

  /// Owns what a system call returned.
  init(owning number: Int32) { self.number = number }

  /// Opens a file, never inherited by a child unless it is handed over on purpose.
  init(opening path: String, _ flags: Int32, mode: mode_t = 0o644) throws(ScheduleError) {
    var number: Int32
    repeat { number = open(path, flags | O_CLOEXEC, mode) } while number < 0 && errno == EINTR
    guard number >= 0 else { throw .system(call: "open", path: path, errno: errno) }
    self.number = number
  }

  deinit { close(number) }

  /// Writes all bytes.
  func write(_ bytes: [UInt8], path: String) throws(ScheduleError) {
    var start = 0
    while start < bytes.count {
      let written = bytes[start...].withUnsafeBytes {
        Glibc.write(number, $0.baseAddress, $0.count)
      }
      if written > 0 {
        start += written
      } else if errno != EINTR {
        throw .system(call: "write", path: path, errno: errno)
      }
    }
  }

  /// Reads at most `limit` bytes from an offset.
  func read(at offset: Int, limit: Int) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: limit) { buffer, count in
      while count < limit {
        let rest = UnsafeMutableRawBufferPointer(
          UnsafeMutableBufferPointer(rebasing: buffer[count...]))
        let got = pread(number, rest.baseAddress, rest.count, off_t(offset + count))
        if got > 0 {
          count += got
        } else if got == 0 || errno != EINTR {
          return
        }
      }
    }
  }

  /// Brings what was written to the disk.
  func sync(_ path: String) throws(ScheduleError) {
    guard fsync(number) == 0 else { throw .system(call: "fsync", path: path, errno: errno) }
  }

  /// Takes the file's exclusive lock where nobody else holds it.
  func tryLock() -> Bool {
    while flock(number, LOCK_EX | LOCK_NB) != 0 {
      if errno != EINTR { return false }
    }
    return true
  }

  /// Makes a second descriptor of the same open file, above those that a child expects at fixed numbers.
  ///
  /// The caller closes it.
  func duplicate() throws(ScheduleError) -> Int32 {
    let copy = fcntl(number, F_DUPFD_CLOEXEC, 10)
    guard copy >= 0 else { throw .system(call: "fcntl", path: "a descriptor", errno: errno) }
    return copy
  }

  /// The file's size; 0 where it has none.
  var size: Int {
    var facts = stat()
    return fstat(number, &facts) == 0 ? Int(facts.st_size) : 0
  }
}

/// Whole files of bounded size, read at once and written so that a crash leaves the old or the new, never a part.
enum SmallFile {
  /// Returns the bytes; nil where there is no such file.
  static func read(_ path: String, limit: Int = 4 << 20) throws(ScheduleError) -> [UInt8]? {
    let file: Descriptor
    do {
      file = try Descriptor(opening: path, O_RDONLY | O_NONBLOCK)
    } catch {
      if case .system(_, _, let code) = error, code == ENOENT || code == ENOTDIR { return nil }
      throw error
    }
    let size = file.size
    guard size <= limit else {
      throw .unreadable(path: path, reason: "it is larger than \(limit) bytes")
    }
    // Files of the kernel say that they are empty.
    return file.read(at: 0, limit: size > 0 ? size : min(limit, 1 << 16))
  }

  /// Writes to a temporary name, syncs, renames, and syncs the folder.
  static func write(_ bytes: [UInt8], to path: String, in folder: String) throws(ScheduleError) {
    let temporary = "\(path).\(getpid()).tmp"
    do throws(ScheduleError) {
      let file = try Descriptor(opening: temporary, O_WRONLY | O_CREAT | O_TRUNC)
      try file.write(bytes, path: temporary)
      try file.sync(temporary)
      guard rename(temporary, path) == 0 else {
        throw ScheduleError.system(call: "rename", path: path, errno: errno)
      }
    } catch {
      unlink(temporary)
      throw error
    }
    try syncFolder(folder)
  }

  private static func syncFolder(_ folder: String) throws(ScheduleError) {
    let directory = try Descriptor(opening: folder, O_RDONLY | O_DIRECTORY)
    try directory.sync(folder)
  }

  /// Makes a folder and those above it.
  static func makeFolder(_ path: String) throws(ScheduleError) {
    if mkdir(path, 0o755) == 0 || errno == EEXIST { return }
    let code = errno
    guard code == ENOENT, let slash = path.lastIndex(of: "/"), slash != path.startIndex else {
      throw .system(call: "mkdir", path: path, errno: code)
    }
    try makeFolder(String(path[..<slash]))
    guard mkdir(path, 0o755) == 0 || errno == EEXIST else {
      throw .system(call: "mkdir", path: path, errno: errno)
    }
  }
}
